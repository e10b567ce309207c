"""A whole gateway in virtual time, before a server that the test plays: what an adapter is tried with end to end.

The engine, the store and the commands are the real ones, adapters are found as in service (entry points), and waiting
costs nothing. Only the network is the test's: its server answers requests, and posts webhooks by `post_webhook`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from esteio.providers.base import Transport
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import Lab
from esteio.store.sqlite import SqliteStore

LONGEST_STORY_S = 86_400.0


def play(
    server: Transport, story: Callable[[Lab], Awaitable[None]], *, database: Path | None = None, seed: int = 0
) -> None:
    """Run `story` to its end; what it raises is raised. `server` answers every request that the gateway makes of
    providers. With `database` the store is that file, else memory. Virtual time ends after a day."""

    async def whole() -> None:
        store = SqliteStore.memory() if database is None else SqliteStore(str(database), inline=True)
        async with Lab(seed, store=store, transport=server) as lab:
            await story(lab)

    run_virtual(whole, limit_s=LONGEST_STORY_S)


async def post_webhook(lab: Lab, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> int:
    """What a provider posts to `url` (the `webhook_url` it was given); the gateway's status. Raises
    RuntimeError outside `play`."""
    if lab.world.on_webhook is None:
        raise RuntimeError("the gateway is not running")
    return await lab.world.on_webhook(url, headers or {}, body)
