"""One visit of a page, and how a page is drawn: templates, texts, the headers that keep a browser safe.

Never lives here: what stands on a page.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.filters import do_mark_safe

from esteio.api.dashboard.drawings import Drawings
from esteio.api.dashboard.forms import Form
from esteio.api.dashboard.kept_answers import KeptAnswers
from esteio.api.dashboard.places import ours, shown_at
from esteio.api.dashboard.static import VERSION
from esteio.api.http.request import ApiRequest, ApiResponse
from esteio.api.http.route import ApiContext
from esteio.api.login.cookies import LANGUAGE, VISITOR, SignedIn, cookie
from esteio.core.views.catalogue import Catalogue, fill
from esteio.core.views.documents import timestamp
from esteio.core.views.sentences import duration
from esteio.engine.commands.keys import has_role
from esteio.engine.commands.requests import Role
from esteio.engine.errors import CommandError
from esteio.engine.key_scope import scope_of

HTML = "text/html; charset=utf-8"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "media-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Content security: our own script and style as files; pictures, which QR codes are, inside the page."""
SAFE: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not `no-referrer`: with that, browsers hide where a form of our own comes from.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
FRESH = {"cache-control": "no-store", "vary": "Cookie, Accept-Language"}
ASK_AGAIN = "login-form-old"
REDRAW = "x-redraw"
"""A header by which an open page asks for itself anew."""
DONE = "done"
"""The word of a query that names what a form has done."""
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)


def marked(sentence: str) -> str:
    """A sentence as HTML: what stands between backticks as code, everything escaped."""
    return do_mark_safe(re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(sentence)))


_TEMPLATES.filters["marked"] = marked


class Moment(NamedTuple):
    """A time for machines, and for people how long ago it is (or how far ahead)."""

    at: str
    ago: str


class Entry(NamedTuple):
    """One entry of the navigation, and who may open it."""

    path: str
    key: str
    role: Role
    of_all: bool = False
    """Only for keys that reach every session."""


NAVIGATION = (
    Entry("/", "nav.sessions", "read"),
    Entry("/incidents", "nav.incidents", "read"),
    Entry("/approvals", "nav.approvals", "read"),
    Entry("/messages", "nav.messages", "read"),
    Entry("/servers", "nav.servers", "read"),
    Entry("/webhooks", "nav.webhooks", "admin"),
    Entry("/notices", "nav.notices", "admin", of_all=True),
    Entry("/settings", "nav.settings", "admin"),
    Entry("/sandbox", "nav.sandbox", "admin", of_all=True),
)
"""In the order of the page. An entry is shown to those who may open it, where the dashboard has such a page."""


