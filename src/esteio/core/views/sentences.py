"""Sentences for people: for every reason code, and for every line of a timeline, from the texts that are handed in.

A sentence says what happened and why we think so; its action says what a person can do, and is empty when nothing is
needed. Nothing here raises: a code without a sentence, or a value that is missing, gives a plainer sentence. Never
lives here: a text (`locales/`), a decision, a language negotiated with anyone.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from esteio.core.model.state import Axis, Reason
from esteio.core.views.catalogue import Catalogue, fill


class Sentence(msgspec.Struct, frozen=True):
    """`text`: what happened and why we think so. `action`: what a person can do, "" when nothing."""

    text: str
    action: str = ""


def sentence(reason: Reason, texts: Catalogue) -> Sentence:
    """The sentence for a reason, in the language of `texts`."""
    found = texts.find("reason", reason.code)
    if found is None:
        return Sentence(fill(texts.word("fallback", "reason"), {"code": reason.code}))
    action = texts.find("action", reason.code) or ""
    return Sentence(_filled(found, reason.args, texts), _filled(action, reason.args, texts))


def proof(axis: Axis, reason: Reason, texts: Catalogue) -> str:
    """What answered whether a session can send, or receive, as a sentence; "" while nothing has.

    A `yes` rests on evidence; any other answer has the code of a reason, and where that is the session's own `reason`,
    its values."""
    if axis.evidence is None:
        return ""
    if axis.value == "yes" or texts.find("reason", axis.evidence) is None:
        return timeline_text(axis.evidence, {}, texts)
    own = reason.args if reason.code == axis.evidence else {}
    return sentence(Reason(axis.evidence, own), texts).text


def timeline_text(code: str, args: Mapping[str, str], texts: Catalogue, *, count: int = 1) -> str:
    """The sentence for one line of a timeline: an evidence kind, or the code of a decision, act or notice.

    `args` are the line's values (the evidence's `data`); `count` tells how often the same news came.
    """
    template = texts.find("timeline", code)
    if code == "state" and args.get("from") == args.get("to"):
        template = texts.find("fallback", "state-stays")
    if template is None:
        text = fill(texts.word("fallback", "timeline"), {"code": code})
    else:
        text = _filled(template, args, texts)
    text = text[:1].upper() + text[1:]
    return text if count <= 1 else f"{text} {fill(texts.word('fallback', 'times'), {'count': str(count)})}"


def duration(seconds: float) -> str:
    """A length of time for people, the same in every language: `45 s`, `3 min`, `2 h 5 min`, `4 d 3 h`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest and minutes < 5 else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def _filled(template: str, args: Mapping[str, str], texts: Catalogue) -> str:
    """The template with its values as people read them: codes of ours become sentences filled from the same values,
    seconds become a duration, the rest stays."""

    def shown(name: str, value: str) -> str:
        if name in ("because", "cause", "evidence", "detail"):
            nested = texts.find("reason", value) or texts.find("timeline", value)
            if nested is None:
                return texts.translated("detail in English", value) if name == "detail" else value
            # Without this very name, so that a sentence that names itself ends.
            return _filled(nested, {key: other for key, other in args.items() if key != name}, texts)
        if name in ("from", "to", "state"):
            return texts.word("state", value)
        if name in ("rung", "answer"):
            return texts.word(name, value)
        return _seconds(value) if name == "seconds" else value

    return fill(template, args, shown)


def _seconds(value: str) -> str:
    try:
        return duration(float(value))
    except (ValueError, OverflowError):
        return value
