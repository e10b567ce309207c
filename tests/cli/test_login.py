"""`esteio login`: its link opens the dashboard of a gateway that runs, once."""

from __future__ import annotations

import json

import httpx

from tests.cli.cli_processes import Installation


def test_the_link_opens_the_dashboard_once(installation: Installation) -> None:
    link = installation.verb("login").out.strip()
    assert link.startswith(f"{installation.url}/login/")
    with httpx.Client(trust_env=False) as browser:
        assert browser.get(f"{installation.url}/").headers["location"] == "/login"
        assert browser.get(link).headers["location"] == "/"
        assert 'data-live="fleet"' in browser.get(f"{installation.url}/").text
        with browser.stream("GET", f"{installation.url}/v1/events") as stream:
            assert stream.status_code == 200
            assert next(stream.iter_lines()) == ": esteio"
    assert httpx.get(link, trust_env=False).status_code == 401


def test_the_link_as_data(installation: Installation) -> None:
    told = json.loads(installation.verb("login", "--json").out)
    assert told["url"] == installation.url + told["path"]
