"""The pages and pictures that are made from code are as `python -m tests.docs.write` would write them now."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.write import generated, parts

ROOT = Path(__file__).resolve().parents[1]
FILES, PARTS = generated(), parts()
ANEW = "run `python -m tests.docs.write`"


@pytest.mark.parametrize("name", FILES)
def test_a_page_that_is_made_from_code_says_what_the_code_says(name: str) -> None:
    assert (ROOT / name).read_text("utf-8") == FILES[name], ANEW


@pytest.mark.parametrize(("name", "mark"), PARTS)
def test_a_part_that_is_made_from_code_says_what_the_code_says(name: str, mark: str) -> None:
    shown = (ROOT / name).read_text("utf-8").split(mark)
    assert len(shown) == 3, "it stands between two marks"
    assert shown[1].strip() == PARTS[name, mark], ANEW


def test_no_page_is_left_of_what_is_no_longer_made() -> None:
    folders = {(ROOT / name).parent for name in FILES} - {ROOT / "docs" / "reference"}
    there = {path.relative_to(ROOT).as_posix() for folder in folders for path in folder.iterdir() if path.is_file()}
    assert there <= FILES.keys()
