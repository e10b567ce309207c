"""A client's side of the conversation: a JSON line in says what to do, a JSON line out says what came of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any


def answer_lines(verbs: Mapping[str, Callable[..., Any]]) -> None:
    """Carry out `{"do": VERB, …}` until the input ends; the first line out names the verbs that the client has."""
    out = sys.stdout
    sys.stdout = sys.stderr  # What a client prints is none of our lines.
    say(out, {"verbs": sorted(verbs)})
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            said = {"answer": verbs[asked.pop("do")](**asked)}
        except Exception as error:  # noqa: BLE001 - whatever a client raises is what its user sees
            said = {"error": f"{type(error).__name__}: {error}"}
        say(out, said)


def say(out: Any, what: Any) -> None:
    out.write(json.dumps(what, default=str) + "\n")
    out.flush()
