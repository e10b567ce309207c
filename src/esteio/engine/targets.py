"""Where Esteio may be made to point: addresses inside private or loopback ranges are refused unless allowed.

Used for media URLs and outgoing webhooks. The resolver is a port: looking a name up waits and leaves the
process. A name may resolve differently later: who fetches must check the address that it connects to (`may_reach`,
which the guarded transport asks). Never lives here: the fetch itself.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from esteio.engine.refusals import Refusal

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str], Awaitable[Sequence[str]]]
"""Host name → addresses as text. Raises OSError when there are none."""


async def system_resolver(host: str) -> Sequence[str]:
    """The machine's own resolver (runs in a thread)."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


async def check_target(url: str, field: str, allowed: Sequence[Network], resolve: Resolver) -> None:
    """Raise `Refusal("target-not-allowed")` unless every address of the URL's host is public or allowed."""
    host = _host(url, field)
    try:
        literal = _literal(host)
        addresses = [literal] if literal else [ipaddress.ip_address(text.split("%")[0]) for text in await resolve(host)]
    except (OSError, UnicodeError) as error:
        raise Refusal("target-not-allowed", field=field, in_body=True, host=host) from error
    if not addresses or not all(_may(address, allowed) for address in addresses):
        raise Refusal("target-not-allowed", field=field, in_body=True, host=host)


def may_reach(address: str, allowed: Sequence[Network]) -> bool:
    """Whether a socket may be connected to this address (text, perhaps with a zone)."""
    try:
        return _may(ipaddress.ip_address(address.split("%", maxsplit=1)[0]), allowed)
    except ValueError:
        return False


def _host(url: str, field: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Refusal("invalid-value", field=field, in_body=True, why="is no URL") from error
    if parts.scheme not in {"http", "https"} or not host or port == 0 or any(c.isspace() or c == "\\" for c in url):
        raise Refusal("invalid-value", field=field, in_body=True, why="must be an http or https URL")
    return host.rstrip(".")


def _literal(host: str) -> Address | None:
    """The address that a host spells out, also in the old spellings that resolvers and browsers still take
    (`127.1`, `0x7f000001`, `2130706433`)."""
    try:
        return ipaddress.ip_address(host.split("%", maxsplit=1)[0])
    except ValueError:
        pass
    if host and all(part[:1].isdigit() for part in host.split(".")):
        return ipaddress.ip_address(socket.inet_ntoa(socket.inet_aton(host)))
    return None


def _may(address: Address, allowed: Sequence[Network]) -> bool:
    forms: list[Address] = [address]
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or _nat64(address)
        forms += [inner] if inner else []
    return any(form in network for form in forms for network in allowed if form.version == network.version) or all(
        form.is_global and not form.is_multicast for form in forms if not _only_a_wrapper(form)
    )


def _only_a_wrapper(address: Address) -> bool:
    """An IPv6 form whose inner IPv4 address decides."""
    return isinstance(address, ipaddress.IPv6Address) and bool(address.ipv4_mapped or _nat64(address))


def _nat64(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    prefix = ipaddress.IPv6Network("64:ff9b::/96")
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in prefix else None
