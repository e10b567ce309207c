"""How each kind of route keeps a scoped key to its sessions: the rules that `Route.scope` may name.

`SESSION`, `MESSAGE`, `APPROVAL`, `KEY`, `WEBHOOK` look at what the address names and refuse before the handler runs;
`GATEWAY` refuses every scoped key; `ITEMS` and `BODY` leave it to the handler, which must ask `call.scope` about each
thing that it shows, or that the body names. Never lives here: the rule itself (`engine.key_scope`).
"""

from __future__ import annotations

from typing import Final

from esteio.api.http.request import ApiRequest
from esteio.api.http.route import ApiContext, Rule
from esteio.engine.errors import unknown


async def _session(_api: ApiContext, call: ApiRequest) -> None:
    call.scope.check(call.path["name"])


async def _message(api: ApiContext, call: ApiRequest) -> None:
    call.scope.check((await api.commands.lookup.message(call.path["id"])).session)


async def _approval(api: ApiContext, call: ApiRequest) -> None:
    approval = await api.store.approvals.get(call.path["id"])
    if approval is None:
        raise unknown("approval", call.path["id"])
    call.scope.check(approval.session)


async def _key(api: ApiContext, call: ApiRequest) -> None:
    await api.commands.keys.check(call.path["id"], call.scope)


async def _webhook(api: ApiContext, call: ApiRequest) -> None:
    await api.commands.webhooks.get(call.path["id"], call.scope)


async def _gateway(_api: ApiContext, call: ApiRequest) -> None:
    call.scope.check_everything()


SESSION: Final = Rule("session", _session)
"""`{name}` is a session: 403 `session-out-of-reach`, whether or not it exists."""
MESSAGE: Final = Rule("message", _message)
"""`{id}` is a message of a session."""
APPROVAL: Final = Rule("approval", _approval)
"""`{id}` is an approval of a session."""
KEY: Final = Rule("key", _key)
"""`{id}` is a key: 404 unless it lies inside the caller's scope."""
WEBHOOK: Final = Rule("webhook", _webhook)
"""`{id}` is a subscription: 404 unless it lies inside the caller's scope."""
GATEWAY: Final = Rule("gateway", _gateway)
"""It concerns all sessions: 403 `outside-scope` for every scoped key."""
ITEMS: Final = Rule("items")
"""The answer holds only what the key reaches; the handler asks `call.scope` about each item."""
BODY: Final = Rule("body")
"""The handler asks `call.scope` about what the body names or makes."""
