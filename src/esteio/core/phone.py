"""Numbers that are written in two ways: Brazil's mobiles stand with or without their ninth digit, and servers turn one
into the other.

Digits only, country first. Never lives here: what kind of chat a number belongs to.
"""

from __future__ import annotations

import re

_WITH_NINTH = re.compile(r"(55[1-9]\d)9(\d{8})")
_MOBILE = frozenset("6789")
"""What a number without its ninth digit begins with, if it is a mobile's."""


def without_ninth(phone: str) -> str:
    """The shorter way to write a Brazilian mobile; anything else as it is."""
    found = _WITH_NINTH.fullmatch(phone)
    return found[1] + found[2] if found else phone


def same_phone(one: str, other: str) -> bool:
    """Whether two numbers are one line."""
    return one == other or without_ninth(one) == without_ninth(other)


def spellings(phone: str) -> tuple[str, str]:
    """A number as it is written, and as the same line may be written too (the same again, if in no other way)."""
    shorter = without_ninth(phone)
    if shorter != phone:
        return phone, shorter
    longer = f"{phone[:4]}9{phone[4:]}"
    return phone, longer if phone[4:5] in _MOBILE and same_phone(longer, phone) else phone
