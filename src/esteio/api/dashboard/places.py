"""Where a page leads back to: only addresses of ours that can be opened, whatever somebody wrote into a form.

Never lives here: what is answered at an address.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from urllib.parse import urlsplit

_OURS = re.compile(
    r"(?!/(?:login|logout|language)\b)/(?:[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)*)?"
    r"(?:\?[A-Za-z0-9._~%&=+,:;@/?!$'()*\[\]{}|^-]*)?"
)
"""A path of ours and its query, never an address that somebody else wrote."""


def ours(place: str) -> str:
    """The place when it is one of our pages, else the first page."""
    return place if _OURS.fullmatch(place) else "/"


def shown_at(path: str, referer: str, host: str, pages: Collection[str]) -> str:
    """The page that a form of this path stands on: the one that the browser names (`Referer`), else the nearest above.
    `pages`: the paths that can be opened, with `{name}` for what differs."""
    known = _openable(frozenset(pages))
    if (came := _named(referer, host)) and known.fullmatch(came.partition("?")[0]):
        return came
    while path and not known.fullmatch(path):
        path = path.rpartition("/")[0]
    return ours(path or "/")


def _named(referer: str, host: str) -> str:
    try:
        came = urlsplit(referer)
    except ValueError:
        return ""
    place = came.path + (f"?{came.query}" if came.query else "")
    return place if host and came.netloc == host and ours(place) == place else ""


@lru_cache(maxsize=8)
def _openable(pages: frozenset[str]) -> re.Pattern[str]:
    return re.compile("|".join(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(one)) for one in sorted(pages)))
