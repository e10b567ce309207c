"""How each kind of route keeps a scoped key to its sessions: the rules that `Route.scope` may name.

`SESSION`, `MESSAGE`, `APPROVAL`, `KEY`, `WEBHOOK` look at what the address names and refuse before the handler runs;
`GATEWAY` refuses all but the operator's keys, `TENANT` keys of some sessions; `ITEMS` and `BODY` leave it to the
handler, which must ask `call.scope` about each thing that it shows, or that the body names. Never lives here: the rule
itself (`engine.key_scope`).
"""

from __future__ import annotations

from typing import Final

from esteio.api.http.request import ApiRequest
from esteio.api.http.route import ApiContext, Rule


async def _session(api: ApiContext, call: ApiRequest) -> None:
    scope, name = call.scope, call.path["name"]
    scope.check_name(name)
    if scope.tenant is not None:
        await api.commands.lookup.session(name, scope)


async def _message(api: ApiContext, call: ApiRequest) -> None:
    await api.commands.lookup.message(call.path["id"], call.scope)


async def _approval(api: ApiContext, call: ApiRequest) -> None:
    await api.commands.lookup.approval(call.path["id"], call.scope)


async def _key(api: ApiContext, call: ApiRequest) -> None:
    await api.commands.keys.check(call.path["id"], call.scope)


async def _webhook(api: ApiContext, call: ApiRequest) -> None:
    await api.commands.webhooks.get(call.path["id"], call.scope)


async def _tenant(_api: ApiContext, call: ApiRequest) -> None:
    call.scope.check_whole()


async def _gateway(_api: ApiContext, call: ApiRequest) -> None:
    call.scope.check_everything()


SESSION: Final = Rule("session", _session)
"""`{name}` is a session: 403 `session-out-of-reach` for a name outside the key's patterns, whether or not it exists;
404 `unknown-session` for another tenant's, as for none."""
MESSAGE: Final = Rule("message", _message)
"""`{id}` is a message of a session: 404 for another tenant's, as for none; 403 for a session outside the patterns."""
APPROVAL: Final = Rule("approval", _approval)
"""`{id}` is an approval of a session; as a message."""
KEY: Final = Rule("key", _key)
"""`{id}` is a key: 404 unless it lies inside the caller's scope."""
WEBHOOK: Final = Rule("webhook", _webhook)
"""`{id}` is a subscription: 404 unless it lies inside the caller's scope."""
TENANT: Final = Rule("tenant", _tenant)
"""It concerns all that a tenant has: 403 `outside-scope` for a key of some sessions."""
GATEWAY: Final = Rule("gateway", _gateway)
"""It concerns the whole gateway: 403 `outside-scope` for every key but the operator's."""
ITEMS: Final = Rule("items")
"""The answer holds only what the key reaches; the handler asks `call.scope` about each item."""
BODY: Final = Rule("body")
"""The handler asks `call.scope` about what the body names or makes."""
