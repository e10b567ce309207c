"""What the generated reference shows is so: examples of events are events, every verb and shape is there."""

from __future__ import annotations

import jsonschema_rs
import pytest
from typer.main import get_command

from esteio.cli.main import app
from esteio.core.webhooks.delivery_policy import EVENT_TYPES
from tests.docs import command_pages, event_pages
from tests.docs.api_pages import FOLDER, OPERATIONS, SCHEMAS, pages

EVENTS = event_pages.events()


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_an_example_of_an_event_is_one(kind: str) -> None:
    rule = {"$ref": "#/components/schemas/Event", "components": {"schemas": SCHEMAS}}
    jsonschema_rs.validator_for(rule).validate(EVENTS[kind])
    assert EVENTS[kind]["type"] == kind
    assert not [key for key in ("args",) if f'"{key}"' in event_pages.pages()[event_pages.PAGE]], "words, not values"


def test_every_verb_has_its_section() -> None:
    page = command_pages.pages()[command_pages.PAGE]
    root = get_command(app)
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        if not command.hidden:
            assert f"\n## esteio {name}\n" in page
            for below in getattr(command, "commands", {}):
                assert f"\n### esteio {name} {below}\n" in page


def test_every_route_and_every_shape_has_its_section() -> None:
    found = pages()
    text = "\n".join(found.values())
    for method, path, _ in OPERATIONS:
        assert text.count(f"\n## {method} {path}\n") == 1
    shapes = found[f"{FOLDER}/shapes.md"]
    assert [name for name in SCHEMAS if f"\n## {name}\n" not in shapes] == []
