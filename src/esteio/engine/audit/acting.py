"""On whose behalf this task acts: set where a caller is let in, read where a change is recorded.

A context variable, so that whatever a request does is its caller's, and what our own loops do is the gateway's. Never
lives here: who may do what.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from esteio.core.audit.entry import GATEWAY, Actor

_ACTOR: ContextVar[Actor] = ContextVar("actor", default=GATEWAY)


def actor() -> Actor:
    """Who acts now; the gateway itself where nobody asked."""
    return _ACTOR.get()


@contextmanager
def acting(who: Actor) -> Iterator[None]:
    """What is done inside is done by this one."""
    token = _ACTOR.set(who)
    try:
        yield
    finally:
        _ACTOR.reset(token)
