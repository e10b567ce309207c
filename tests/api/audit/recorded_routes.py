"""What each address that changes something leaves in the audit log; by hand, so that a new one has to be thought of.

Never lives here: the requests themselves (the tests beside it).
"""

from __future__ import annotations

SEND = "a send: the message itself says what came of it, who sent it and when"
PROVIDER = "a provider's or another program's own word, kept as it came"
LOOK = "nothing of ours is changed: a look, a preview, a token for the stream, a language"
PASSED = "a client's own call at its server, counted in the session's timeline"

API: dict[str, tuple[str, ...] | str] = {
    "POST /v1/servers": ("server.created",),
    "PATCH /v1/servers/{name}": ("server.changed",),
    "DELETE /v1/servers/{name}": ("server.deleted",),
    "POST /v1/servers/{name}/adopt": ("session.created",),
    "POST /v1/sessions": ("session.created",),
    "PATCH /v1/sessions/{name}": ("session.changed",),
    "DELETE /v1/sessions/{name}": ("session.deleted",),
    "POST /v1/sessions/{name}/pair": ("session.pair_requested",),
    "POST /v1/sessions/{name}/recover": ("session.recover_requested",),
    "POST /v1/sessions/{name}/recreate": ("session.recreate_requested",),
    "POST /v1/sessions/{name}/pause": ("session.paused",),
    "POST /v1/sessions/{name}/resume": ("session.resumed",),
    "GET /v1/sessions/{name}/export": ("journal.exported",),
    "POST /v1/sessions/{name}/messages": SEND,
    "POST /v1/messages/{id}/retry": SEND,
    "POST /v1/messages/{id}/cancel": SEND,
    "POST /v1/approvals/{id}/approve": ("approval.decided",),
    "POST /v1/approvals/{id}/reject": ("approval.decided",),
    "POST /v1/keys": ("key.created",),
    "DELETE /v1/keys/{id}": ("key.revoked",),
    "POST /v1/tenants": ("tenant.created",),
    "PATCH /v1/tenants/{name}": ("tenant.changed",),
    "DELETE /v1/tenants/{name}": ("tenant.deleted",),
    "POST /v1/login-links": ("login.link_created",),
    "GET /v1/contacts/{address}/export": ("contact.exported",),
    "POST /v1/contacts/{address}/erase": ("message.content_erased",),
    "POST /in/{token}": PROVIDER,
    "POST /in/{token}/{rest:path}": PROVIDER,
    "POST /v1/webhooks": ("webhook.created",),
    "PATCH /v1/webhooks/{id}": ("webhook.changed",),
    "DELETE /v1/webhooks/{id}": ("webhook.deleted",),
    "POST /v1/webhooks/{id}/test": ("webhook.tested",),
    "POST /v1/webhooks/{id}/rotate": ("webhook.secret_rotated",),
    "POST /v1/webhooks/{id}/replay": ("webhook.replayed",),
    "POST /v1/dead-letters/replay": ("dead_letters.replayed",),
    "POST /v1/apply": ("server.created",),
    "POST /v1/notices/test": ("notices.tested",),
    "POST /v1/events/token": LOOK,
    "POST /v1/vault/rotate": ("vault.rotated",),
    "POST /v1/vault/retire": ("vault.key_retired",),
}
"""Route of the API → its actions, or why it leaves none."""

