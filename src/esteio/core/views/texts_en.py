"""The sentences in English, as data. `sentences` says how they are read; `texts_pt` has the same codes.

`{name}` is a value of the reason or line, `{name:one|many}` a number with its noun; a part in `[brackets]` is left out
when a value in it is missing. Every sentence stands without its values. Never lives here: a rule.
"""

from __future__ import annotations

from collections.abc import Mapping

from esteio.core.views import texts_servers
from esteio.core.views.texts_doubt_en import DOUBTS

REASONS: Mapping[str, tuple[str, str]] = {
    **texts_servers.EN,
    # the session's own state
    "created": ("The session was created here and nothing is known about it yet.", ""),
    "connecting": ("The server is opening the connection to WhatsApp.", ""),
    "live": ("Connected.[ The latest proof: {evidence}]", ""),
    "live-unproved": ("Connected, according to the provider. Nothing has proved yet that the connection works.", ""),
    "suspect": ("A send or a probe failed, but one failure does not prove an outage. It is being watched closely.", ""),
    "ghost-socket": (
        (
            "Connection temporarily unavailable. Trying to reconnect... The server says that the session is open, "
            "but rejects what is sent through it (Connection Closed)."
        ),
        "",
    ),
    "half-open": (
        (
            "Connection temporarily unavailable. Trying to reconnect... The connection looks open, "
            "but WhatsApp does not answer on it."
        ),
        "",
    ),
    "reconnecting": (
        "The connection dropped and the server is reconnecting by itself; Esteio steps in only if that takes long.",
        "",
    ),
    "closed": ("The connection dropped and the server confirms it. Trying to reconnect; no QR code is needed.", ""),
    "closed-for-good": (
        "The session is closed, restarting it does not bring it back, and the provider does not say why.",
        "Check on the phone whether the linked device is still there; if not, scan the QR code again.",
    ),
    "flapping": (
        (
            "The session keeps connecting and dropping[ ({count:time|times} recently)]. "
            "Nothing is restarted: that would make it worse."
        ),
        "If it continues, check whether the number is open on another server; if it is not, restart the provider's.",
    ),
    "own-duel": (
        (
            "Two connections of this session keep disconnecting each other, since one was opened while the server "
            "{server} was reconnecting by itself. Messages wait."
        ),
        "Restart the process (or container) of the server {server}. No new QR code is needed.",
    ),
    "replaced": (
        "Another program is using the same link of this number[ (code {code})]. Each disconnects the other.",
        "Find the other one and stop it: a second server, an old container or a test with the same number.",
    ),
    "awaiting-qr": (
        "No phone is linked to this session. There is a QR code to scan.",
        "On the phone: WhatsApp > Linked devices > Link a device, and scan the QR code.",
    ),
    "awaiting-code": (
        "No phone is linked to this session. The last QR code has expired and the next one has not come yet.",
        "Wait a few seconds for the next code; if none comes, ask for a new one (pair).",
    ),
    "unpaired": (
        "No phone is linked to this session and there is no valid QR code.",
        "Ask for a new code (pair) and scan it with this number's phone.",
    ),
    "logged-out": (
        "WhatsApp removed this device[ (code {code})]: the number's owner or WhatsApp itself unlinked it.",
        "Talk to the number's owner and pair again with a QR code.",
    ),
    "banned": (
        "WhatsApp has banned this account[ (code {code})]. No software can fix that.",
        "Open WhatsApp on the phone, read the notice and request a review there.",
    ),
    "temp-banned": (
        "WhatsApp has suspended this account temporarily[ (code {code})]. Nothing is restarted until it ends.",
        "Stop bulk messages from this number and wait; retrying makes the suspension longer.",
    ),
    "outdated": (
        "WhatsApp rejects the version that this server uses[ (code {code})].",
        "Update the provider's server. Pairing again does not help.",
    ),
    "not-loaded": (
        (
            "The server {server} has this instance stored but has not loaded it into its running process for minutes: "
            "nothing can be sent, and no call that Esteio can make helps."
        ),
        "Restart the provider's server process.",
    ),
    "instance-missing": (
        "The provider says that it does not know this instance.",
        "If it was not deleted on purpose, create it again (recreate) and scan the QR code.",
    ),
    "provider-refused": (
        "The provider refused the request[: {detail}]",
        "Correct what the provider's answer points to, then recreate the session (POST /v1/sessions/NAME/recreate).",
    ),
    "provider-slow": ("The provider has not answered yet. The request goes on and the session updates itself.", ""),
    "server-up": ("The server {server} is answering again.", ""),
    "server-down": (
        "The server {server} is not answering.[ {detail}]",
        "Check the server, not the numbers: is it running, with network and memory? Messages wait here.",
    ),
    "server-wall": (
        "The server {server} does nothing until it is unlocked[: {detail}]",
        "Open the server's own admin panel and activate the licence that it asks for.",
    ),
    "server-mass-fall": (
        (
            "Several sessions of the server {server} went down together[ ({count})]. "
            "They are handled as one problem: one is recovered first, then the others, gradually."
        ),
        "Check whether the server was restarted or lost its network.",
    ),
    "notice-test": ("This is a test: this address receives Esteio's notices.", ""),
    "server-mass-fall-over": ("The sessions of the server {server} that went down together are back[ ({count})].", ""),
    "wrong-identity": (
        "The number linked to this session[ ({seen})] is not the expected one[ ({phone})]. Nothing is sent through it.",
        "Check which phone scanned the code; pair with the right number or correct the session's number.",
    ),
    "restricted-463": (
        (
            "WhatsApp rejected messages to new contacts (code 463[, {count} in the last hour]). "
            "The session is alive; a restart does not help."
        ),
        "Stop messages to people who never wrote to this number. Replying to those who write is still possible.",
    ),
    "held-463": (
        (
            "WhatsApp is rejecting messages to new contacts (code 463). This one waits[ until {until}] "
            "and goes out earlier if its recipient writes first."
        ),
        "Nothing needs to be done. Retrying now puts the number at risk.",
    ),
    "stalled": (
        "The connection responds, but the server delivers no events at all, not even for our own messages.",
        "Restart the process of the provider's server. Logging the session out does not help.",
    ),
    "deaf": (
        "Sending works, but no message has arrived at this number for much longer than usual.",
        "Send it a message from another phone. If it does not arrive, restart the process of the provider's server.",
    ),
    "webhook-unreachable": (
        (
            "The server {server} accepts our messages, but none of its webhooks arrives here: the configured address "
            "is right, but the server cannot reach it. Incoming messages are read from its list, a minute late."
        ),
        "Set ESTEIO_PUBLIC_URL to an address that the server's process (or container) can reach, and start again.",
    ),
    "webhook-gone": (
        "The provider sends its events to another address, or to none. Ours is being set again.",
        "If another program sets this instance's webhook too, make it stop.",
    ),
    "acks-missing": (
        "The server accepts messages, but WhatsApp confirms none[ ({count} unconfirmed)].",
        "Check WhatsApp on the phone and stop messages to new contacts. Do not restart.",
    ),
    "unknown-state": (
        "The server reported an unknown state[: {word}]. It is ignored, and the state is read again.",
        "",
    ),
    "paused": (
        "Somebody paused this session. It is still monitored, Esteio does nothing to it, and messages wait.",
        "Resume the session when you are ready (esteio resume NAME).",
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
            "The harmless steps were not enough. The next one unlinks this session's phone and waits for a person's "
            "decision.[ Reason: {cause}]"
        ),
        (
            "[`esteio why {session}` explains the case. ]Decide with `esteio approve[ {approval}]` (a new QR code will "
            "have to be scanned) or `esteio reject[ {approval}]`."
        ),
    ),
    "code-on-its-way": ("The pairing code was requested and is on its way.", ""),
    # what a destructive step costs
    "cost-logout": (
        "The session {session} will be unlinked from the phone: it takes a new QR code to come back.",
        "",
    ),
    "cost-recreate": (
        (
            "The session {session} will be deleted and created again at the provider: the link to the phone and what "
            "the provider stores about it are lost, and it takes a new QR code to come back."
        ),
        "",
    ),
    "cost-delete": (
        "The session {session} will be deleted at the provider, with its link to the phone and all its stored data.",
        "",
    ),
    # why a step waits, or is taken
    "boot-grace": ("The server has just started: nothing destructive is done for a few minutes.", ""),
    "quarantine": (
        "The last steps did not help[ ({strikes:round|rounds} of attempts)]. The next round comes after a pause.",
        "If you have fixed the cause, use `esteio recover NAME` to try now.",
    ),
    "look-first": ("The effect of the last step is not known yet: a probe comes first.", ""),
    "memory-stands-still": (
        "The state reported by the provider did not change during the restart; another restart now could do harm.",
        "",
    ),
    "restart-cooldown": ("The last restart is too recent for another one.", ""),
    "logout-limit": ("The last logout is too recent for another one.", ""),
    "follows": ("It continues the previous step.", ""),
    "asked-to-pair": ("A person requested a pairing code.", ""),
    "approved": ("A person approved this step.", ""),
    "missed-unknowable": (
        "There is no way to tell how many messages were missed meanwhile: the provider keeps no list to check.",
        "Check on the phone what came in meanwhile.",
    ),
    "missed-being-read": ("What came in meanwhile is being fetched from the provider's list.", ""),
    # messages
    "session-down": (
        "Session disconnected. Reconnection attempt in progress.",
        "If it is held, it goes out by itself once the session is back; if it failed, use retry then.",
    ),
    "send-retried": ("The server rejected the send (Connection Closed). It is retried in a few seconds.", ""),
    "send-server": ("The server did not accept the message this time[: {detail}]. It is retried.", ""),
    "route-unknown": (
        (
            "The address of the server[ {server}] does not know the route of this send[: {detail}]. "
            "Nothing is wrong with the message: it waits and is retried."
        ),
        (
            "Check the server's base_url: a path too many or missing, another program or a proxy at that address, "
            "or a version of the provider that cannot send this kind of message (then cancel it)."
        ),
    ),
    "send-rate": ("The server asked to send more slowly. The message waits its turn.", ""),
    "media-failed": (
        "The media could not be sent[: {detail}]",
        "Check that the file exists, that its address opens and that WhatsApp accepts the format; then retry.",
    ),
    "media-not-available": ("The provider sent neither the file nor a way to fetch it.", ""),
    "media-too-large": (
        "The file is larger than this gateway keeps[ ({limit} bytes)].",
        "Raise max_media_bytes for future files; this one can be opened on the phone.",
    ),
    "media-unreadable": ("The provider sent the file in a form that cannot be read.", ""),
    "media-fetch-failed": (
        "The file could not be fetched from the provider[: {detail}]",
        "Open it on the phone; if this happens often, check the provider's log.",
    ),
    "media-expired": ("The file was kept for as long as the settings say, and then removed.", ""),
    "media-not-kept": ("No copy of this file was made.", ""),
    "media-not-allowed": (
        "The media was not fetched[: {detail}]. Esteio itself refused its address; the provider was not called.",
        "Use a public address, or name its network in allow_targets, or send the file as base64.",
    ),
    "media-is-a-page": (
        "The media's address returned a web page instead of a file[: {detail}].",
        "Use an address that returns the file itself, without sign-in; to send a page on purpose, set mime text/html.",
    ),
    "invalid-number": (
        "This number has no WhatsApp[: {detail}]",
        "Check the number, with area and country code.",
    ),
    "request-refused": (
        "The provider rejected the message[: {detail}]",
        "Correct the message according to the provider's answer and send it again.",
    ),
    "too-large-for-server": (
        (
            "The server[ {server}], or a proxy in front of it, does not accept a request of this size[: {size}]"
            "[ ({detail})]. It was not sent, and trying again would change nothing."
        ),
        (
            "Whoever runs that server or proxy has to allow larger requests (nginx: client_max_body_size; Caddy: "
            "request_body max_size; Traefik: maxRequestBodyBytes). Then retry, or send a smaller file."
        ),
    ),
    "refused-by-whatsapp": (
        "WhatsApp rejected this message after the provider had accepted it[ (code {code})].",
        "If the code is 463, ask the contact to write first; do not keep retrying.",
    ),
    "in-its-queue": (
        (
            "The provider accepted this message and still has it in its own queue. "
            "Later messages of the same conversation wait for it, to keep the order."
        ),
        "",
    ),
    "queue-unread": (
        (
            "The provider accepted this message, and its queue could not be read to see whether it has left. "
            "Later messages of the same conversation wait for it a moment."
        ),
        "",
    ),
    "behind-its-queue": (
        (
            "The message before this one may still be in the provider's own queue. "
            "This one waits until that one is known to have left, to keep the order."
        ),
        "",
    ),
    "passed-in-queue": (
        (
            "The provider accepted this message, and there is no way to tell whether it has left the provider's queue. "
            "The wait is over: the conversation goes on, and this message may arrive after later ones."
        ),
        "Check at the provider whether its queue is stuck.",
    ),
    "expired": ("This message expired before it could be sent.", "If it still makes sense, retry."),
    **DOUBTS,
}

