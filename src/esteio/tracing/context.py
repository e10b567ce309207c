"""W3C Trace Context: what a `traceparent` and a `tracestate` may say, and the one text that a row keeps of both.

The text is the `traceparent` in version 00 and, where there is a `tracestate`, a blank and that. What breaks the
grammar (https://www.w3.org/TR/trace-context-2/) is as good as not sent. Never lives here: a span, an id that is made.
"""

from __future__ import annotations

import re
from typing import NamedTuple

HEADER, STATE_HEADER = "traceparent", "tracestate"
SAMPLED = 1
_KNOWN_FLAGS = 3
"""`sampled` and `random-trace-id`; a participant sends no bit that it does not know."""
LONGEST_STATE = 512
"""So much of a `tracestate` is handed on at least, says the recommendation; of a longer one nothing is."""
MOST_MEMBERS = 32
_PARENT = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})-(?!0{32})(?P<trace_id>[0-9a-f]{32})-(?!0{16})(?P<span_id>[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<more>-[!-~]*)?"
)
_MEMBER = re.compile(r"[a-z0-9][a-z0-9_*/@-]{0,255}=[ -+\--<>-~]{0,255}[!-+\--<>-~]")


class TraceContext(NamedTuple):
    """Where in which trace something happens: lower-case hex ids, the flags as a number."""

    trace_id: str
    span_id: str
    flags: int = 0
    state: str = ""

    @property
    def sampled(self) -> bool:
        """Whether who began the trace asks for it to be recorded."""
        return bool(self.flags & SAMPLED)

    @property
    def traceparent(self) -> str:
        """The header's value, version 00."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"

    @property
    def text(self) -> str:
        """As a row keeps it."""
        return f"{self.traceparent} {self.state}" if self.state else self.traceparent


def received(traceparent: str, tracestate: str = "") -> str | None:
    """What a row keeps of these headers of a caller; None for a `traceparent` that is none. A `tracestate` that breaks
    the grammar, or is longer than `LONGEST_STATE`, is left out, and changes nothing about the `traceparent`."""
    found = _PARENT.fullmatch(traceparent)
    # A later version may say more; of version 00 nothing follows.
    if found is None or (found["version"] == "00" and found["more"] is not None):  # guard: traceparent-by-grammar
        return None
    flags = int(found["flags"], 16) & _KNOWN_FLAGS
    return TraceContext(found["trace_id"], found["span_id"], flags, _state(tracestate)).text


def _state(text: str) -> str:
    if len(text) > LONGEST_STATE:  # guard: tracestate-bounded
        return ""
    members = [member for part in text.split(",") if (member := part.strip(" \t"))]
    keys = {member.partition("=")[0] for member in members}
    well_formed = all(_MEMBER.fullmatch(member) for member in members)
    return ",".join(members) if well_formed and len(keys) == len(members) <= MOST_MEMBERS else ""


def context_of(text: str | None) -> TraceContext | None:
    """The context that a row keeps as `text`; None for none, and for a text that is damaged."""
    parent, _, state = (text or "").partition(" ")
    found = _PARENT.fullmatch(parent)
    if found is None:
        return None
    return TraceContext(found["trace_id"], found["span_id"], int(found["flags"], 16), state)


def headers_of(text: str | None) -> dict[str, str]:
    """What is sent along with a request that belongs to this context: nothing for none."""
    if text is None:
        return {}
    parent, _, state = text.partition(" ")
    return {HEADER: parent, STATE_HEADER: state} if state else {HEADER: parent}
