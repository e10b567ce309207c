"""The reference and the closed list of spans say the same; the conventions' names are spelled as the library has
them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from opentelemetry.semconv._incubating.attributes import messaging_attributes
from opentelemetry.semconv.attributes import error_attributes, http_attributes, server_attributes, url_attributes

from esteio.tracing.names import ATTRIBUTES, SPANS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "traces.md").read_text(encoding="utf-8")
ROOMS = (messaging_attributes, http_attributes, server_attributes, url_attributes, error_attributes)
CONVENTIONS = {word for room in ROOMS for word in vars(room).values() if isinstance(word, str)}


def test_the_page_lists_every_span_as_it_is() -> None:
    rows = dict(
        re.findall(r"^\| `([^`]+)` \| ((?:server|client|producer|consumer|internal) \| .+) \|$", PAGE, re.MULTILINE)
    )
    assert rows == {name: f"{kind} | {meaning}" for name, (kind, meaning) in SPANS.items()}


def test_the_page_lists_every_attribute_as_it_is() -> None:
    rows = dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", PAGE.partition("## Attributes")[2], re.MULTILINE))
    assert rows == ATTRIBUTES


@pytest.mark.parametrize("name", [name for name in ATTRIBUTES if not name.startswith("esteio.")])
def test_a_name_that_is_not_ours_is_the_conventions(name: str) -> None:
    assert name in CONVENTIONS
