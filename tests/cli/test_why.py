"""How `why` looks on a terminal: colours beside shapes and words, none where NO_COLOR is set, folded news."""

from __future__ import annotations

import re
from typing import Any

import pytest

from esteio.cli import output
from tests.cli.cli_processes import Installation
from tests.cli.terminals import Terminal
from tests.cli.test_answers import Gateway, entry, gateway, page

__all__ = ["gateway"]
"""A fixture."""
COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9;]*m")


@pytest.mark.parametrize(("more", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_state_has_its_shape_and_its_colour_where_colours_are_wanted(
    linked: Installation, more: dict[str, Any], coloured: bool
) -> None:
    terminal = Terminal("why", "clinic", url=linked.url, key=linked.key, **more)
    try:
        assert terminal.end(full=False) == 0
        assert "● connected" in re.sub(r"\x1b\[[0-9;]*m", "", terminal.rest)
        assert bool(COLOUR.search(terminal.rest)) == coloured
    finally:
        terminal.close()


def test_in_a_pipe_it_has_shapes_and_no_colours(linked: Installation) -> None:
    told = linked.verb("why", "clinic").out
    assert "● connected" in told
    assert "\x1b" not in told


def test_news_that_repeats_is_one_line(gateway: Gateway) -> None:
    gateway.answers["/v1/sessions/clinic/timeline"] = page(
        *[entry(seq, "Sent.") for seq in (1, 2, 3)], entry(4, "Ill.")
    )
    told = gateway.verb("why", "clinic").stdout
    assert told.count("Sent.") == 1
    assert "Sent. (3 times)" in told


def test_a_long_line_of_the_timeline_goes_on_beside_its_time(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "to_person", lambda: True)
    gateway.answers["/v1/sessions/clinic/timeline"] = page(entry(1, "word " * 40))
    lines = gateway.verb("why", "clinic", COLUMNS="60").stdout.splitlines()
    begins = next(place for place, line in enumerate(lines) if "word" in line)
    assert lines[begins + 1].index("word") == lines[begins].index("word")
