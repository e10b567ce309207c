"""The way in and out: a key in a form, a link that the terminal printed, logout, the language.

Every attempt with a key does the same work, and only so many are made. Never lives here: what a login may see.
"""

from __future__ import annotations

from esteio.api.dashboard.page import Visit, moved
from esteio.api.dashboard.places import ours
from esteio.api.dashboard.route import PageRoute
from esteio.api.http.request import ApiResponse
from esteio.engine.audit.acting import acting
from esteio.engine.errors import CommandError
from esteio.store.base import ApiKey

WRONG_KEY, USED_LINK, TOO_MANY = "login.wrong-key", "login.used-link", "login.too-many"


async def form(visit: Visit) -> ApiResponse:
    """The form; who is in already goes on."""
    after = ours(visit.request.query_word("next"))
    return moved(after) if visit.login is not None else _form(visit, after)


async def by_key(visit: Visit) -> ApiResponse:
    """In with the key of the form. Raises `CommandError` for a form that is not ours."""
    words = await visit.form()
    after = ours(words.get("next", ""))
    secret, api = words.get("key", "").strip(), visit.api
    if wait := api.logins.attempts.begin(visit.address, api.clock.now()):
        return _form(visit, after, TOO_MANY, 429, wait=wait)
    key = await api.commands.keys.authenticate(secret)
    if key is None:
        await _failed(visit, "key")
        return _form(visit, after, WRONG_KEY, 401)
    api.logins.attempts.succeeded(visit.address)
    await _let_in(visit, key, "key")
    return moved(after, api.logins.opened(secret))


async def by_link(visit: Visit) -> ApiResponse:
    """In with a link, once. A browser that only looks ahead does not use it up."""
    api, now = visit.api, visit.api.clock.now()
    if visit.head or "prefetch" in visit.request.headers.get("sec-purpose", ""):
        return _form(visit, "/", status=503)
    if wait := api.logins.attempts.begin(visit.address, now):
        return _form(visit, "/", TOO_MANY, 429, wait=wait)
    secret = await api.short_lived_tokens.logged_in(visit.request.path["token"])
    key = None if secret is None else await api.commands.keys.authenticate(secret)
    if secret is None or key is None:
        await _failed(visit, "link")
        return _form(visit, "/", USED_LINK, 401)
    api.logins.attempts.succeeded(visit.address)
    await _let_in(visit, key, "link")
    return moved("/", api.logins.opened(secret))


async def leave(visit: Visit) -> ApiResponse:
    """Out: this login opens nothing any more. Raises `CommandError` without one."""
    await visit.form()
    if visit.login is None:
        raise CommandError("unauthorized")
    login, api = visit.login, visit.api
    # A row first: what this answer says holds after a kill, too.
    with api.commands.audit.records("logout"):
        await api.store.keys.end_login(login.id, login.until, api.clock.now())
    return moved("/login", api.logins.ended(login))


async def language(visit: Visit) -> ApiResponse:
    """From now on in this language."""
    words = await visit.form()
    chosen = words.get("language", "")
    known = chosen if chosen in visit.api.texts.by_language else visit.texts.language
    return moved(ours(words.get("next", "")), visit.api.logins.language(known))


async def _let_in(visit: Visit, key: ApiKey, by: str) -> None:
    visit.request.key = key
    with acting(visit.request.actor("login")):
        await visit.api.commands.audit.note("login", after={"by": by})


async def _failed(visit: Visit, by: str) -> None:
    """Recorded with a bound: who tries keys may not fill the log."""
    left_out = visit.api.logins.failures.begin(visit.api.clock.now())
    if left_out is not None:
        with acting(visit.request.actor("login")):
            await visit.api.commands.audit.note("login.failed", after={"by": by, "left_out": left_out})


def _form(visit: Visit, after: str, wrong: str = "", status: int = 200, *, wait: int = 0) -> ApiResponse:
    set_cookie = None
    if not visit.visitor:
        visit.visitor = visit.api.clock.token()
        set_cookie = visit.api.logins.visitor(visit.visitor)
    told = visit.say(wrong, seconds=wait) if wrong else ""
    answer = visit.drawn("login.html", status, cookie=set_cookie, after=after, wrong=told)
    if wait:
        answer = ApiResponse(status, answer.body, answer.kind, {**answer.headers, "retry-after": str(wait)})
    return answer


ROUTES = (
    PageRoute("GET", "/login", form, None),
    PageRoute("POST", "/login", by_key, None),
    PageRoute("GET", "/login/{token}", by_link, None),
    PageRoute("POST", "/logout", leave, "read"),
    PageRoute("POST", "/language", language, None),
)
