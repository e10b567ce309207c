"""The address under which somebody elsewhere opens a page of ours. Never lives here: a page, a token."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

from esteio.api.dashboard.page import Visit


class OthersAddress(NamedTuple):
    """`path`: set where the browser knows better under which scheme and host it reached us; `only_here`: the address
    is of this machine or of its network."""

    address: str
    path: str
    only_here: bool


def address_for_others(visit: Visit, path: str) -> OthersAddress:
    """The operator's own way here, which people can go too; where that is this very machine, the one that the settings
    name for the providers."""
    own, public = visit.request.headers.get("host", ""), visit.api.settings.public_url.rstrip("/")
    host = urlsplit(f"//{own}").hostname or ""
    if _near(host) and public and not _near(urlsplit(public).hostname or ""):
        return OthersAddress(public + path, "", only_here=False)
    scheme = "https" if public.startswith("https:") else "http"
    return OthersAddress(f"{scheme}://{own}{path}", path, only_here=_near(host))


def _near(host: str) -> bool:
    """Whether only this machine, or its network, finds this host."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".localhost", ".lan"))
