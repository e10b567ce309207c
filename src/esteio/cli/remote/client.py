"""The road to a running gateway: one request, one answer, over the standard library.

`ESTEIO_URL` says where, `ESTEIO_KEY` with what right. Every way of failing becomes one `Failed` with a sentence;
nothing is tried again, because only the caller knows whether that is harmless. Never lives here: what is asked, what is
printed.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from esteio.cli.errors import Failed, Misused, Refused
from esteio.cli.texts import spoken

DEFAULT_URL = "http://127.0.0.1:8700"
PATIENCE_S = 30.0
STREAM_AGAIN_S = 1.0
STREAM_PATIENCE_S = 60.0
"""The stream says something at least every 15 s."""
Document = dict[str, Any]


class Answer(NamedTuple):
    """What came back. `at` is the gateway's own clock (its `Date`), in epoch seconds, or None."""

    status: int
    kind: str
    body: bytes
    at: float | None

    def document(self) -> Any:
        """The body as JSON; raises `Failed` when it is none."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Failed("not-esteio", status=self.status, kind=self.kind or "-") from error


def path(*parts: str) -> str:
    """`/v1/…` with every part quoted: a name can never become another address."""
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


class Client:
    """One gateway and one key. Makes a new connection for each request."""

    def __init__(self, url: str, key: str, language: str, *, patience_s: float = PATIENCE_S) -> None:
        parts = urlsplit(url)
        try:
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise Misused("bad-url", url=repr(url)) from error
        if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
            raise Misused("bad-url", url=repr(url))
        if not (key.isascii() and key.isprintable()):
            raise Misused("bad-key")
        self.url = url.rstrip("/")
        self.host = host
        self._secure = parts.scheme == "https"
        self._port = port
        self._base = parts.path.rstrip("/")
        self._headers = {"Accept": "application/json", "Accept-Language": language, "User-Agent": "esteio-cli"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._patience_s = patience_s
        self.at: float | None = None
        """The gateway's clock in its latest answer."""

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def get(self, where: str, **query: object) -> Any:
        """A document. Query values that are None are left out."""
        return self.ask("GET", where, query=query).document()

    def items(self, where: str, **query: object) -> Iterator[Document]:
        """Everything in a list, page after page."""
        after: object = query.pop("after", None)
        while True:
            page = self.get(where, **query, after=after)
            yield from page["items"]
            if page.get("next") is None or page["next"] == after:
                return
            after = page["next"]

    def post(self, where: str, body: object = None, *, headers: Mapping[str, str] = {}, wait_s: float = 0) -> Any:
        """What the gateway answered to a request that changes something; None when it has no words."""
        answer = self.ask("POST", where, {} if body is None else body, headers=headers, wait_s=wait_s)
        return answer.document() if answer.body else None

    def events(self, after: int | None) -> Iterator[tuple[int, str, Document]]:
        """The stream of events as (place, type, document), without end; a connection that breaks is taken up again
        where it stopped, a refusal is raised."""
        place = after
        while True:
            try:
                for told in self.stream(place):
                    if told is not None:
                        place = told[0]
                        yield told
            except Failed as error:
                if error.key != "broken-answer":
                    raise
            time.sleep(STREAM_AGAIN_S)

    def stream(self, after: int | None) -> Iterator[tuple[int, str, Document] | None]:
        """One connection to the stream of events, while it lasts: (place, type, document), and None for each sign of
        life, the first as soon as it is open. Raises `Failed` when it is not opened, is refused or breaks."""
        connection = self._connection(STREAM_PATIENCE_S)
        try:
            self._open(connection)
            query = "" if after is None else f"?after={after}"
            connection.request("GET", f"{self._base}/v1/events{query}", headers=self._headers)
            answer = connection.getresponse()
            if answer.status != 200:
                raise refusal(Answer(answer.status, answer.headers.get_content_type(), answer.read(), None))
            yield from _frames(answer)
        except OSError as error:
            raise Failed("broken-answer", url=self.url, why=error.strerror or error) from error
        except (http.client.HTTPException, ValueError) as error:
            raise Failed("broken-answer", url=self.url, why=type(error).__name__) from error
        finally:
            connection.close()

    def patch(self, where: str, body: object) -> Any:
        """What is there after the change."""
        return self.ask("PATCH", where, body).document()

    def delete(self, where: str) -> None:
        """`DELETE` at this path of the API. Raises `Failed` with the gateway's sentence when it refuses."""
        self.ask("DELETE", where)

    def ask(
        self,
        method: str,
        where: str,
        body: object = None,
        *,
        query: Mapping[str, object] = {},
        headers: Mapping[str, str] = {},
        wait_s: float = 0,
        any_status: bool = False,
    ) -> Answer:
        """One exchange. `wait_s`: how much longer than usual the answer may take. Raises `Failed`; with `any_status`
        only when there is no answer."""
        given = {name: value for name, value in query.items() if value is not None}
        target = self._base + where + (f"?{urlencode(given)}" if given else "")
        sent = None if body is None else json.dumps(body).encode()
        answer = self._exchange(method, target, sent, headers, self._patience_s + wait_s)
        self.at = answer.at if answer.at is not None else self.at
        if any_status:
            return answer
        if answer.status >= 400:
            raise refusal(answer)
        if answer.status >= 300:
            raise Failed("not-esteio", status=answer.status, kind=answer.kind or "-")
        return answer

    def _exchange(
        self, method: str, target: str, body: bytes | None, headers: Mapping[str, str], patience_s: float
    ) -> Answer:
        kind = {} if body is None else {"Content-Type": "application/json"}
        connection = self._connection(patience_s)
        try:
            self._open(connection)
            connection.request(method, target, body, {**self._headers, **kind, **headers})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers.get_content_type(), answer.read(), _date(answer.headers))
        except TimeoutError as error:
            raise Failed("timed-out", url=self.url, seconds=f"{patience_s:g}") from error
        except OSError as error:
            raise Failed("broken-answer", url=self.url, why=error.strerror or error) from error
        except http.client.HTTPException as error:
            raise Failed("broken-answer", url=self.url, why=type(error).__name__) from error
        finally:
            connection.close()

    def _open(self, connection: http.client.HTTPConnection) -> None:
        """Apart from the request: what fails here has surely not been asked."""
        try:
            connection.connect()
        except OSError as error:
            raise Failed("unreachable", url=self.url, why=error.strerror or error) from error

    def _connection(self, patience_s: float) -> http.client.HTTPConnection:
        if self._secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self.host, self._port, timeout=patience_s, context=context)
        return http.client.HTTPConnection(self.host, self._port, timeout=patience_s)


