"""How much may be claimed for sending, as the engine tells the store. Never lives here: why (`engine.outbox`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from esteio.core.model.ids import ServerName, SessionId


class Pace(NamedTuple):
    """How many messages a second, and how many may be saved up."""

    rate: float
    most: float


class SendQuota(msgspec.Struct, frozen=True):
    """How many more messages may be claimed: of each session and at each server; `each` and `each_server` are for
    those that are not named."""

    sessions: Mapping[SessionId, int] = {}
    each: int = 1_000_000
    servers: Mapping[ServerName, int] = {}
    each_server: int = 1_000_000
    paces: Mapping[ServerName, Pace] = {}
    """Of servers whose pace several nodes share: the claim takes their tokens from the store."""


class NotBefore(msgspec.Struct, frozen=True):
    """Before which time (epoch seconds) a session or a server may send nothing but what is urgent."""

    sessions: Mapping[SessionId, float] = {}
    servers: Mapping[ServerName, float] = {}
    paces: Mapping[ServerName, Pace] = {}
