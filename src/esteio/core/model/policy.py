"""Policy as data: every knob the judge, `settle` and the ladder read, with its unit and a sentence.

Two built-in policies: `default` is what the facts teach; `seeds` reproduces the letter of the five plans where letter
and facts part. A named policy inherits from either and overrides knobs. Never lives here: what is done with a knob.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

Destructive = Literal["ask", "auto", "never"]
OnDown = Literal["hold", "fail"]
InDoubt = Literal["hold", "resend", "fail"]


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """Where the letter of the five plans parts from what was measured since. Only `seeds` follows it, so that runs can
    be compared; a settings file cannot set these one by one, but a policy that inherits from `seeds` has them all."""

    preflight: bool = False
    """Ask the provider for the state before every send (seed 003)."""
    probe_is_witness: bool = True
    """Whether a failing probe beside a refused send proves the socket dead at once, or only the refused retry does
    (seed 004)."""
    unknown_is_corrupt: bool = False
    """Whether an unreadable state jumps to the logout level (seed 002)."""
    ghost_cure: Literal["restart", "logout"] = "restart"
    """What heals a proved ghost: restart with its effect verified, or the forced logout of seed 001."""


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All knobs. `_s` are seconds, fractions and 0 allowed."""

    name: str = "default"
    # -- sends ---------------------------------------------------------------------------------------------------
    closed_retry_after_s: float = 3
    """After "Connection Closed" a send is tried again this much later (seed 004)."""
    closed_retries: int = 1
    """How often a send is tried again after "Connection Closed" before the socket counts as dead."""
    send_timeout_s: float = 75
    """How long a send may take; a half-open socket answers only after 60 s, so less makes needless doubt."""
    on_down: OnDown = "hold"
    """What becomes of a send while the session is down: kept and sent later, or failed with a sentence."""
    hold_for_s: float = 86400
    """How long a held message waits before it expires, unless it says `expires_in_s`."""
    in_doubt: InDoubt = "hold"
    """What becomes of a send whose outcome could not be found out: held for a person, resent, or failed."""
    sends_in_flight: int = 4
    """How many chats of one session may be sent to at the same time."""
    sends_per_minute: float = 0
    """Pace of one session; 0 is no limit."""
    sends_burst: int = 0
    """How many messages of that pace may go at once after a quiet time; 0 is what it allows in five seconds."""
    server_sends_per_minute: float = 0
    """Pace of one server, shared by its sessions in turn; 0 is no limit."""
    server_sends_burst: int = 0
    """How many messages of the server's pace may go at once after a quiet time."""
    ramp_s: float = 60
    """After a recovery, sends come back from a tenth to the whole pace over this time."""
    ack_within_s: float = 60
    """A sent message without any acknowledgement for this long counts as `ack_missing`."""
    # -- looking -------------------------------------------------------------------------------------------------
    probe_idle_s: float = 30
    """How often an idle healthy session is probed."""
    probe_suspect_s: float = 5
    """How often a suspect one is."""
    any_webhook_proves_life: bool = False
    """Whether any event from the provider counts as proof of life (seed 003's letter)."""
    # -- the ladder ----------------------------------------------------------------------------------------------
    connect_attempts: int = 3
    """Connects in one series (seed 002, level 1)."""
    connect_every_s: float = 5
    """Time between them; a connect's effect must be seen within it."""
    effect_within_s: float = 20
    """How long every other rung may take to show its effect."""
    restart_cooldown_s: float = 60
    """Between restarts of one session; doubles with each."""
    restart_cooldown_max_s: float = 1800
    """The longest that cool-down gets (seed 003: 30 min)."""
    destructive: Destructive = "ask"
    """Whether logout, recreate and delete wait for a person, run by themselves, or never happen."""
    destructive_after_s: float = 60
    """How long a fall must have lasted before a destructive rung is asked for or done."""
    logout_at_most_every_s: float = 120
    """Not two logouts of one session within this (seed 001)."""
    logout_connect_attempts: int = 2
    """Connects after a logout (seed 002, level 2)."""
    recreate: bool = True
    """Whether the ladder may end in delete and recreate (seed 002, level 3)."""
    stable_after_s: float = 300
    """Counters are reset only after this long without a fall."""
    flap_count: int = 5
    """This many `connecting`, or `open`, reported within `flap_within_s` count as flapping: nothing is restarted."""
    flap_within_s: float = 30
    """The flap window; a fall within it after a recovery reopens the same outage."""
    quarantine_s: float = 60
    """Pause after a ladder that failed to its end; doubles with each."""
    quarantine_max_s: float = 3600
    """The longest pause."""
    # -- the server's weather ------------------------------------------------------------------------------------
    boot_grace_s: float = 180
    """After a server start nothing destructive happens for this long."""
    connects_in_flight: int = 2
    """Attempts that open a socket, at once per server."""
    seconds_between_connects: float = 3
    """Least time between two of them, per server."""
    mass_fall_fraction: float = 0.3
    """A server's sessions falling together: at least this part of them …"""
    mass_fall_count: int = 3
    """… and at least so many …"""
    mass_fall_within_s: float = 60
    """… within this time are one incident."""
    # -- people --------------------------------------------------------------------------------------------------
    notify_after_s: float = 60
    """A fall shorter than this makes no notice."""
    create_wait_s: float = 8
    """How long a create or recreate waits for the provider before it answers (seed 000)."""
    letter: Letter = Letter()
    """No knob: a policy has its built-in parent's."""