def _frames(lines: Iterable[bytes]) -> Iterator[tuple[int, str, Document] | None]:
    """The events of a stream: `id`, `event` and `data` up to a blank line; None for a comment."""
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, word = line.decode("utf-8", "replace").rstrip("\r\n").partition(":")
        if name:
            fields[name] = word.removeprefix(" ")
        elif colon:
            yield None
        elif "data" in fields:
            yield int(fields.get("id", 0)), fields.get("event", ""), json.loads(fields["data"])
            fields = {}


def refusal(answer: Answer) -> Failed:
    """A status of 400 or more in words: the gateway's own, or that this is no gateway."""
    try:
        told = json.loads(answer.body)
    except ValueError:
        told = None
    if not isinstance(told, dict) or not isinstance(told.get("code"), str):
        return Failed("not-esteio", status=answer.status, kind=answer.kind or "-")
    text = str(told.get("detail") or told.get("title") or told["code"])
    wait = told.get("retry_after_s")
    return Refused(answer.status, told["code"], text, wait if isinstance(wait, int | float) else None)


def connect() -> Client:
    """The gateway that the environment names. Raises `Misused` without a key."""
    key = os.environ.get("ESTEIO_KEY", "").strip()
    if not key:
        raise Misused("no-key")
    return Client(address(), key, spoken())


def address() -> str:
    """`ESTEIO_URL`, or the gateway on this machine."""
    return os.environ.get("ESTEIO_URL", "").strip() or DEFAULT_URL


def _date(headers: http.client.HTTPMessage) -> float | None:
    try:
        return parsedate_to_datetime(headers["Date"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return None
