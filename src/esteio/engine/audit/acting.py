"""On whose behalf this task acts: set where a caller is let in, read where a change is recorded.

A context variable, so that whatever a request does is its caller's, and what our own loops do is the gateway's. Never
lives here: who may do what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from esteio.core.audit.entry import GATEWAY, Actor

Actors = Actor | Callable[[], Actor]
"""Somebody, or what tells who it is: put together only where something is recorded."""
_ACTOR: ContextVar[Actors] = ContextVar("actor", default=GATEWAY)


def actor() -> Actor:
    """Who acts now; the gateway itself where nobody asked."""
    who = _ACTOR.get()
    return who if isinstance(who, Actor) else who()


@contextmanager
def acting(who: Actors) -> Iterator[None]:
    """What is done inside is done by this one."""
    token = _ACTOR.set(who)
    try:
        yield
    finally:
        _ACTOR.reset(token)
