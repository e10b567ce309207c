"""The pictures say in words what they show, load nothing, and cannot fall behind the code's tables."""

from __future__ import annotations

from typing import get_args
from xml.etree import ElementTree as ET

import pytest

from esteio.core.judge.diagnose import Kind
from esteio.core.messages.transitions import MOVES
from esteio.core.model.message import MessageState
from esteio.core.model.state import SessionState
from tests.docs import pictures

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("name", pictures.pictures())
def test_a_picture_has_its_words_and_is_whole_by_itself(name: str) -> None:
    drawn = ET.fromstring(pictures.pictures()[name])
    assert drawn.findtext(f"{SVG}title")
    assert len(drawn.findtext(f"{SVG}desc") or "") > 100
    style = drawn.findtext(f"{SVG}style") or ""
    assert "prefers-color-scheme: dark" in style
    assert not [one.tag for one in drawn.iter() if any("href" in key for key in one.attrib)]
    width, height = (float(word) for word in drawn.attrib["viewBox"].split()[2:])
    for box in drawn.iter(f"{SVG}rect"):
        assert float(box.attrib.get("x", 0)) + float(box.attrib["width"]) <= width
        assert float(box.attrib.get("y", 0)) + float(box.attrib["height"]) <= height


def test_the_words_of_the_pictures_name_everything_that_they_are_about() -> None:
    sessions, messages = pictures.session_words(), pictures.message_words()
    assert [one for one in (*get_args(Kind), *get_args(SessionState)) if one not in sessions] == []
    assert [one for one in get_args(MessageState) if one not in f"{messages} held"] == []


def test_a_move_that_is_new_in_the_code_has_to_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MOVES", {**MOVES, "found": {"expired": "sent"}})
    with pytest.raises(AssertionError, match="no place in the picture"):
        pictures.message_states()


def test_a_verdict_that_gets_a_plan_has_to_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "CASES", {"ghost": "a dead socket"})
    with pytest.raises(AssertionError, match="not drawn"):
        pictures.ladder_drawn()
