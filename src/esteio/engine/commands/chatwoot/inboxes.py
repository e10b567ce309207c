"""The inbox at Chatwoot that writes to us, made or turned to us before the server would make its own.

Evolution's `autoCreate` gives Chatwoot the server's own address, but only where no inbox of that name is there: so ours
is there first. Asking twice makes no second one. Never lives here: what an inbox says (`event`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec

from esteio.core.model.networks import Network
from esteio.engine.errors import CommandError
from esteio.engine.url_guard import Resolver, check_target
from esteio.providers.base import HttpRequest, Transport, TransportFailed

WITHIN_S: Final = 10.0


class ChatwootInboxes:
    """Inboxes by Chatwoot's API. `transport`: the guarded road to addresses that callers named, with whole answers."""

    def __init__(self, transport: Transport, *, allowed: Sequence[Network], resolve: Resolver) -> None:
        self._transport, self._allowed, self._resolve = transport, allowed, resolve

    async def ensure(self, chatwoot: str, account: str, token: str, *, name: str, webhook_url: str) -> None:
        """An inbox of this name that writes to `webhook_url`. Raises `CommandError`: target-not-allowed, invalid-value,
        chatwoot-refused."""
        await check_target(chatwoot, "url", self._allowed, self._resolve)
        place = f"{chatwoot.rstrip('/')}/api/v1/accounts/{quote(account, safe='')}/inboxes"
        listed = await self._ask("GET", place, token)
        payload = listed.get("payload") if isinstance(listed, dict) else None
        inboxes = [one for one in payload if isinstance(one, dict)] if isinstance(payload, list) else []
        found = next((one for one in inboxes if one.get("name") == name), None)
        if found is None:
            channel = {"type": "api", "webhook_url": webhook_url}
            await self._ask("POST", place, token, {"name": name, "channel": channel})
        elif found.get("webhook_url") != webhook_url:
            await self._ask("PATCH", f"{place}/{found.get('id')}", token, {"channel": {"webhook_url": webhook_url}})

    async def _ask(self, method: str, url: str, token: str, body: Mapping[str, Any] | None = None) -> Any:
        headers = {"api_access_token": token, "accept": "application/json"}
        data = b""
        if body is not None:
            headers["content-type"], data = "application/json", msgspec.json.encode(body)
        try:
            answer = await self._transport.exchange(HttpRequest(method, url, headers, data, WITHIN_S))
        except TransportFailed as failed:
            raise CommandError("chatwoot-refused", why=failed.reason) from failed
        if not 200 <= answer.status < 300:
            raise CommandError("chatwoot-refused", status=str(answer.status))
        return answer.json()
