"""What lies below `/v1` and `/in` is found without the router, and is what the router would have found."""

from __future__ import annotations

import re

from starlette.routing import Match, Route

from esteio.api.app import TABLE, Entrance, create_app
from esteio.api.dashboard.app import dashboard_routes
from tests.api.conftest import Gateway, Run


def by_router(app: Entrance, path: str) -> object:
    """The application of the first of all routes, pages too, that takes the path."""
    scope = {"type": "http", "path": path, "method": "GET"}
    return next(one.app for one in app.routes if isinstance(one, Route) and one.matches(scope)[0] is not Match.NONE)


def test_each_address_is_what_the_router_would_find(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        app = create_app(gateway.api, mounted=dashboard_routes(gateway.api))
        found = 0
        for path in {re.sub(r"\{\w+(:\w+)?\}", "word", route.path) for route in TABLE}:
            address = app.found(path)
            if path.startswith(("/v1/", "/in/")):
                assert address is not None, path
                assert address[0] is by_router(app, path), path
                found += 1
            else:
                assert address is None, path
        assert found > 50

    run(test)


def test_what_is_in_braces_is_told_and_nothing_else_is_found(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        app = create_app(gateway.api)
        found = app.found("/v1/sessions/loja/messages")
        assert found is not None
        assert found[1] == {"name": "loja"}
        hook = app.found("/in/token/messages/upsert")
        assert hook is not None
        assert hook[1] == {"token": "token", "rest": "messages/upsert"}
        for path in ("", "/", "/v1", "/v1/", "/v1/nothing", "/v1//sessions", "/in", "/in/", "/evolution/v1/sessions"):
            assert app.found(path) is None, path

    run(test)
