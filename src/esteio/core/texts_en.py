"""The sentences in English, as data. `errors` says how they are read; `texts_pt` has the same codes.

`{name}` is a value of the reason or line; a part in `[brackets]` is left out when a value in it is missing. Never
lives here: a rule.
"""

from __future__ import annotations

from collections.abc import Mapping

from esteio.core.texts_doubt_en import DOUBTS

REASONS: Mapping[str, tuple[str, str]] = {
    # the session's own state
    "created": ("The session was created here and nothing is known of it yet.", ""),
    "connecting": ("The server is opening the connection to WhatsApp.", ""),
    "live": ("Connected. The latest proof: {evidence}", ""),
    "live-unproved": ("Connected, by the provider's word. Nothing proves yet that the connection works.", ""),
    "suspect": ("A send or a look failed, but once proves no fall. We are watching it closely.", ""),
    "ghost-socket": (
        (
            "Connection temporarily unavailable. Trying to reconnect... The server says that the session is open, "
            "but refuses what is sent through it (Connection Closed)."
        ),
        "",
    ),
    "half-open": (
        (
            "Connection temporarily unavailable. Trying to reconnect... The connection looks open, "
            "but WhatsApp does not answer through it."
        ),
        "",
    ),
    "reconnecting": ("The connection fell and the server is reconnecting by itself. It is given its time.", ""),
    "closed": ("The connection fell and the server confirms it. Trying to reconnect; no QR code is needed.", ""),
    "closed-for-good": (
        "The session is closed, restarting it does not bring it back, and the provider does not say why.",
        "Look on the phone whether the linked device is still there; if not, scan the QR code again.",
    ),
    "flapping": (
        (
            "The session connects and falls again and again[ ({count} times just now)]. "
            "Nothing is restarted: that would make it worse."
        ),
        "If it goes on, see whether the same number is open on another server; if it is not, restart the provider's.",
    ),
    "own-duel": (
        (
            "Two connections of this session throw each other out without end, since one was opened while the server "
            "{server} was reconnecting by itself. Messages wait."
        ),
        "Restart the process (or container) of the server {server}. No new QR code is needed.",
    ),
    "replaced": (
        "Another program uses the same link of this number (code {code}). The two throw each other out.",
        "Find the other one and stop it: a second server, an old container, a test with the same number.",
    ),
    "awaiting-qr": (
        "No phone is linked to this session. There is a QR code to scan.",
        "On the phone: WhatsApp > Linked devices > Link a device, and scan the QR code.",
    ),
    "awaiting-code": (
        "No phone is linked to this session. The last QR code has expired and the next one has not come yet.",
        "Wait some seconds for the next code; if none comes, ask for a new one (pair).",
    ),
    "unpaired": (
        "No phone is linked to this session and there is no valid QR code.",
        "Ask for a new code (pair) and scan it with this number's phone.",
    ),
    "logged-out": (
        "WhatsApp removed this device (code {code}): the number's owner or WhatsApp itself unlinked it.",
        "Talk to the number's owner and pair again with a QR code.",
    ),
    "banned": (
        "WhatsApp has locked this account (code {code}). No software can help.",
        "Open WhatsApp on the phone, read what it says and ask for a review there.",
    ),
    "temp-banned": (
        "WhatsApp has suspended this account for a time (code {code}). Nothing is restarted until it ends.",
        "Stop mass sends from this number and wait; insisting makes it longer.",
    ),
    "outdated": (
        "WhatsApp refuses the version that this server uses (code {code}).",
        "Update the provider's server. Pairing again does not help.",
    ),
    "not-loaded": (
        (
            "Server {server} knows this number and has not taken it into its running process for minutes: "
            "nothing can be sent, and no step of ours helps."
        ),
        "Restart the provider's server process.",
    ),
    "instance-missing": (
        "The provider says that it does not know this instance.",
        "If it was not deleted on purpose, create it again (recreate) and scan the QR code.",
    ),
    "provider-refused": (
        "The provider refused the request[: {detail}]",
        "Correct what the provider's words point at, then ask to recreate the session.",
    ),
    "provider-slow": ("The provider has not answered yet. The work goes on and the session updates itself.", ""),
    "server-up": ("The server {server} answers again.", ""),
    "server-down": (
        "The server {server} does not answer.[ {detail}]",
        "Look at the server, not at the numbers: is it running, with network and memory? Messages wait here.",
    ),
    "server-wall": (
        "The server {server} does nothing until it is released[: {detail}]",
        "Open the server's own panel and activate the licence that it asks for.",
    ),
    "server-mass-fall": (
        (
            "Several sessions of the server {server} fell together[ ({count})]. "
            "They are treated as one problem: one comes back first, then the others, little by little."
        ),
        "See whether the server was restarted or lost its network.",
    ),
    "notice-test": ("This is a test: whoever reads it receives Esteio's notices.", ""),
    "server-mass-fall-over": ("The sessions of the server {server} that fell together are back[ ({count})].", ""),
    "wrong-identity": (
        "This session is linked to the number {seen}, but it should be {phone}. Nothing is sent through it.",
        "See which phone scanned the code; pair with the right number or correct the session's number.",
    ),
    "restricted-463": (
        (
            "WhatsApp refused messages to new contacts (code 463[, {count} in the last hour]). "
            "The session is alive; a restart does not help."
        ),
        "Stop messages to people who never wrote to this number. Answering those who write is still possible.",
    ),
    "held-463": (
        (
            "WhatsApp refuses messages to new contacts for now (code 463). This one waits[ until {until}] "
            "and goes at once if its recipient writes first."
        ),
        "Nothing to do. Whoever insists now risks the number.",
    ),
    "stalled": (
        "The connection answers, but the server delivers no event at all, not even of our own messages.",
        "Restart the process of the provider's server. Logging the session out does not help.",
    ),
    "deaf": (
        "Sends work, but nothing has come in to this number for much longer than is usual.",
        "Send it a message from another phone. If it does not arrive, restart the process of the provider's server.",
    ),
    "webhook-unreachable": (
        (
            "The server {server} accepts our messages, and no webhook of it reaches us: its address for us is right, "
            "and it cannot call it. What comes in is read from its list meanwhile, a minute late."
        ),
        "Set ESTEIO_PUBLIC_URL to an address that the server's process (or container) can reach, and start again.",
    ),
    "webhook-gone": (
        "The server forgot where to send what comes in. The address is being set again.",
        "",
    ),
    "acks-missing": (
        "The server accepts messages, but WhatsApp confirms none[ ({count} unconfirmed)].",
        "Look at WhatsApp on the phone and stop sends to new contacts. Do not restart.",
    ),
    "unknown-state": (
        "The server used a word for a state that we do not know[: {word}]. Nothing is done about it; we look again.",
        "",
    ),
    "paused": (
        "A person paused this session. It is watched, nothing is done to it, and messages wait.",
        "Resume the session when you are ready.",
    ),
    "ghost-needs-server-restart": (
        (
            "The session is dead and restarting it has no effect on this server: "
            "only a restart of the process of the server {server} brings it back."
        ),
        (
            "Restart the process (or container) of the server {server}."
            "[ WhatsApp removed this device (code {code}): after that a new QR code has to be scanned.]"
        ),
    ),
    "approval-awaited": (
        (
            "The harmless steps were not enough. The next one unlinks this session's phone and waits for a person."
            "[ Reason: {cause}]"
        ),
        "Decide under Approvals: approve (a new QR code will have to be scanned) or reject.",
    ),
    "code-on-its-way": ("The code for pairing was asked for and is on its way.", ""),
    # what a destructive step costs
    "cost-logout": (
        "The session {session} will be unlinked from the phone: a new QR code has to be scanned to come back.",
        "",
    ),
    "cost-recreate": (
        (
            "The session {session} will be deleted and created again at the provider: the link to the phone and what "
            "the provider keeps of it are lost, and a new QR code has to be scanned."
        ),
        "",
    ),
    "cost-delete": (
        "The session {session} will be deleted at the provider, with its link to the phone and all that is kept of it.",
        "",
    ),
    # why a step waits, or is taken
    "boot-grace": ("The server has just started: nothing destructive is done for some minutes.", ""),
    "quarantine": (
        "The last steps did not help[ ({strikes} series)]. A pause before the next try, longer each time.",
        "If you have removed the cause, ask to recover now.",
    ),
    "look-first": ("Nobody has seen yet what the last step did: a look comes first.", ""),
    "memory-stands-still": ("The provider's word did not move during the restart; another one now could do harm.", ""),
    "restart-cooldown": ("The last restart is too recent for another one.", ""),
    "logout-limit": ("The last logout is too recent for another one.", ""),
    "follows": ("It goes on from the step before.", ""),
    "asked-to-pair": ("A person asked for a code to pair.", ""),
    "approved": ("A person approved this step.", ""),
    "missed-unknowable": (
        "Nobody can tell how many messages were missed meanwhile: the provider keeps no list to read them back from.",
        "Look on the phone what came in meanwhile.",
    ),
    "missed-being-read": ("What came in meanwhile is being read back from the provider's list.", ""),
    # messages
    "session-down": (
        "Session disconnected. Reconnection attempt in progress.",
        "If it was kept, it goes by itself once the session is back; if it failed, use retry then.",
    ),
    "send-retried": ("The server refused the send (Connection Closed). It is tried again in a few seconds.", ""),
    "send-server": ("The server did not take the message now[: {detail}]. It is tried again.", ""),
    "route-unknown": (
        (
            "The address of the server[ {server}] does not know the route of this send[: {detail}]. "
            "Nothing is wrong with the message: it waits and is tried again."
        ),
        (
            "Check the server's base_url: a path too much or missing, another program or a proxy at that address, "
            "or a version of the provider that cannot send this kind of message (then cancel it)."
        ),
    ),
    "send-rate": ("The server asked to send more slowly. The message waits its turn.", ""),
    "media-failed": (
        "The media could not be sent[: {detail}]",
        "See whether the file exists, its address opens and WhatsApp takes its format; then retry.",
    ),
    "media-not-available": ("The provider gave neither the file nor a way to ask for it.", ""),
    "media-too-large": (
        "The file is larger than this gateway keeps ({limit} bytes).",
        "Raise max_media_bytes for files to come; this one can be opened on the phone.",
    ),
    "media-unreadable": ("The provider sent the file in a form that cannot be read.", ""),
    "media-fetch-failed": (
        "The file could not be fetched from the provider[: {detail}]",
        "Open it on the phone; if this happens often, look at the provider's own log.",
    ),
    "media-expired": ("The file was kept for as long as the settings say, and then removed.", ""),
    "media-not-kept": ("No copy of this file was made.", ""),
    "media-not-allowed": (
        "The media was not fetched[: {detail}]. Esteio itself refused its address; the provider was not asked.",
        "Use a public address, or name its network in allow_targets, or send the file as base64.",
    ),
    "media-is-a-page": (
        "The media's address gave a web page where a file was promised[: {detail}].",
        "Use an address that gives the file itself, without a sign-in; to send a page on purpose, say mime text/html.",
    ),
    "invalid-number": (
        "This number has no WhatsApp[: {detail}]",
        "Check the number, with area and country code.",
    ),
    "request-refused": (
        "The provider refused the message[: {detail}]",
        "Correct the message as the provider's words say, and send it again.",
    ),
    "too-large-for-server": (
        (
            "The server[ {server}], or a proxy in front of it, refuses a request of this size[: {size}][ ({detail})]. "
            "It was not sent, and trying again would change nothing."
        ),
        (
            "Whoever runs that server or proxy has to allow larger requests (nginx: client_max_body_size; Caddy: "
            "request_body max_size; Traefik: maxRequestBodyBytes). Then retry, or send a smaller file."
        ),
    ),
    "refused-by-whatsapp": (
        "WhatsApp refused this message after the provider had taken it[ (code {code})].",
        "If the code is 463, ask the contact to write first; do not insist.",
    ),
    "in-its-queue": (
        (
            "The provider has taken this message and still has it in a queue of its own. "
            "Later ones of the same conversation wait for it, so that the order is kept."
        ),
        "",
    ),
    "queue-unread": (
        (
            "The provider has taken this message, and its own queue could not be read to see whether it has gone. "
            "Later ones of the same conversation wait for it a moment."
        ),
        "",
    ),
    "behind-its-queue": (
        (
            "The message before this one may still lie in the provider's own queue. "
            "This one waits until that one is known to have gone, so that the order is kept."
        ),
        "",
    ),
    "passed-in-queue": (
        (
            "The provider has taken this message, and nobody can tell whether it has left the provider's own queue. "
            "It was waited for long enough: the conversation goes on, and this message may come after later ones."
        ),
        "Look at the provider whether its queue stands still.",
    ),
    "expired": ("This message's time passed before it could go.", "If it still makes sense, retry."),
    **DOUBTS,
}

