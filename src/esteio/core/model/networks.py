"""Which Internet addresses are public: the special ranges, kept here and not taken from the Python that happens to run.

The standard library's tables (`is_global`) differ between versions and count some special ranges as public. Both must
agree before an address passes for public. From the IANA registries of special-purpose addresses for IPv4 and IPv6,
with what RFCs 3879, 4291, 6052, 6145 and 7526 have retired. Never lives here: a resolver, a setting.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_SPECIAL_4: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, and the clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays, retired
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and the broadcast
    )
)
_UNICAST_6: Final = IPv6Network("2000::/3")
"""All that is handed out to the public; outside of it all is loopback, link-local, site-local, multicast, reserved."""
_SPECIAL_6: Final = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, retired
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_LAST_4_BYTES: Final = (_MAPPED, _NAT64, IPv6Network("::/96"), IPv6Network("::ffff:0:0:0/96"))
"""Forms that carry an IPv4 address at their end: mapped, NAT64, compatible (retired), translated."""
_TUNNELS: Final = (_MAPPED, _NAT64)
"""Of these the inner address alone decides: the far end is reached over IPv4."""


def may_reach(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether this address is public, or lies (it or the IPv4 address inside it) in one of these networks."""
    inner = inner_address(address)  # guard: embedded-ipv4-checked
    forms = [address] if inner is None else [address, inner]
    if any(form in network for form in forms for network in allowed if form.version == network.version):
        return True
    if inner is not None and any(address in network for network in _TUNNELS):
        return is_public(inner)
    return is_public(address)


def is_public(address: Address) -> bool:
    """Whether this very address is of the public Internet; never one that carries another."""
    if not address.is_global or address.is_multicast:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SPECIAL_4)
    return address in _UNICAST_6 and not any(address in network for network in _SPECIAL_6)


def inner_address(address: Address) -> IPv4Address | None:
    """The IPv4 address inside an IPv6 form, old or new; None where there is none."""
    if isinstance(address, IPv4Address):
        return None
    if address.sixtofour is not None:
        return address.sixtofour
    carries = any(address in network for network in _LAST_4_BYTES)
    return IPv4Address(int(address) & 0xFFFFFFFF) if carries else None
