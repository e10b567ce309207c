"""Addresses: what kind each is, how it is spelled, which spellings are one line, and how a written number is read.

An address is the digits of a phone, country code first, or a JID for everything else (`…@g.us`, `…@lid`,
`status@broadcast` …). WhatsApp spells the mobiles of three countries in two ways (Brazil's ninth digit, Argentina's 9,
Mexico's 1): both spellings are one line. A number that does not name its country is never guessed where two readings
are valid: the chats that are known decide, or nobody does. Never lives here: which chats are known, an error's words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache
from typing import Literal, NamedTuple

import phonenumbers

AddressKind = Literal["phone", "group", "lid", "list", "status", "newsletter", "other"]
"""`list`: a broadcast list; `other`: what WhatsApp has and we do not know, a bot for instance."""
ANSWERABLE: frozenset[AddressKind] = frozenset({"phone", "group", "lid"})

REGIONS: Collection[str] = phonenumbers.SUPPORTED_REGIONS
"""The countries whose numbers can be read, by their two letters."""

STATUS = "status@broadcast"
_PHONE_HOSTS = frozenset({"s.whatsapp.net", "c.us", "hosted"})
_LID_HOSTS = frozenset({"lid", "hosted.lid"})
_JIDS: tuple[tuple[re.Pattern[str], AddressKind], ...] = (
    (re.compile(r"[0-9]{1,25}(-[0-9]{1,20})?@g\.us"), "group"),
    (re.compile(r"[0-9]{1,25}@lid"), "lid"),
    (re.compile(re.escape(STATUS)), "status"),
    (re.compile(r".+@broadcast"), "list"),
    (re.compile(r".+@newsletter"), "newsletter"),
)

# -- kinds and JIDs ----------------------------------------------------------------------------------------------


def kind_of(address: str) -> AddressKind:
    """The kind of an address in normal form."""
    if "@" not in address:
        return "phone" if _is_phone(address) else "other"
    return next((kind for pattern, kind in _JIDS if pattern.fullmatch(address)), "other")


def answerable(address: str) -> bool:
    """Whether a message can be sent there."""
    return kind_of(address) in ANSWERABLE


def has_many_authors(address: str) -> bool:
    """Whether the author of a message there is another than the chat: then WhatsApp needs to be told who it was."""
    return kind_of(address) in ("group", "list", "status")


def of_jid(jid: str) -> str:
    """The address that a provider means by a JID or by bare digits. Device and agent parts go, hosted accounts are
    their phones. What is no phone keeps its JID, whatever it is."""
    user, at, host = jid.strip().rpartition("@")
    if not at:
        digits = _user(host).lstrip("+")
        return digits if _is_phone(digits) else jid.strip()
    host = host.lower()
    if host in _PHONE_HOSTS:
        digits = _user(user).lstrip("+")
        return digits if _is_phone(digits) else f"{user}@s.whatsapp.net"
    return f"{_user(user)}@{'lid' if host in _LID_HOSTS else host}"


def phone_of_jid(jid: str) -> str | None:
    """The digits, where `of_jid` gives a phone."""
    address = of_jid(jid)
    return address if kind_of(address) == "phone" else None


def jid_of(address: str) -> str:
    """The JID for digits; a JID stays what it is."""
    return address if "@" in address else f"{address}@s.whatsapp.net"


def _user(user: str) -> str:
    return user.partition(":")[0].partition(".")[0]


def _is_phone(text: str) -> bool:
    return text.isascii() and text.isdigit() and 5 <= len(text) <= 15 and not text.startswith("0")


# -- spellings ---------------------------------------------------------------------------------------------------

_TWO_WAYS: tuple[tuple[re.Pattern[str], str], ...] = (
    # What a number without its ninth digit begins with, if it is a mobile's: a landline is another line.
    (re.compile(r"(55[1-9]\d)9?([6-9]\d{7})"), "9"),  # guard: landline-is-no-mobile
    (re.compile(r"(54)9?([1-8]\d{9})"), "9"),
    (re.compile(r"(52)1?([2-9]\d{9})"), "1"),
)


def spellings(phone: str) -> tuple[str, ...]:
    """All ways to write this line, the given one first."""
    for pattern, mark in _TWO_WAYS:
        if found := pattern.fullmatch(phone):
            both = (found[1] + found[2], found[1] + mark + found[2])
            return both if phone == both[0] else both[::-1]
    return (phone,)


@lru_cache(maxsize=4096)
def line_of(address: str) -> str:
    """The same for all spellings of one line: the shortest. An address that is no phone is its own."""
    # Every message asks several times within a moment.
    return min(spellings(address), key=len)


def same_line(one: str, other: str) -> bool:
    """Whether two addresses are one line, or one chat."""
    return one == other or line_of(one) == line_of(other)


_TAIL = 7


def may_be_same_line(one: str, other: str) -> bool:
    """Whether two phones might be one line in a spelling that we do not know: they end alike. Two valid numbers of one
    length are two lines."""
    if not (kind_of(one) == kind_of(other) == "phone" and one[-_TAIL:] == other[-_TAIL:]):
        return False
    return one == other or len(one) != len(other) or _valid(one) != one or _valid(other) != other


# -- reading what people write -----------------------------------------------------------------------------------


class Reading(NamedTuple):
    """What a written address may mean. `first`: as it is written (its own country code in front); `second`: as a number
    of `region`; `literal`: bare digits, which are an address as they stand if we gave them out ourselves."""

    first: str | None
    second: str | None = None
    region: str = ""
    literal: str | None = None

    @property
    def asks(self) -> frozenset[str]:
        """The lines of which it must be known whether there is a chat, before this can be read."""
        if self.literal is None or (self.first == self.literal and self.second is None):
            return frozenset()
        if self.first is not None and self.second is not None and same_line(self.first, self.second):
            return frozenset()
        return frozenset(line_of(one) for one in (self.literal, self.first, self.second) if one is not None)


class Read(NamedTuple):
    """One address; `read_as`: the region that the reader put in front."""

    address: str
    read_as: str | None = None


class Ambiguous(NamedTuple):
    """Two lines that it may be, each ready to be used."""

    candidates: tuple[str, str]


_SCHEMES = re.compile(r"(?:tel|whatsapp):", re.IGNORECASE)
_LONGEST = 128
_FALLBACK = range(11, 16)
"""How many digits a number needs, if it is not valid but of a possible length: fewer name no country surely."""


@lru_cache(maxsize=16384)
def read(text: str, region: str) -> Reading:
    """Read what a caller wrote. `region`: where numbers without a country code are at home; empty: nowhere."""
    text = _bared(text[:_LONGEST]) if len(text) <= _LONGEST else ""
    if "@" in text:
        return Reading(_of_written_jid(text))
    scheme = _SCHEMES.match(text)
    number = text[scheme.end() :] if scheme else text
    digits = number.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return Reading(None)
    if number.startswith("+"):
        return Reading(_final(digits))
    if digits.startswith("00"):
        return Reading(_final(digits[2:]))
    return _of_bare_digits(digits, region)


def choose(reading: Reading, known: Collection[str] = ()) -> Read | Ambiguous | None:
    """What it means, now that it is known which of the lines in `asks` have a chat; None: it is no address."""
    first, second = reading.first, reading.second
    if reading.literal is not None and line_of(reading.literal) in known:
        first = reading.literal
    if second is None or first is None:
        found = first or second
        return None if found is None else Read(found, reading.region if first is None else None)
    if same_line(first, second):
        return Read(first)
    knows_first, knows_second = line_of(first) in known, line_of(second) in known
    if knows_first and not knows_second:
        return Read(first)
    if knows_second and not knows_first:
        return Read(second, reading.region)
    return Ambiguous((f"+{first}", f"+{second}"))  # guard: two-countries-not-guessed


def _bared(text: str) -> str:
    """Without blanks, dashes, brackets, dots between digits and marks that nobody sees."""
    if "@" in text:
        return "".join(letter for letter in text if unicodedata.category(letter) != "Cf").strip()
    return "".join(letter for letter in text if not _is_dressing(letter))


_DRESSING = frozenset({"Cf", "Cc", "Zs", "Zl", "Zp", "Pd", "Ps", "Pe", "Mn"})


def _is_dressing(letter: str) -> bool:
    return letter in ".−" or unicodedata.category(letter) in _DRESSING


_UNKNOWN = re.compile(r".+@(bot|call|interop|msgr)|[0-9]{1,4}@s\.whatsapp\.net")
"""What WhatsApp has and we do not know: an address, though none that can be answered."""


def _of_written_jid(text: str) -> str | None:
    """A JID is what WhatsApp itself calls a chat: taken as it is, if it looks like one."""
    address = of_jid(text)
    return address if kind_of(address) != "other" or _UNKNOWN.fullmatch(address) else None


def _final(digits: str) -> str | None:
    """A number that says its country, in the form of E.164; None where it cannot be one."""
    return _valid(digits) or (digits if _is_possible(digits) else None)


def _of_bare_digits(digits: str, region: str) -> Reading:
    literal = digits if _is_phone(digits) else None
    first = None if digits.startswith("0") else _valid(digits)
    second = _valid(digits, region) if region else None
    if first is None and second is None and len(digits) in _FALLBACK and _is_possible(digits):
        first = digits
    return Reading(first, second, region, literal)


def _parsed(digits: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(digits if region else f"+{digits}", region)
    except phonenumbers.NumberParseException:
        return None


def _valid(digits: str, region: str | None = None) -> str | None:
    number = _parsed(digits, region)
    if number is None or not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]


def _is_possible(digits: str) -> bool:
    """Of a length that numbers of its country have, in one of its spellings."""
    return _is_phone(digits) and any(_has_possible_length(one) for one in spellings(digits))


def _has_possible_length(digits: str) -> bool:
    number = _parsed(digits, None)
    possible = phonenumbers.ValidationResult.IS_POSSIBLE
    return number is not None and phonenumbers.is_possible_number_with_reason(number) == possible