DEFAULT = Policy()
SEEDS = Policy(
    name="seeds",
    on_down="fail",
    destructive="auto",
    destructive_after_s=0,
    any_webhook_proves_life=True,
    restart_cooldown_s=1800,
    restart_cooldown_max_s=1800,
    letter=Letter(preflight=True, probe_is_witness=False, unknown_is_corrupt=True, ghost_cure="logout"),
)
BUILT_IN: Mapping[str, Policy] = {"default": DEFAULT, "seeds": SEEDS}
KNOBS: tuple[str, ...] = tuple(f for f in Policy.__struct_fields__ if f not in ("name", "letter"))


class PolicyError(ValueError):
    """A policy that cannot be built; the message names the policy and the knob."""


def build(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Policy]:
    """All policies of a settings file, the built-in ones included. `[policy.default]` itself may be overridden.

    Raises `PolicyError` for an unknown parent, a circle, an unknown knob or a wrong value.
    """
    done: dict[str, Policy] = {}

    def resolve(name: str, chain: tuple[str, ...]) -> Policy:
        if name in done:
            return done[name]
        if name in chain:
            raise PolicyError(f"policy {name!r} inherits from itself ({' > '.join((*chain, name))})")
        table = dict(tables.get(name, {}))
        parent_name = table.pop("inherits", None if name in BUILT_IN else "default")
        if parent_name is None:
            parent = BUILT_IN[name]
        elif isinstance(parent_name, str) and (parent_name in tables or parent_name in BUILT_IN):
            parent = resolve(parent_name, (*chain, name))
        else:
            raise PolicyError(f"policy {name!r} inherits from {parent_name!r}, which does not exist")
        done[name] = _override(parent, name, table)
        return done[name]

    for name in {**BUILT_IN, **tables}:
        resolve(name, ())
    return done


def _override(parent: Policy, name: str, knobs: Mapping[str, Any]) -> Policy:
    for knob in knobs:
        if knob not in KNOBS:
            raise PolicyError(f"policy {name!r}: unknown knob {knob!r}")
    try:
        policy = msgspec.convert({**msgspec.structs.asdict(parent), **knobs, "name": name}, Policy)
    except msgspec.ValidationError as error:
        raise PolicyError(f"policy {name!r}: {error}") from error
    for knob in KNOBS:
        value = getattr(policy, knob)
        if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
            raise PolicyError(f"policy {name!r}: {knob} may not be negative")
    return policy
