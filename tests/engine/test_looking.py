"""Looks at the provider: how many at once."""

from __future__ import annotations

import asyncio

from engine_stage import linked, play

from esteio.engine.looking import LOOKS_AT_ONCE
from esteio.providers.base import HttpRequest, HttpResponse
from esteio.sim.lab import Lab


class Crowd:
    """A road on which every answer takes a second; how many were under way at most."""

    def __init__(self, road) -> None:
        self.road, self.now, self.most = road, 0, 0

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(1.0)
            return await self.road.exchange(request)
        finally:
            self.now -= 1


def test_many_looks_at_one_server_leave_places_for_sends():
    async def story(lab: Lab) -> None:
        await linked(lab)
        session = await lab.store.session("loja")
        lookout = lab.gateway.mailboxes._lookout
        crowd = lookout._transport = Crowd(lookout._transport)
        seen = await asyncio.gather(*(lookout.session(session, "socket") for _ in range(100)))
        assert crowd.most == LOOKS_AT_ONCE < 32
        assert {one.kind for look in seen for one in look.session} >= {"socket_ok"}

    play(story)