PAGES: dict[str, tuple[str, ...] | str] = {
    "POST /look/{name}": ("session.recover_requested",),
    "POST /approvals/{id}/{decision}": ("approval.decided",),
    "POST /new": ("session.created",),
    "POST /sessions/{name}/pair": ("session.pair_requested",),
    "POST /sessions/{name}/pair/{act}": ("session.recreate_requested", "session.resumed"),
    "POST /sessions/{name}/pair-link": ("pair_link.created",),
    "POST /sessions/{name}/pair-link/revoke": ("pair_link.revoked",),
    "POST /pair/{token}": "a phone's owner asks for the next code; making and revoking the link is recorded",
    "POST /sessions/{name}/send": SEND,
    "POST /sessions/{name}/recover": ("session.recover_requested",),
    "POST /sessions/{name}/pause": ("session.paused",),
    "POST /sessions/{name}/resume": ("session.resumed",),
    "POST /sessions/{name}/recreate": ("session.recreate_requested",),
    "POST /sessions/{name}/policy": ("session.changed",),
    "POST /sessions/{name}/phone": ("session.changed",),
    "POST /sessions/{name}/delete": ("session.deleted",),
    "GET /sessions/{name}/export": ("journal.exported",),
    "POST /settings/status": ("status_page.created",),
    "POST /settings/status/{page}": ("status_page.changed",),
    "POST /settings/status/{page}/delete": ("status_page.deleted",),
    "POST /messages/dead-letters": LOOK,
    "POST /messages/dead-letters/replay": ("dead_letters.replayed",),
    "POST /messages/dead-letters/events": ("dead_letters.replayed",),
    "POST /messages/{id}/{act}": SEND,
    "POST /webhooks": ("webhook.created",),
    "POST /webhooks/{webhook}/edit": ("webhook.changed",),
    "POST /webhooks/{webhook}/rotate": ("webhook.secret_rotated",),
    "POST /webhooks/{webhook}/replay": ("webhook.replayed",),
    "POST /webhooks/{webhook}/events/{event}": ("webhook.replayed",),
    "POST /webhooks/{webhook}/{act}": ("webhook.tested", "webhook.changed", "webhook.deleted"),
    "POST /servers/new": ("server.created",),
    "POST /servers/{server}": ("server.changed",),
    "POST /servers/{server}/delete": ("server.deleted",),
    "POST /servers/{server}/adopt": ("session.created",),
    "POST /settings/keys": ("key.created",),
    "POST /settings/keys/{key}/revoke": ("key.revoked",),
    "POST /notices": ("notices.tested",),
    "POST /login": ("login",),
    "GET /login/{token}": ("login",),
    "POST /logout": ("logout",),
    "POST /language": LOOK,
    "POST /sandbox": LOOK,
}
"""Address of the dashboard → its actions, or why it leaves none."""

DOOR: dict[str, tuple[str, ...] | str] = {
    "POST /instance/create": ("session.created", "key.created"),
    "POST /instance/restart/{instance}": ("session.recover_requested",),
    "PUT /instance/restart/{instance}": ("session.recover_requested",),
    "DELETE /instance/logout/{instance}": ("session.logout",),
    "DELETE /instance/delete/{instance}": ("session.deleted",),
    "POST /settings/set/{instance}": ("session.settings_changed",),
    "POST /webhook/set/{instance}": ("webhook.created", "webhook.changed"),
    "POST /chatwoot/set/{instance}": ("session.chatwoot_changed",),
    "POST /chatwoot/webhook/{instance}": PROVIDER,
    "POST /instance/setPresence/{instance}": PASSED,
    "POST /verify-creds": LOOK,
    "POST /chat/findMessages/{instance}": LOOK,
    "POST /chat/findStatusMessage/{instance}": LOOK,
    "POST /chat/getBase64FromMediaMessage/{instance}": LOOK,
    **{f"POST /message/{name}/{{instance}}": SEND for name in (
        "sendText", "sendMedia", "sendPtv", "sendWhatsAppAudio", "sendSticker", "sendLocation", "sendContact",
        "sendPoll", "sendReaction", "sendList", "sendButtons", "sendTemplate", "sendStatus",
    )},
    **{f"{method} /chat/{name}/{{instance}}": PASSED for method in ("POST", "PUT") for name in (
        "updateMessage", "markMessageAsRead", "markChatUnread", "archiveChat",
    )},
    "DELETE /chat/deleteMessageForEveryone/{instance}": PASSED,
}  # fmt: skip
"""Address of the Evolution door → its actions, or why it leaves none."""