TIMELINE: Mapping[str, str] = {
    # proofs of life
    "message_received": "A message came in: the session receives.",
    "phone_echo_received": "A message typed on the phone came in: the session receives.",
    "receipt_received": "WhatsApp confirmed the delivery of one of our messages: the session sends.",
    "server_ack_received": "WhatsApp confirmed that it has one of our messages: the session sends.",
    "round_trip_ok": "WhatsApp answered a question through this session: it sends.",
    "send_accepted": "The provider took a message and gave it an id.",
    "socket_ok": "The provider's connection is open.",
    # proofs of death
    "send_closed": "A send was refused with Connection Closed: it did not go.",
    "socket_closed": "A look was refused with Connection Closed.",
    "round_trip_silent": "WhatsApp did not answer through this session in time.",
    "logged_out": "WhatsApp removed this device (401).",
    "temp_banned": "The account was suspended for a time (402).",
    "banned": "The account was locked[ ({code})].",
    "outdated": "WhatsApp refuses this server's version (405).",
    "replaced": "Another program uses the same link (440).",
    # pairing
    "qr_shown": "The provider shows a new QR code: no phone is linked.",
    "qr_limit": "The provider stopped making QR codes.",
    "no_qr_yet": "The provider has no QR code yet; that is no error.",
    "paired": "The provider says that pairing succeeded.",
    "unpaired": "The provider says that no phone is linked.",
    # claims
    "said_open": "The provider says: open. That is only a hint.",
    "said_connecting": "The provider says: connecting.",
    "said_closed": "The provider says: closed.",
    "said_unknown": "The provider used an unknown word for a state[: {state}]. Kept, without effect.",
    "instance_missing": "The provider says that it does not know this instance.",
    "identity_seen": "The session is linked to the number {phone}.",
    # quality
    "ack_error": "WhatsApp refused a message after it was accepted[ (code {code})].",
    "ack_missing": "A message that was sent was not confirmed in the expected time.",
    "silence": "Nothing has come in for longer than is usual for this number.",
    "list_unheard": "The provider's list holds messages that nobody told us of. They are fetched.",
    "list_heard": "The provider's list holds nothing that we were not told of.",
    "unlisted": "The server's list does not hold this instance. That is only a hint.",
    "webhook_config_ok": "The provider sends its events to the right address.",
    "webhook_config_gone": "The provider does not send its events to us any more.",
    "webhook_unreadable": "A webhook came that could not be read[: {note}]. It is kept in /v1/inbox.",
    "request_wrong": "The provider refused a request of ours[: {detail}]. It says nothing about the session.",
    "send_queued": "The provider took a message into a queue of its own; whether it left is not known yet.",
    "question_asked": "The provider was asked what a dead connection refuses to answer.",
    "question_unanswerable": "The server has no answer to the question, or is asked too often: we ask again later.",
    "question_unanswered": "Nobody answered the question in time.",
    "question_answered": "The question was answered; that tells something only where it had not been before.",
    "look_failed": "A look brought no answer about the session[: {detail}].",
    # acts and people
    "act_answered": "A step was answered: {rung}, {answer}[ ({detail})].",
    "act_interrupted": "The program stopped in the middle of a step[ ({rung})]. Before anything else we look again.",
    "operator_paused": "Session paused[ by {who}].",
    "operator_resumed": "Session resumed[ by {who}].",
    "operator_recover": "Recovery asked for[ by {who}].",
    "operator_pair": "Pairing asked for[ by {who}].",
    "operator_recreate": "Recreation asked for[ by {who}].",
    "operator_logout": "Session logged out[ by {who}].",
    "operator_approved": "Step approved[: {rung}][ by {who}].",
    "operator_rejected": "Step rejected[: {rung}][ by {who}].",
    "clock_stepped_back": "This machine's clock was put back[ by {seconds}]. What is dated later counts as now.",
    "created": "The session was created.",
    "adopted": "An instance that was already at the provider was taken over.",
    # the server
    "server_answered": "The server answered.",
    "server_slow": "The server answered late.",
    "server_failed": "The server answered with an error[: {detail}].",
    "server_html": "The server answered with a page for people: a proxy, or a wrong address.",
    "server_unreachable": "The server refused the connection.",
    "server_timed_out": "The server did not answer in time.",
    "server_wall": "The server wants a licence activated[: {detail}].",
    "server_auth_refused": "The server refused our key.",
    "server_booted": "The server's process has just started.",
    "server_listed": "The server told what it holds[: {sessions} sessions][, version {version}].",
    "server_boot_observed": "A person said that the server was restarted[: {who}].",
    # acts of ours
    "begin": "Begins: {rung}[, try {number}]. {because}",
    "effect": "It worked: {rung}.",
    "no-effect": "No effect: {rung}[, try {number}].",
    "refused": "The provider refused: {rung}[, try {number}].",
    "exists": "It already existed at the provider: {rung}.",
    "not-reached": "The request did not reach the provider: {rung}[, try {number}].",
    "interrupted": "Nobody knows how it ended: {rung}[, try {number}].",
    # decisions
    "state": "State: from {from} to {to}. {because}",
    "outage-started": "An outage began. {because}",
    "gap-read": "Read back from the provider's list: {count} messages that no webhook had brought[, since {since}].",
    "gap-unknowable": (
        "Nobody can tell how many messages were missed[ since {since}]: the provider keeps no list to look them up in."
    ),
    "gap-unread": "What may have been missed[ since {since}] could not be read back[: {detail}].",
    "outage-ended": "The outage is over[ after {seconds}].",
    "mass-fall": "Several sessions of the server {server} fell together[: {count}].",
    "mass-fall-over": "The common fall on the server {server} is over[ after {seconds}].",
    "canary-healed": "The first session of the server {server} is back; now the others, little by little.",
    "canary-changed": "Another session of the server {server} is tried first.",
    "server-health": "Server {server}: from {from} to {to}. {because}",
    "server-version": "The server {server} now runs version {version}.",
    "approval-asked": "Waits for a person's decision: {rung}. {because}",
    "approval-stale": "The decision about “{rung}” is not needed any more.",
    "quarantined": "The steps ended without effect; a pause[ of {seconds}].",
    "logout-in-vain": (
        "The server {server} refused the logout of a dead connection and nothing changed: in this version the step of "
        "plan 001 does not work."
    ),
    "server-restart-proposed": "Only a restart of the process of the server {server} helps; that was proposed.",
    # notices
    "notice-opened": "Notice: the session fell. {because}",
    "notice-closed": "Notice: the session is back[ after {seconds}].",
    "notice-arrived": "Notice delivered: {target}.",
    "notice-failed": "The notice was not delivered after many attempts: {target}.",
    "notice-shown": "No target for notices is configured (notify.targets): this one stands only here and in the log.",
}

WORDS: Mapping[str, Mapping[str, str]] = {
    "rung": {
        "wait": "wait",
        "connect": "connect",
        "restart": "restart the session",
        "logout": "unlink from the phone",
        "recreate": "delete and create again",
        "create": "create",
        "delete": "delete",
        "set_webhook": "set the address for events",
        "person": "call a person",
    },
    "answer": {
        "ok": "the provider said yes",
        "no": "the provider said no",
        "noop": "the provider says that there is nothing to do",
        "exists": "the name is taken at the provider",
        "missing": "the provider does not know the instance",
        "unsupported": "the provider cannot do this",
        "unanswered": "no answer in time",
        "not_reached": "the request did not arrive",
    },
    "state": {
        "connecting": "connecting",
        "awaiting_qr": "awaiting QR code",
        "connected": "connected",
        "degraded": "degraded",
        "disconnected": "disconnected",
        "error": "error",
        "paused": "paused",
        "up": "up",
        "slow": "slow",
        "down": "down",
        "booting": "starting",
        "wall": "stopped by a licence",
    },
    "fallback": {
        "reason": "Reason “{code}”, which has no sentence of its own.",
        "timeline": "Entry “{code}”.",
        "times": "({count} times)",
        "unknown": "?",
    },
}
