"""What a person asks of the first page, by the words of its address: a search, states, a server, a place, a view.

Never lives here: how it is found (`store.fleet`), what is shown.
"""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple, Self, get_args
from urllib.parse import urlencode

from esteio.api.http import cursors
from esteio.api.http.request import ApiRequest
from esteio.core.model.address import spellings
from esteio.core.model.ids import ServerName
from esteio.core.model.state import TROUBLED_FIRST, SessionState
from esteio.core.model.tenant import Reach
from esteio.store.base import FleetFilter

View = Literal["tiles", "table"]
LONGEST, SHORTEST = 100, 3
"""Of what is typed; and of the digits in it that are looked for in a number."""
_NUMBER = re.compile(r"[+(\d][\d\s().+-]{2,}")


class Search(NamedTuple):
    """The words, read. `text` is what was typed; `states` none: all."""

    text: str = ""
    states: tuple[SessionState, ...] = ()
    server: str = ""
    after: str | None = None
    view: View = "tiles"

    @classmethod
    def of(cls, request: ApiRequest) -> Self:
        """An unknown state or view is left out. Raises `CommandError("invalid-value")` for a place that is none."""
        words = {name: request.query_word(name).strip()[:LONGEST] for name in ("q", "state", "server", "view")}
        wanted = words["state"].split(",")
        view: Any = words["view"] if words["view"] in get_args(View) else "tiles"
        after = cursors.place({"after": request.query_word("after")} if request.query_word("after") else {}, "fleet")
        return cls(words["q"], tuple(one for one in TROUBLED_FIRST if one in wanted), words["server"], after, view)

    @property
    def narrowed(self) -> bool:
        """Whether it asks for anything but all from the beginning."""
        return bool(self.text or self.states or self.server or self.after)

    def filter(self, reach: Reach) -> FleetFilter:
        """The same as the store is asked, inside a key's scope."""
        server = ServerName(self.server) if self.server else None
        return FleetFilter(self.states, server, self.text, phones_of(self.text), reach)

    def address(self, **changes: Any) -> str:
        """The page's address with these words; a place goes with the words it was shown for only."""
        asked = self._replace(**{"after": None, **changes})
        words = {
            "q": asked.text,
            "state": ",".join(asked.states),
            "server": asked.server,
            "view": "" if asked.view == "tiles" else asked.view,
            "after": cursors.made("fleet", asked.after) if asked.after else "",
        }
        told = urlencode({name: word for name, word in words.items() if word}, safe=",")
        return f"/?{told}" if told else "/"


def phones_of(text: str) -> tuple[str, ...]:
    """The digits to look for where somebody typed a number or a part of one, whatever stands between them, and the
    other spelling of a whole one (Brazil's ninth digit). Ours begin with the country: what was typed without it is a
    part of them."""
    digits = re.sub(r"\D", "", text).lstrip("0")
    if not _NUMBER.fullmatch(text) or len(digits) < SHORTEST:
        return ()
    others = [one for one in (*spellings(digits), *spellings(f"55{digits}")) if digits not in one]
    return (digits, *others[:1])
