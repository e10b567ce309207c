"""Sentences for people, in pt-BR and en: for every reason code, and for every line of a timeline.

A sentence says what happened and why we think so; its action says what a person can do, and is empty when nothing is
needed. The texts are data (`texts_pt`, `texts_en`). Nothing here raises: a code without a sentence, or a value that is
missing, gives a plainer sentence, and no sentence shows a hole: what is missing is left out, with its phrase where that
stands in brackets. Never lives here: a decision, a language negotiated with anyone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import msgspec

from esteio.core.model.state import Reason
from esteio.core.views import texts_en, texts_pt

LANGUAGES = ("pt-BR", "en")
_PART = re.compile(r"\[([^\[\]]*)\]")
_VALUE = re.compile(r" ?\{(\w+)(?::([^{}|]+)\|([^{}|]+))?\}")
"""`{name}`, or a number with its noun: `{name:message|messages}`. The space before it goes with it."""
_Texts = tuple[Mapping[str, tuple[str, str]], Mapping[str, str], Mapping[str, Mapping[str, str]]]
_PT: _Texts = (texts_pt.REASONS, texts_pt.TIMELINE, texts_pt.WORDS)
_EN: _Texts = (texts_en.REASONS, texts_en.TIMELINE, texts_en.WORDS)


class Sentence(msgspec.Struct, frozen=True):
    """`text`: what happened and why we think so. `action`: what a person can do, "" when nothing."""

    text: str
    action: str = ""


def sentence(reason: Reason, language: str) -> Sentence:
    """The sentence for a reason. `language`: `pt-BR` (also for every unknown one) or `en`. Never raises."""
    reasons, _, words = _texts(language)
    found = reasons.get(reason.code)
    if found is None:
        return Sentence(_filled(words["fallback"]["reason"], {"code": reason.code}, language))
    return Sentence(_filled(found[0], reason.args, language), _filled(found[1], reason.args, language))


def sentences_in(language: str) -> Callable[[Reason], Mapping[str, str]]:
    """What `documents` asks for: reason → {code, text, action}, in this language."""

    def document(reason: Reason) -> Mapping[str, str]:
        said = sentence(reason, language)
        return {"code": reason.code, "text": said.text, "action": said.action}

    return document


def timeline_text(code: str, args: Mapping[str, str], language: str, *, count: int = 1) -> str:
    """The sentence for one line of a timeline: an evidence kind, or the code of a decision, act or notice.

    `args` are the line's values (the evidence's `data`); `count` tells how often the same news came. Never raises.
    """
    _, timeline, words = _texts(language)
    template = timeline.get(code)
    if code == "state" and args.get("from") == args.get("to"):
        template = words["fallback"]["state-stays"]
    if template is None:
        text = _filled(words["fallback"]["timeline"], {"code": code}, language)
    else:
        text = _filled(template, args, language)
    text = text[:1].upper() + text[1:]
    return text if count <= 1 else f"{text} {_filled(words['fallback']['times'], {'count': str(count)}, language)}"


def duration(seconds: float) -> str:
    """A length of time for people, the same in both languages: `45 s`, `3 min`, `2 h 5 min`, `4 d 3 h`."""
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


def _texts(language: str) -> _Texts:
    return _EN if language.lower().startswith("en") else _PT


def _filled(template: str, args: Mapping[str, str], language: str) -> str:
    """The template with its values; a value's own brackets and braces are never read as ours."""

    def part(found: re.Match[str]) -> str:
        return found[1] if all(args.get(value[1]) for value in _VALUE.finditer(found[1])) else ""

    def value(found: re.Match[str]) -> str:
        name, one, many = found.groups()
        text = _value(name, args, language)
        if text and one:
            text = f"{text} {one if text == '1' else many}"
        return f" {text}" if text and found[0].startswith(" ") else text

    return _VALUE.sub(value, _PART.sub(part, template)).strip()


def _value(name: str, args: Mapping[str, str], language: str) -> str:
    """A value as people read it: codes of ours become sentences filled from the same values, seconds become a
    duration, the rest stays; "" when it is missing."""
    reasons, timeline, words = _texts(language)
    value = str(args.get(name, ""))
    if name in ("because", "cause", "evidence", "detail"):
        nested = reasons[value][0] if value in reasons else timeline.get(value)
        # Without this very name, so that a sentence that names itself ends.
        rest = {key: other for key, other in args.items() if key != name}
        return value if nested is None else _filled(nested, rest, language)
    if name in ("from", "to"):
        name = "state"
    if name in ("rung", "answer", "state"):
        return words[name].get(value, value)
    if name == "seconds":
        return _seconds(value)
    return value


def _seconds(value: str) -> str:
    try:
        return duration(float(value))
    except (ValueError, OverflowError):
        return value
