"""Where Esteio may be made to point: addresses inside private or loopback ranges are refused unless allowed.

Used for media URLs and outgoing webhooks; `host_of` also for providers' addresses. The resolver is a port: looking a
name up waits and leaves the process. A name may resolve differently later: who fetches must check the address that it
connects to (`may_reach`, which the guarded transport asks). Never lives here: the fetch itself, the list of ranges
(`core.model.networks`).
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import SplitResult, unquote, urlsplit

from esteio.core.model import networks
from esteio.core.model.networks import Address, Network
from esteio.engine.errors import CommandError, invalid

Resolver = Callable[[str], Awaitable[Sequence[str]]]
"""Host name → addresses as text. Raises OSError when there are none."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*")
LONGEST_NAME = 253
MUST_BE = "must be an http or https URL that can be called"


async def system_resolver(host: str) -> Sequence[str]:
    """The machine's own resolver (runs in a thread)."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


async def check_target(url: str, field: str, allowed: Sequence[Network], resolve: Resolver, *, shown: str = "") -> None:
    """Raise `CommandError("invalid-value")` for what can never be called, and `CommandError("target-not-allowed")`
    unless every address of the URL's host is public or allowed. The error names the host (or `shown`), and the networks
    that `allow_targets` would have to name."""
    host = host_of(url, field)
    try:
        literal = _literal(host)
        addresses = [literal] if literal else [ipaddress.ip_address(text.split("%")[0]) for text in await resolve(host)]
    except (OSError, UnicodeError) as error:
        raise CommandError("target-not-allowed", field=field, in_body=True, host=shown or host) from error
    # guard: every-address-checked
    refused = [address for address in addresses if not networks.may_reach(address, allowed)]
    if refused or not addresses:  # guard: named-address-checked
        raise CommandError("target-not-allowed", field=field, in_body=True, host=shown or host, allow=_line(refused))


def _line(refused: Sequence[Address]) -> str:
    """What `allow_targets` would have to hold, as it is written in the file; "" for no address."""
    lines = ", ".join(f'"{ipaddress.ip_network(str(address))}"' for address in dict.fromkeys(refused))
    return f"[{lines}]" if lines else ""


def may_reach(address: str, allowed: Sequence[Network]) -> bool:
    """Whether a socket may be connected to this address (text, perhaps with a zone)."""
    try:
        return networks.may_reach(ipaddress.ip_address(address.split("%", maxsplit=1)[0]), allowed)
    except ValueError:
        return False


def host_of(url: str, field: str) -> str:
    """The host of an http or https URL. Raises `CommandError("invalid-value")` for a URL that can never be called: no
    host or none that can be one, a port that is none, a character that no request line may hold."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise invalid(field, MUST_BE) from error
    if parts.scheme not in {"http", "https"} or not host or port == 0 or not _can_be_written(url, parts):
        raise invalid(field, MUST_BE)
    host = host.removesuffix(".")
    if not _is_host(host):
        raise invalid(field, MUST_BE)
    return host


def _can_be_written(url: str, parts: SplitResult) -> bool:
    """Whether an HTTP client can put it into a request: half a character, white space and the like cannot be."""
    if any(c <= " " or c.isspace() or c in "\\\x7f" or "\ud800" <= c <= "\udfff" for c in url):
        return False
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    # Basic authentication: a colon would end the name, and the header knows no other letters.
    return ":" not in user and all(c <= "\xff" for c in user + password)


_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]")
"""Letters that Unicode calls default-ignorable and no control or format character."""


def _is_host(host: str) -> bool:
    if ":" in host:
        try:
            return ipaddress.ip_address(host.partition("%")[0]).version == 6
        except ValueError:
            return False
    if _UNSEEN.search(host) or any(unicodedata.category(letter).startswith("C") for letter in host):
        # Some readers of a name leave these out and some refuse them: it would not be one host for all.
        return False
    try:
        name = host.encode("idna").decode()
    except UnicodeError:
        return False
    return len(name) <= LONGEST_NAME and _NAME.fullmatch(name) is not None


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