TIMELINE: Mapping[str, str] = {
    **texts_servers.EN_SEEN,
    # proofs of life
    "message_received": "A message arrived: the session receives.",
    "phone_echo_received": "A message typed on the phone arrived: the session receives.",
    "receipt_received": "WhatsApp confirmed the delivery of one of our messages: the session sends.",
    "server_ack_received": "WhatsApp confirmed that it received one of our messages: the session sends.",
    "round_trip_ok": "WhatsApp answered a query made through this session: it sends.",
    "send_accepted": "The provider accepted a message and returned its ID.",
    "socket_ok": "The provider's connection is open.",
    # proofs of death
    "send_closed": "A send was rejected with Connection Closed: the message did not go out.",
    "socket_closed": "A probe was rejected with Connection Closed.",
    "round_trip_silent": "WhatsApp did not answer a query made through this session in time.",
    "logged_out": "WhatsApp removed this device (401).",
    "temp_banned": "The account was suspended temporarily (402).",
    "banned": "The account was banned[ ({code})].",
    "outdated": "WhatsApp rejects this server's version (405).",
    "replaced": "Another program is using the same link (440).",
    # pairing
    "qr_shown": "The provider shows a new QR code: no phone is linked.",
    "qr_limit": "The provider stopped generating QR codes.",
    "no_qr_yet": "The provider has no QR code yet; that is not an error.",
    "paired": "The provider says that pairing succeeded.",
    "unpaired": "The provider says that no phone is linked.",
    # claims
    "said_open": "The provider reports the state: open. That is only a hint.",
    "said_connecting": "The provider reports the state: connecting.",
    "said_closed": "The provider reports the state: closed.",
    "said_unknown": "The provider reported an unknown state[: {state}]. It is recorded, without effect.",
    "instance_missing": "The provider says that it does not know this instance.",
    "identity_seen": "The session is linked to a number[: {phone}].",
    # quality
    "ack_error": "WhatsApp rejected a message after the provider had accepted it[ (code {code})].",
    "ack_missing": "A message was sent and not confirmed within the expected time.",
    "silence": "Nothing has arrived for longer than usual for this number.",
    "list_unheard": "The provider's list has messages that no webhook brought. They are being fetched.",
    "list_heard": "The provider's list has nothing beyond what the webhooks brought.",
    "unlisted": "The server's list does not contain this instance. That is only a hint.",
    "webhook_config_ok": "The webhook set at the provider points to the right address.",
    "webhook_config_gone": "The webhook set at the provider no longer points to Esteio.",
    "webhook_unreadable": "A webhook could not be read. It is kept in /v1/inbox.",
    "request_wrong": "The provider rejected a request of ours[: {detail}]. That says nothing about the session.",
    "send_queued": "The provider put a message into its own queue; whether it left is not known yet.",
    "question_asked": "A question was asked that a dead connection does not answer.",
    "question_unanswerable": "The server cannot answer this, or was queried too often: it is asked again later.",
    "question_unanswered": "The question was not answered in time.",
    "question_answered": "The question was answered. That counts only if it had gone unanswered before.",
    "look_failed": "A probe returned nothing about the session[: {detail}].",
    "webhook_config_unread": "The provider does not say where it sends its events[: {detail}].",
    # acts and people
    "act_answered": "[{rung}: ]{answer}[ ({detail})].",
    "act_interrupted": "Esteio stopped in the middle of a step[ ({rung})]. The state is read again first.",
    "operator_paused": "Session paused[ by {who}].",
    "operator_resumed": "Session resumed[ by {who}].",
    "operator_recover": "Recovery requested[ by {who}].",
    "operator_pair": "Pairing requested[ by {who}].",
    "operator_recreate": "Recreation requested[ by {who}].",
    "operator_logout": "Session logged out[ by {who}].",
    "operator_approved": "Step approved[: {rung}][ by {who}].",
    "operator_rejected": "Step rejected[: {rung}][ by {who}].",
    "clock_stepped_back": "This machine's clock was set back[ by {seconds}]. Later dates count as now.",
    "operator_changed": "The session's settings were changed[: {what}][ by {who}].",
    "created": "The session was created.",
    "adopted": "The session was adopted from the provider.[ Its previous webhook ({host}) is kept.]",
    # the server
    "server_answered": "The server answered.",
    "server_slow": "The server answered late.",
    "server_failed": "The server answered with an error[: {detail}].",
    "server_html": "The server answered with a web page: perhaps a proxy, or a wrong address.",
    "server_unreachable": "The server refused the connection.",
    "server_timed_out": "The server did not answer in time.",
    "server_wall": "The server asks for a licence to be activated[: {detail}].",
    "server_auth_refused": "The server rejected our key.",
    "server_booted": "The server's process has just started.",
    "server_listed": "The server reported what it holds[: {sessions:session|sessions}][, version {version}].",
    "server_boot_observed": "A restart of the server was reported[ by {who}].",
    # acts of ours
    "begin": "Step started[: {rung}][ (attempt {number})]. {because}",
    "effect": "It worked[: {rung}].",
    "no-effect": "No effect[: {rung}][ (attempt {number})].",
    "refused": "The provider refused[: {rung}][ (attempt {number})].",
    "exists": "It already existed at the provider[: {rung}].",
    "not-reached": "The request did not reach the provider[: {rung}][ (attempt {number})].",
    "interrupted": "Interrupted, its result is unknown[: {rung}][ (attempt {number})].",
    # decisions
    "state": "State[: from {from} to {to}]. {because}",
    "outage-started": "An outage started. {because}",
    "gap-read": "Fetched from the provider's list[: {count:message|messages} that no webhook brought][ since {since}].",
    "gap-unknowable": (
        "There is no way to tell how many messages were missed[ since {since}]: the provider keeps no list to check."
    ),
    "gap-unread": "What may have been missed[ since {since}] could not be fetched from its list[: {detail}].",
    "outage-ended": "The outage is over[ after {seconds}].",
    "mass-fall": "Several sessions of the server {server} went down together[: {count}].",
    "mass-fall-over": "The joint outage on the server {server} is over[ after {seconds}].",
    "canary-healed": "The first session of the server {server} is back; the others follow gradually.",
    "canary-changed": "Another session of the server {server} will be tried first.",
    "server-health": "Server {server}[: from {from} to {to}]. {because}",
    "server-version": "The server {server} now runs another version[: {version}].",
    "approval-asked": "Waiting for a person's decision[: {rung}]. {because}",
    "approval-stale": "The decision[ about “{rung}”] is no longer needed.",
    "quarantined": "The steps ended without effect; pausing[ for {seconds}].",
    "logout-in-vain": (
        "The server {server} rejected the logout of a dead connection and nothing changed: in this version the step of "
        "plan 001 does not work."
    ),
    "server-restart-proposed": "Only restarting the process of the server {server} helps; this was proposed.",
    # notices
    "notice-opened": "Notice: the session went down. {because}",
    "notice-closed": "Notice: the session is back[ after {seconds}].",
    "notice-arrived": "Notice delivered[: {target}].",
    "notice-failed": "The notice was not delivered after many attempts[: {target}].",
    "notice-shown": "No target for notices is configured (notify.targets): this notice is only here and in the log.",
}

WORDS: Mapping[str, Mapping[str, str]] = {
    "rung": {
        "wait": "wait",
        "connect": "connect",
        "restart": "restart the session",
        "logout": "unlink the phone",
        "recreate": "delete and recreate the session",
        "create": "create the session",
        "delete": "delete the session",
        "set_webhook": "set the webhook",
        "put_back_webhook": "restore the previous webhook",
        "person": "call a person",
    },
    "answer": {
        "ok": "the provider answered ok",
        "no": "the provider refused",
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
        "wall": "blocked by a licence",
        "unknown": "not seen yet",
        "refused": "key refused",
        "wrong-kind": "something else answers there",
    },
    "fallback": {
        "reason": "Reason “{code}”, which has no sentence of its own.",
        "timeline": "Entry “{code}”.",
        "times": "({count:time|times})",
        "state-stays": "State[: {to}]. {because}",
    },
}
