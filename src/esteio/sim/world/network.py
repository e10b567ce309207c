"""The way from a client into a server's face: power, latency, proxies, walls, lost answers.

Both ways in use it: `transport` (in process) and `sim.sandbox.servers` (real HTTP). Never lives here: the client's own
time-out.
"""

from __future__ import annotations

import asyncio

import msgspec

from esteio.providers.base import HttpRequest, HttpResponse
from esteio.sim.world.server import CONTROL_VERBS, HttpWeather, SimServer, Verbs


class Refused(Exception):
    """Nobody listens: the request surely did not arrive."""


class Hung(Exception):
    """No answer will ever come; the client's own time-out ends it."""


class Cut(Exception):
    """The connection broke after the request was on its way."""


PROXY_PAGE = (
    b"<!DOCTYPE html><html><head><title>404 Not Found</title></head><body><center><h1>404 Not Found</h1></center>"
    b"<hr><center>nginx</center></body></html>"
)
JSON_HEADERS = {"content-type": "application/json; charset=utf-8"}
HTML_HEADERS = {"content-type": "text/html; charset=utf-8"}


async def through(server: SimServer, request: HttpRequest) -> HttpResponse:
    """One exchange with a server, weather included. Raises `Refused`, `Hung`, `Cut`."""
    if not server.up:
        raise Refused(f"connection refused: {server.name} is down")
    epoch = server.epoch
    weather = server.weather
    if weather is None:
        answer = await server.face.handle(request)
    else:
        answer = await _in_weather(server, weather, request)
    if server.epoch != epoch:
        raise Cut("the server's process stopped while it worked on this")
    return answer


async def _in_weather(server: SimServer, weather: HttpWeather, request: HttpRequest) -> HttpResponse:
    if weather.session and f"/{weather.session}" not in request.url and weather.session not in request.url:
        return await server.face.handle(request)
    verb = server.face.verb_of(request)
    if weather.slow_s and _hit(weather.slow_verbs, verb):
        await asyncio.sleep(server.world.dice.uniform(*weather.slow_s))
    if wall := _wall(server, weather):
        return wall
    if weather.lost > 0 and _hit(weather.lost_verbs, verb):
        weather.lost -= 1
        if weather.lost_happens:
            await server.face.handle(request)
        if weather.lost_how == "cut":
            raise Cut("connection reset by peer")
        raise Hung
    return await server.face.handle(request)


def _hit(verbs: Verbs, verb: str) -> bool:
    return verbs == "all" or (verbs == "send" and verb == "send") or (verbs == "control" and verb in CONTROL_VERBS)


def _wall(server: SimServer, weather: HttpWeather) -> HttpResponse | None:
    if weather.html:
        return HttpResponse(weather.html, HTML_HEADERS, PROXY_PAGE)
    if weather.key_refused:
        return server.face.key_refused()
    if weather.licence:
        body = {
            "error": "service not activated",
            "code": "LICENSE_REQUIRED",
            "register_url": f"{server.base_url}/license/register",
        }
        return HttpResponse(503, JSON_HEADERS, msgspec.json.encode(body))
    if weather.error and server.world.dice.random() < weather.error_rate:
        title = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Time-out"}
        page = f"<html><head><title>{weather.error} {title.get(weather.error, '')}</title></head></html>"
        return HttpResponse(weather.error, HTML_HEADERS, page.encode())
    return None
