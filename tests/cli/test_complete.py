"""The shell's completion of names: what the gateway has, and silence where there is none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from esteio.cli.main import app
from tests.cli.test_answers import Gateway, gateway, page, server, session

__all__ = ["gateway"]
"""A fixture."""


def offered(line: str, **environ: str) -> list[str]:
    """What bash is offered at the end of this line."""
    words = line.split(" ")
    asked = {"_ESTEIO_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    return CliRunner().invoke(app, [], prog_name="esteio", env={**asked, **environ}).stdout.split()


def test_sessions_and_servers_are_offered_by_their_beginning(gateway: Gateway) -> None:
    gateway.answers["/v1/sessions"] = page(session("clinic"), session("closet"), session("shop"))
    gateway.answers["/v1/servers"] = page(server(), server(name="other"))
    where = {"ESTEIO_URL": gateway.url, "ESTEIO_KEY": "a-key"}
    assert offered("esteio why cl", **where) == ["clinic", "closet"]
    assert offered("esteio qr ", **where) == ["clinic", "closet", "shop"]
    assert offered("esteio adopt e", **where) == ["evo"]
    assert offered("esteio servers remove o", **where) == ["other"]


@pytest.mark.parametrize(
    "environ", [{}, {"ESTEIO_KEY": "k", "ESTEIO_URL": "http://127.0.0.1:9"}, {"ESTEIO_KEY": "k", "ESTEIO_URL": "no"}]
)
def test_without_a_gateway_nothing_is_offered_and_nothing_said(environ: dict[str, Any]) -> None:
    assert offered("esteio why ", **environ) == []


def test_what_is_no_gateway_offers_nothing(gateway: Gateway) -> None:
    gateway.answers["/v1/sessions"] = (200, "application/json", json.dumps({"items": [{}]}).encode())
    assert offered("esteio why ", ESTEIO_URL=gateway.url, ESTEIO_KEY="a-key") == []
