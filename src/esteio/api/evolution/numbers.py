"""Numbers as Evolution reads them: digits however they are written, or a JID as it stands.

So a client of the door is never asked which country it meant: what it writes has always begun with the country code.
Never lives here: what Esteio's own API takes (`core.model.address`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_DEVICE: Final = re.compile(r":[0-9]+")
_JID_HOSTS: Final = ("@g.us", "@s.whatsapp.net", "@lid", "@broadcast")
_OLD_GROUP_LENGTH: Final = 23
"""`5511999990001-1612345678`: the number of its maker and the time."""
_GROUP_LENGTH: Final = 18
"""Digits of which no phone has so many."""
_MARKED_COUNTRIES: Final = ("52", "54")
_MARKED_LENGTH: Final = 13
_BRAZIL: Final = re.compile(r"55([0-9]{2})[0-9]([0-9]{8})")
_KEEPS_NINTH_BELOW: Final = 31
"""Area codes of Brazil below this one keep the ninth digit in WhatsApp's JIDs."""
_LANDLINE_BELOW: Final = "7"


@lru_cache(maxsize=16384)
def jid_of_number(number: str) -> str:
    """The JID that Evolution 2.3.7 makes of what a client wrote. Total: of what can be no number as well."""
    number = _DEVICE.sub("", number, count=1)
    if any(host in number for host in _JID_HOSTS):
        return number
    number = number.partition("@")[0]
    bare = re.sub(r"[^0-9-]", "", number)
    digits = bare.replace("-", "")
    if "-" in bare and len(re.sub(r"[\s+()]", "", number)) >= _OLD_GROUP_LENGTH:
        return f"{bare}@g.us"
    if len(digits) >= _GROUP_LENGTH:
        return f"{digits}@g.us"
    return f"{_as_whatsapp_writes(digits)}@s.whatsapp.net"


def _as_whatsapp_writes(digits: str) -> str:
    """Without the 1 of Mexico's mobiles, the 9 of Argentina's, and the ninth digit of most of Brazil's."""
    if digits.startswith(_MARKED_COUNTRIES) and len(digits) == _MARKED_LENGTH:
        return digits[:2] + digits[3:]
    found = _BRAZIL.fullmatch(digits)
    if found is None or found[2] < _LANDLINE_BELOW or int(found[1]) < _KEEPS_NINTH_BELOW:
        return digits
    return f"55{found[1]}{found[2]}"
