"""Bytes of media that came in: when the provider is asked for them again, when that is given up, and what is told.

The row that says what is owed is written with the message itself; the asking never holds up the message. Never lives
here: a call, a row, a provider's word.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from esteio.core.judge import pacing
from esteio.core.model.content import Media
from esteio.core.model.ids import SessionId
from esteio.core.model.message import MessageState
from esteio.core.model.state import Reason

MediaState = Literal["kept", "fetching", "gone"]
FIRST_AGAIN_S: Final = 2.0
AGAIN_AT_MOST_S: Final = 3600.0
GIVE_UP_S: Final = 24 * 3600.0
"""A server that is down for a day has lost what it held in memory, and WhatsApp keeps a file for two weeks."""
TRIES_AT_A_NO: Final = 6
"""A server that says no may say so because the message is not in its table yet: about a minute of tries."""
NOT_TOLD: Final = Reason("media-not-available")
EXPIRED: Final = Reason("media-expired")
NOT_KEPT: Final = Reason("media-not-kept")


def too_large(limit: int) -> Reason:
    """Why bytes beyond the setting are not kept."""
    return Reason("media-too-large", {"limit": str(limit)})


class Retry(msgspec.Struct, frozen=True):
    """What follows a try that brought nothing: `due_at`, or the reason for giving up."""

    due_at: float | None
    gone: Reason | None = None


def after_failure(session: SessionId, since: float, tries: int, now: float, *, said_no: bool, detail: str) -> Retry:
    """`tries` counts the one that failed; `since` is when the first was due. `said_no`: the provider answered, and has
    not got it; otherwise nobody answered."""
    if now >= since + GIVE_UP_S or (said_no and tries >= TRIES_AT_A_NO):
        return Retry(None, Reason("media-fetch-failed", {"detail": detail} if detail else {}))
    pause = pacing.doubling(FIRST_AGAIN_S, AGAIN_AT_MOST_S, tries - 1)
    return Retry(now + pause + pacing.jitter(session, tries, pause / 4))


def shown(media: Media, state: MessageState) -> tuple[MediaState, Reason | None]:
    """What is told of the bytes, and why there are none. `state`: of the message, for one that goes out by URL is
    fetched when it is sent."""
    if media.gone is not None:
        return "gone", media.gone
    if media.stored is not None or media.base64 is not None:
        return "kept", None
    if media.fetching or state in ("queued", "held", "sending", "in_doubt"):
        return "fetching", None
    return "gone", NOT_KEPT
