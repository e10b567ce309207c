"""The browser's login: an API key, sealed in a cookie that only this gateway opens, with an end of its own.

The key itself is asked at each request, so that revoking it ends the login. A logout is remembered until the login
would have ended anyway; the store keeps it over a restart (`remember`).
`Logins` also makes the tokens against forged requests (CSRF). Never lives here: what a key opens.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import NamedTuple

from esteio.api.login.attempts import FailedLogins, LoginAttempts
from esteio.clock import Clock
from esteio.vault import Vault, WrongKey

PURPOSE = "browser login"
LASTS_S = 12 * 3600.0
LANGUAGE, VISITOR = "esteio_language", "esteio_visitor"
"""Cookies beside the login's: the language that was chosen, and whom the login form was shown to."""
_YEAR_S = 365 * 86400


class SignedIn(NamedTuple):
    """A login that is not over: its id, and the secret of its key."""

    id: str
    secret: str
    until: float


class Logins:
    """Opens and ends logins. `secure`: browsers come by TLS; `nodes`: how many share what may be tried."""

    def __init__(self, vault: Vault, clock: Clock, *, secure: bool, nodes: Callable[[], int] = lambda: 1) -> None:
        self._vault = vault
        self._clock, self._secure = clock, secure
        # `__Host-`: a sibling domain cannot plant one.
        self._name = "__Host-esteio" if secure else "esteio"
        self._ended: dict[str, float] = {}
        """Id of a login that was ended → when it would have ended by itself."""
        self.attempts = LoginAttempts(nodes)
        self.failures = FailedLogins()

    def __repr__(self) -> str:
        return "Logins()"

    def opened(self, secret: str) -> str:
        """`Set-Cookie` of a new login with this key."""
        until = self._clock.now() + LASTS_S
        words = {"id": self._clock.token(), "secret": secret, "until": repr(until)}
        sealed = base64.urlsafe_b64encode(self._cookies().seal(words, PURPOSE))
        return self._cookie(self._name, sealed.decode(), int(LASTS_S))

    def found(self, cookies: str) -> SignedIn | None:
        """The login in a `Cookie` header; None when there is none, or it is over."""
        try:
            sealed = base64.b64decode(cookie(cookies, self._name).encode(), b"-_", validate=True)
            words = self._cookies().unseal(sealed, PURPOSE)
            login = SignedIn(words["id"], words["secret"], float(words["until"]))
        except (WrongKey, KeyError, ValueError):
            return None
        return None if login.id in self._ended or login.until <= self._clock.now() else login

    def secret(self, cookies: str) -> str | None:
        """The secret of the key that a `Cookie` header's login stands for."""
        login = self.found(cookies)
        return None if login is None else login.secret

    def remember(self, ended: Mapping[str, float]) -> None:
        """The logins that were ended before this start, or on another node, by id, and when each would have ended by
        itself."""
        self._ended |= ended

    def ended(self, login: SignedIn) -> str:
        """The login opens nothing from now on; the `Set-Cookie` that takes it away."""
        now = self._clock.now()
        self._ended = {one: until for one, until in self._ended.items() if until > now}
        self._ended[login.id] = login.until
        return self._cookie(self._name, "", 0)

    def visitor(self, name: str) -> str:
        """`Set-Cookie` of somebody who is not let in yet."""
        return self._cookie(VISITOR, name, int(LASTS_S))

    def language(self, language: str) -> str:
        """`Set-Cookie` of a language."""
        return self._cookie(LANGUAGE, language, _YEAR_S)

    def form_token(self, whose: str) -> str:
        """What a form must bring back: proof that we showed it to this login, or to this visitor."""
        return _form_token(self._vault.key_for(PURPOSE), whose)

    def form_is_ours(self, whose: str, token: str) -> bool:
        """Whether a form was shown by us to whom it comes from."""
        shown = (_form_token(key, whose) for key in self._vault.keys_for(PURPOSE))
        return bool(whose) and any(hmac.compare_digest(one.encode(), token.encode()) for one in shown)

    def _cookies(self) -> Vault:
        """Seals cookies with a key of their own, and opens those of before a change of the vault's key."""
        return Vault(*(base64.urlsafe_b64encode(key) for key in self._vault.keys_for(PURPOSE)))

    def _cookie(self, name: str, value: str, seconds: int) -> str:
        secure = "; Secure" if self._secure else ""
        return f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"


def _form_token(key: bytes, whose: str) -> str:
    return hmac.digest(key, f"form {whose}".encode(), "sha256").hex()


def cookie(header: str, name: str) -> str:
    """One cookie's value, "" where there is none."""
    try:
        found = SimpleCookie(header).get(name)
    except CookieError:
        return ""
    return found.value if found is not None else ""
