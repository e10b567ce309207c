"""The command line's own sentences in English, as data; `texts_pt` has the same keys. Never lives here: a rule."""

from __future__ import annotations

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    # the way to the gateway
    "no-key": "No key: set ESTEIO_KEY to an Esteio API key (the first start of `esteio serve` prints one).",
    "bad-key": "ESTEIO_KEY cannot be a key: it contains characters that no HTTP header can carry.",
    "bad-url": "ESTEIO_URL must be http://HOST:PORT or https://HOST, not {url!r}.",
    "unreachable": "No gateway answers at {url} ({why}). Is `esteio serve` running there? ESTEIO_URL sets the address.",
    "timed-out": "The gateway at {url} did not answer within {seconds} s.",
    "broken-answer": "The response from {url} was cut off ({why}).",
    "not-esteio": "What answered is not Esteio (status {status}, {kind}). ESTEIO_URL must point to the gateway itself.",
    "refused": "{text} ({code}).",
    # serve
    "settings": "The settings cannot be used: {why}",
    "notify-target": (
        "Notice target no. {number} (notify.targets, ESTEIO_NOTIFY) is not an address that Apprise knows. "
        "Example: mailto://user:password@example.com, tgram://TOKEN/CHAT."
    ),
    "port-in-use": "{listen} is in use by another program. Choose another address with --listen.",
    "cannot-listen": "Cannot listen on {listen}: {why}.",
    "data-locked": "Another Esteio is running on {data}. A data directory is for one process; stop the other first.",
    "newer-database": (
        "The database in {data} was written by a newer Esteio (schema {found}, this one knows {known}). "
        "Install that version again; nothing was changed."
    ),
    "store-full": "The database in {data} cannot be written: is the disk full or read-only? ({why})",
    "damaged-database": (
        "The database in {data} is damaged ({why}). Nothing was changed. Restore a backup into a new folder with "
        "`esteio restore`, and keep this one."
    ),
    "readable-by-others": "Warning: other users of this machine can read {path}. Fix it with: chmod 600 {path}",
    "data-unusable": "The directory {data} cannot be used: {why}.",
    "vault": "The key for stored secrets (secret.key) cannot be used: {why}.",
    "gave-up": "The gateway stopped because a part of it failed repeatedly ({why}). Start it again; nothing is lost.",
    "serving": "Esteio {version} is ready: {url}",
    "admin-key": "Admin key, shown only now: {key}",
    "sandbox-ready": "Sandbox providers, simulated; Ctrl-C ends them.",
    "sandbox-key": "API key of the servers: {key}",
    "sandbox-page": "Control page",
    "bad-address": "An address must be HOST:PORT, not {address!r}.",
    "sandbox-try": "Try:",
    "no-door": "A separate address for the Evolution door (door.listen) does not exist in this version.",
    # backup, restore
    "backup.done": (
        "Backup in {file} ({size}), as of {at}. Sessions: {sessions}; messages: {messages}; media files: {media}."
    ),
    "backup.no-key": "secret.key is not in it: keep it elsewhere; without it the providers' credentials are lost.",
    "backup.no-database": "There is no Esteio database in {data}. Name the folder with --data.",
    "backup.file-exists": "{file} exists, and one backup does not replace another. Choose another name.",
    "backup.not-empty": "The folder {data} is not empty. Restore into a new one; the old one stays as it is.",
    "backup.damaged": "It is damaged and cannot be used: {why}.",
    "backup.not-a-backup": "{file} is not a backup made by `esteio backup` ({why}).",
    "backup.newer-backup": "{file} was made by a newer Esteio ({why}). Install that version.",
    "backup.io": "{file} could not be read or written: {why}.",
    "restore.done": (
        "Restored into {data} ({size}), as of {at}. Sessions: {sessions}; messages: {messages}; media files: {media}."
    ),
    "restore.waiting.one": (
        "1 message was still waiting to be sent. If the old gateway went on after the backup, it may be sent twice: "
        "restore with --waiting expire to decide later."
    ),
    "restore.waiting.many": (
        "{n} messages were still waiting to be sent. If the old gateway went on after the backup, they may be sent "
        "twice: restore with --waiting expire to decide later."
    ),
    "restore.no-key": "The backup came without secret.key: copy yours into {data}, or set ESTEIO_SECRET_KEY.",
    "declared-left-out": (
        "Session {name} stays as it was, although the settings declare it otherwise: {why} The next start tries again."
    ),
    "empty-beside-key": (
        "Warning: {data} already had a secret.key or media, but the database is empty. If you copied the folder, "
        "esteio.db-wal is probably missing, which holds the newest data. Stop the gateway and use `esteio backup` and "
        "`esteio restore`."
    ),
    # servers, webhooks, notices, declared
    "head.kind": "KIND",
    "head.health": "HEALTH",
    "head.version": "VERSION",
    "head.at-server": "AT SERVER",
    "head.address": "ADDRESS",
    "head.instance": "INSTANCE",
    "head.session": "SESSION",
    "head.result": "RESULT",
    "head.webhook": "WEBHOOK",
    "head.waiting": "WAITING",
    "head.format": "FORMAT",
    "head.url": "URL",
    "head.at": "WHEN",
    "head.type": "EVENT",
    "head.attempt": "ATTEMPT",
    "head.status": "STATUS",
    "head.change": "CHANGE",
    "head.detail": "DETAIL",
    "head.target": "TARGET",
    "server-added": "Server {name} added.",
    "server-removed": "Server {name} removed here.",
    "adopt-both": "Give names or --all, not both.",
    "adopt.adopted": "adopted",
    "adopt.would-adopt": "would be adopted",
    "adopt.already-adopted": "adopted already",
    "adopt.instance-missing": "does not exist there",
    "adopt.refused": "refused",
    "webhook-secret": "Webhook {id}. Its signing secret is shown only now:",
    "webhook-removed": "Webhook {id} removed.",
    "webhook-test.good": "Delivered (status {status}).",
    "webhook-test.bad": "Not delivered (status {status}). {detail}",
    "apply.nothing": "Nothing to change: the gateway already matches the file.",
    "notify-how": "Use `esteio notify --test`.",
    "notify-none": "No target for notices is configured (notify.targets, ESTEIO_NOTIFY).",
    "notify.delivered": "delivered",
    "notify.failed": "not delivered",
    "approve-done": "Approved for {session}: {rung}.",
    "reject-done": "Rejected for {session}: {rung}.",
    "no-postgres": (
        "PostgreSQL does not work in this version yet. Leave database (ESTEIO_DATABASE) empty: the data "
        "is kept in SQLite, in the data folder."
    ),
    "no-admin": (
        "Warning: this gateway has no valid admin key. Start it once with ESTEIO_ADMIN_KEY (16 characters or "
        "more) and create another with `esteio keys create NAME --role admin`."
    ),
    # tables
    "head.id": "ID",
    "head.name": "NAME",
    "head.state": "STATE",
    "head.since": "SINCE",
    "head.sends": "SENDS",
    "head.receives": "RECEIVES",
    "head.held": "HELD",
    "head.server": "SERVER",
    "head.phone": "PHONE",
    "head.reason": "REASON",
    "head.role": "ROLE",
    "head.sessions": "SESSIONS",
    "head.expires": "EXPIRES",
    "head.revoked": "REVOKED",
    "answer.yes": "yes",
    "answer.no": "no",
    "answer.unknown": "unknown",
    "sessions.one": "1 session",
    "sessions.many": "{n} sessions",
    # qr
    "pairing": "Asking for a code for {name} …",
    "qr-scan": "On the phone: WhatsApp > Linked devices > Link a device. Valid until {until}.",
    "qr-not-needed": "{name} needs no QR code: its state is “{state}”.",
    "qr-none": "There is no current QR code for {name} ({state}: {reason}) `esteio qr {name} --pair` asks for one.",
    "qr-saved": "The code's picture is in {file}. Open it and scan it before it expires.",
    "qr-linked": "{name} is linked to the phone. Done.",
    "qr-too-large": (
        "The code needs {rows} rows and {columns} columns: enlarge the terminal, choose a smaller font, or use "
        "--png FILE."
    ),
    "qr-picture-only": "The provider gave this code as a picture only, without text: use --png FILE, or a terminal.",
    # send, approve, keys
    "send-in-doubt": (
        "The gateway's answer did not arrive, so it is not known whether it accepted the message. "
        "Send it again with --idempotency-key {key}: it will not go out twice."
    ),
    "message.queued": "Accepted; waiting for its turn.",
    "message.sending": "Accepted; being sent.",
    "message.held": "Accepted and held; it goes out when the session is back.",
    "message.in_doubt": "In doubt: it is not known yet whether it went out. Esteio is checking.",
    "message.sent": "Sent.",
    "message.delivered": "Delivered.",
    "message.read": "Read.",
    "message.failed": "Failed.",
    "message.expired": "Expired before it could be sent.",
    "message.cancelled": "Cancelled.",
    "key-made": "Key {id}; it is shown only now:",
    "key-revoked": "Key {id} revoked.",
    # why
    "why.since": "since {at} ({ago})",
    "why.where": "{phone} on the server {server}, policy {policy}",
    "why.no-phone": "no number known",
    "why.cause": "Why",
    "why.outage": "Outage since {since} ({ago}): {because}",
    "why.outage-again": "Outage since {since} ({ago}), back and down again (times: {times}): {because}",
    "why.server": "The server {server} is {state}: {because}",
    "why.person": "What you can do",
    "why.approval": "Waiting for your decision: {rung}.",
    "why.cost": "Consequence: {cost}",
    "why.resume": "Resume it when you are ready: `esteio resume {name}`.",
    "why.nothing": "There is nothing you need to do.",
    "why.next": "What happens next",
    "why.plan-works": "Nothing needs to be done. It is monitored.",
    "why.plan-watch": "No step is planned. It is probed regularly, and every sign of life counts at once.",
    "why.plan-paused": "Nothing is done to it until somebody resumes it. It is still monitored.",
    "why.plan-wait": "Waiting for now; the next probe or step comes {when}.",
    "why.plan-person": "The harmless steps are used up: a person has to decide. It is still probed ({when}).",
    "why.plan-rung": "Recovery is at: {rung}, attempt {attempt}. The next probe or step comes {when}.",
    "why.when-at": "at {at} (in {ahead})",
    "why.when-now": "now",
    "why.when-news": "as soon as something changes",
    "why.held.one": "1 message waits here and goes out when the session is back.",
    "why.held.many": "{n} messages wait here and go out, in order, when the session is back.",
    "why.proof": "Evidence",
    "why.sends": "Can send",
    "why.receives": "Can receive",
    "why.restart": "Last restart: {at} ({ago} ago)",
    "why.history": "What was seen, decided and done",
    # doctor
    "doctor.reach": "gateway",
    "doctor.reach-ok": "answers at {url}",
    "doctor.key": "key",
    "doctor.key-ok": "valid key, role {role}",
    "doctor.key-partly": "valid key, but not an admin key: {role}",
    "doctor.key-limited": "not admin",
    "doctor.key-do": "Some of the checks below need the role admin or operate.",
    "doctor.key-bad-do": "Set ESTEIO_KEY to an existing key; `esteio keys list` shows them.",
    "doctor.ready": "ready",
    "doctor.ready-ok": "the database can be written and all tasks run",
    "doctor.ready-fail": "not ready: {why}",
    "doctor.ready-do": "Check the gateway's log; restart it if this persists.",
    "doctor.clock": "clock",
    "doctor.clock-ok": "the gateway's clock and this machine's agree",
    "doctor.clock-off": "the gateway's clock and this machine's are {seconds} s apart",
    "doctor.clock-do": "Sync both with a time server (NTP): expiries, signatures and outages depend on the clock.",
    "doctor.settings": "settings",
    "doctor.settings-ok": "can be used ({source})",
    "doctor.settings-do": "Correct it before the next start: the gateway would not start with it.",
    "doctor.settings-none": "the environment and the defaults",
    "doctor.webhooks": "webhooks in",
    "doctor.webhooks-ok": "providers send their webhooks to {url}",
    "doctor.webhooks-loopback": (
        "providers are told to send webhooks to {url}, which only this machine reaches, but {servers} is elsewhere"
    ),
    "doctor.webhooks-do": "Set ESTEIO_PUBLIC_URL (public_url) to an address that the server reaches.",
    "doctor.webhooks-any": "providers are told to send webhooks to {url}, which is not an address that can be called",
    "table.narrow": "Narrow terminal: {heads} did not fit (--json shows all).",
    "doctor.notices": "notices",
    "doctor.notices-ok.one": "1 target for notices configured",
    "doctor.notices-ok.many": "{n} targets for notices configured",
    "doctor.notices-none": "no target: an outage shows only here and in the log",
    "doctor.notices-do": "Set notify.targets (ESTEIO_NOTIFY) and test it with `esteio notify --test`.",
    "doctor.servers": "servers",
    "doctor.servers-none": "no server has been added yet",
    "doctor.servers-none-do": "Use `esteio servers add`, or [[servers]] in esteio.toml.",
    "doctor.server": "server {name}",
    "doctor.server-told": "{kind} {version}, {state}",
    "doctor.server-because": "{kind} {version}, {state}: {because}",
    "doctor.server-do": "Check the server itself: is it running, with network and memory? Messages wait here.",
    "doctor.server-wall-do": "Open the server's own panel: it asks for something before it works.",
    "doctor.version-unknown": "(version unknown)",
    "doctor.quirks.one": "1 known quirk",
    "doctor.quirks.many": "{n} known quirks",
    "doctor.sessions": "sessions",
    "doctor.sessions-ok": "{n} known, none is down",
    "doctor.sessions-none": "no session has been added yet",
    "doctor.session": "session {name}",
    "doctor.session-told": "{state} for {ago}: {text}",
    "doctor.session-wait": "There is nothing you need to do; `esteio why {name}` shows what happens next.",
    "doctor.approval": "approval {id}",
    "doctor.approval-told": "{session} is waiting for a person: {rung}. {cost}",
    "doctor.approval-do": "Read `esteio why {session}`, then `esteio approve {id}`, or `esteio reject {id}`.",
    "doctor.unseen": "not checked: {why}",
    "doctor.sum-ok": "All is well.",
    "doctor.sum": "Failures: {fails}. Warnings: {warns}.",
    "doctor.result.ok": "ok",
    "doctor.result.warn": "warn",
    "doctor.result.fail": "FAIL",
}
