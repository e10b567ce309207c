"""Public sites that hold media, as the gateway's fetches meet them: there, moved, gone, a page for people.

`MediaHosts` is a transport that leads to them instead of the internet; `MediaLab` is a lab whose gateway fetches there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from esteio.providers.base import HttpRequest, HttpResponse, TransportFailed
from esteio.sim.lab import Lab


class MediaHosts:
    """Implements `providers.base.Transport` and a resolver over addresses with an answer each."""

    def __init__(self) -> None:
        self.answers: dict[str, HttpResponse | TransportFailed] = {}
        self.addresses: dict[str, str] = {}
        """Host → the address its name leads to; a public one by default."""
        self.fetched: list[str] = []

    def put(self, url: str, body: bytes, status: int = 200, **headers: str) -> str:
        """Something to fetch; its URL."""
        self.answers[url] = HttpResponse(status, headers, body)
        return url

    async def resolve(self, host: str) -> Sequence[str]:
        """See `engine.url_guard.Resolver`."""
        if host in self.addresses:
            return [self.addresses[host]]
        if any(urlsplit(url).hostname == host for url in self.answers):
            return ["93.184.216.35"]
        raise OSError(f"no such host: {host}")

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        """See `providers.base.Transport`."""
        self.fetched.append(request.url)
        answer = self.answers.get(request.url)
        if answer is None:
            raise TransportFailed("the connection was refused", sent="no")
        if isinstance(answer, TransportFailed):
            raise answer
        return answer

    async def aclose(self) -> None:
        """See `providers.base.Transport`."""


class MediaLab(Lab):
    """A lab with hosts to fetch media from. Takes what `Lab` takes."""

    def __init__(self, seed: int = 0, **options: Any) -> None:
        self.media_hosts = MediaHosts()
        super().__init__(seed, media_hosts=self.media_hosts, **options)