class Visit:
    """One request for a page: who asks, in which language, and what a form brought."""

    def __init__(
        self,
        api: ApiContext,
        request: ApiRequest,
        drawings: Drawings,
        *,
        public_pages: KeptAnswers,
        address: str,
        head: bool,
        places: Collection[str] = (),
    ) -> None:
        """`public_pages`: what strangers are shown; `address`: the caller's; `head`: only the headers are asked for;
        `places`: the addresses of pages that the navigation may lead to."""
        self.api, self.request, self.address, self.head = api, request, address, head
        self.places, self._drawings, self.public_pages = places, drawings, public_pages
        self.counts: dict[str, int] = {}
        """How many things wait at an entry of the navigation."""
        self.cookies = request.headers.get("cookie", "")
        self.login: SignedIn | None = None
        """Set before the handler runs where a page needs one."""
        chosen = cookie(self.cookies, LANGUAGE)
        self.texts: Catalogue = api.texts.by_language.get(chosen) or request.texts
        self.visitor = cookie(self.cookies, VISITOR)

    @property
    def whose(self) -> str:
        """Whom a form is shown to: a login, else a visitor; "" when it is neither yet."""
        return self.login.id if self.login is not None else self.visitor

    def may(self, role: Role) -> bool:
        """Whether who asks has this role."""
        return self.login is not None and has_role(self.request.key, role)

    @property
    def done(self) -> str:
        """The sentence about what the form before this page has done; "" for none."""
        word = self.request.query_word(DONE)
        return (self.texts.find("dashboard", f"done.{word}") or "") if word else ""

    @property
    def place(self) -> str:
        """Where this page can be opened again: its own address; of a form's answer the page with the form; of the login
        what comes after it, for the token of a link is told to nobody."""
        request = self.request
        if request.place.startswith("/login"):
            return ours(request.query_word("next"))
        if request.method in ("GET", "HEAD"):
            return request.place
        headers = request.headers
        return shown_at(
            request.place.partition("?")[0], headers.get("referer", ""), headers.get("host", ""), self.places
        )

    def say(self, key: str, count: int = 1, **values: object) -> str:
        """A text of the dashboard with its values. Raises `KeyError` for one that there is none of."""
        found = self.texts.find("dashboard", key, count)
        if found is None:
            raise KeyError(key)
        return fill(found, {name: str(value) for name, value in values.items()})

    def number(self, value: float) -> str:
        """A number as this language writes it, without zeros at its end."""
        return f"{value:.10g}".replace(".", self.say("decimal-mark"))

    def moment(self, at: float | None) -> Moment | None:
        """A time as it is shown; None for never."""
        if not at:
            return None
        away = self.api.clock.now() - at
        return Moment(timestamp(at), self.say("ago" if away >= 0 else "ahead", time=duration(abs(away))))

    def read(self, at: str | None) -> Moment | None:
        """A document's time as it is shown."""
        return None if at is None else self.moment(datetime.fromisoformat(at).astimezone(UTC).timestamp())

    async def form(self) -> Form:
        """What a form brought. Raises `CommandError(ASK_AGAIN)` when it is not one that we showed to who sends it."""
        words = Form.of(await self.request.body())
        if not self.api.logins.form_is_ours(self.whose, words.get("form", "")):  # guard: form-token-asked
            raise CommandError(ASK_AGAIN)
        return words

    def drawn(self, template: str, status: int = 200, *, cookie: str | None = None, **values: Any) -> ApiResponse:
        """A page. `values`: what the template shows; all of it is escaped."""
        body = self._rendered(template, self._form_token, values)
        headers = {**SAFE, **FRESH, "content-language": self.texts.language}
        return ApiResponse(status, body.encode(), HTML, headers if cookie is None else headers | {"set-cookie": cookie})

    async def shared(self, template: str, which: Hashable, values: Callable[[], Awaitable[Mapping[str, Any]]]) -> str:
        """A part of a page, drawn once for all who ask for the same: `which`, and the role, scope and language of who
        asks. `values` rest on nothing else. It is escaped."""
        key, mark = self.request.key, self._drawings.mark

        async def draw() -> str:
            return self._rendered(template, mark, await values())

        # guard: drawing-for-the-same-scope, drawing-for-the-same-role, drawing-in-the-same-language
        what = (template, which, key.role, scope_of(key), self.texts.language)
        drawing = self._drawings.redrawn if REDRAW in self.request.headers else self._drawings.opened
        return (await drawing(what, draw)).replace(mark, self._form_token)

    def part(self, template: str, **values: Any) -> str:
        """A part of a page, for one reader."""
        return self._rendered(template, self._form_token, values)

    def _leads(self, entry: Entry) -> bool:
        reached = self.may(entry.role) and (self.request.scope.everything or not entry.of_all)
        return entry.path in self.places and reached

    @property
    def _form_token(self) -> str:
        return self.api.logins.form_token(self.whose) if self.whose else ""

    def _rendered(self, template: str, form_token: str, values: Mapping[str, Any]) -> str:
        shown = {
            "visit": self,
            "say": self.say,
            "word": self.texts.word,
            "language": self.texts.language,
            "languages": tuple(self.api.texts.by_language),
            "number": self.number,
            "form_token": form_token,
            "version": VERSION,
            "here": self.place,
            "navigation": [one for one in NAVIGATION if self._leads(one)],
        }
        return _TEMPLATES.get_template(template).render({**shown, **values})


def moved(where: str, cookie: str | None = None, *, done: str = "") -> ApiResponse:
    """On to another page of ours; `where` is a path, which may have a query. `done`: what is told there, the text
    `done.WORD`."""
    told = f"{'&' if '?' in where else '?'}{DONE}={done}" if done else ""
    headers = {**SAFE, **FRESH, "location": where + told}
    return ApiResponse(303, headers=headers if cookie is None else headers | {"set-cookie": cookie})
