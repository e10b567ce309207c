"""What an adapter declares of its provider: capabilities and quirks."""

from __future__ import annotations

import msgspec


class Quirk(msgspec.Struct, frozen=True):
    """One known lie of one provider, as data. `versions` reads like a pip specifier, e.g. `>=2.3.1,<2.3.7`."""

    name: str
    versions: str
    source: str = ""
    text: str = ""
    """Its sentence, for an adapter from outside. The texts of ours are in `locales/*/quirks.po`."""


class Capabilities(msgspec.Struct, frozen=True):
    """What a dialect can do at all; the ladder asks before it plans."""

    restart: bool
    restart_keeps_link: bool
    pairing_code: bool
    message_list: bool
    """Whether absence of a sent message can be proved by reading."""
    round_trip_probe: bool
    socket_probe: bool
    list_sessions: bool
    queues_while_down: bool
    """The provider keeps sends while disconnected and sends them later (W-API): a blind resend may double."""
    history: bool = True
    """Whether what came while nobody listened can be read back; where not, nobody can tell what was missed."""
    media_bytes: bool = True
    """Whether it takes media as base64; where not, it fetches the caller's address itself."""
    connect: bool = True
    """Whether `connect` opens a socket again with the saved link. Where not (W-API), `restart` is the way back, and
    `connect` only asks for a code."""
    question_refutes: bool = False
    """Whether there is a question (does this number exist?) that a dead socket refuses. That it is answered proves
    nothing unless it was refused before, for the answer may come from a cache; so it stands in where no socket can be
    probed, and nowhere else."""
    reconnects: bool = False
    """Whether it reconnects by itself and a connect beside that opens a second socket with the same credentials: two
    that throw each other out until the process ends."""
    echoes_sends: bool = False
    """Whether each accepted send is told by a webhook of its own, at once and past its event queue."""
    code_by_connect: bool = False
    """Whether a code is read by a call that opens a socket when it comes in the wrong moment."""
    connect_pairs_after_unlink: bool = True
    """Whether `connect` after an unlink brings a fresh code. Where dead credentials stay (seed 000's server), only
    `recreate` does, and it loses nothing any more."""
    pairing_beside_qr: bool = False
    """Whether it gives a code to type while a QR is shown; others only on a closed session."""
    boots_by_list: bool = False
    """Whether a new process of the server connects those that its own list calls open or connecting, and no others."""
    tells_webhook: bool = True
    """Whether it can be read where the provider sends a session's events."""
    create_takes_over: bool = False
    """Whether `create` sets the webhook of an instance that exists already (W-API: it is bought at the vendor's)."""
