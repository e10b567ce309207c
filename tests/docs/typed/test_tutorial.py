"""docs/tutorial.md, in both languages, is typed as it stands against a demo that runs."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import httpx
import pytest

from tests.cli.cli_processes import environment, free_port
from tests.docs.typed.demo import Demo, demo_running
from tests.docs.typed.typed_page import PATIENCE_S, Shell, Step, missing, shell, steps

DOCS = Path(__file__).parents[3] / "docs"
PAGES = {"en": "tutorial.md", "pt-BR": "tutorial.pt-BR.md"}
STARTS = "make run\n"
BESIDE, FROM_BESIDE, UNTIL = "beside the others", "from the one beside", "until: "


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "page"),
    [("en", PAGES["en"]), pytest.param("pt-BR", PAGES["pt-BR"], marks=pytest.mark.long)],
    ids=PAGES,
)
def test_every_command_of_the_tutorial_works_in_order(language: str, page: str, tmp_path: Path) -> None:
    if shutil.which("curl") is None or shutil.which("bash") is None:
        pytest.skip("the page's commands need bash and curl, which are not here")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    first, greeting, *rest = steps(DOCS / page)
    assert (first.kind, first.text, greeting.kind) == ("sh", STARTS, "text")
    with (
        demo_running(tmp_path, language) as demo,
        shell(tmp_path, environment(ESTEIO_LANGUAGE=language)) as typed,
        shell(tmp_path, environment(ESTEIO_LANGUAGE=language)) as beside,
    ):
        assert not [line for line in greeting.text.splitlines() if _label(line) not in demo.shown()]
        assert httpx.get(demo.places["login"]).status_code == 303
        _type_all(_of_this_demo(rest, demo), typed, beside)


def _label(line: str) -> str:
    """What the demo prints before an address or a key."""
    return line.strip().split(": http")[0].split(": esk_")[0]


def _of_this_demo(page: list[Step], demo: Demo) -> list[Step]:
    """The steps with the addresses and the key that this demo printed, as the page tells people to put them in."""
    said = {
        "http://127.0.0.1:8700": demo.places["url"],
        "http://127.0.0.1:8710": demo.places["sandbox"],
        "9000": str(free_port()),
    }
    places = re.compile("|".join(map(re.escape, said)))

    def put_in(text: str) -> str:
        return places.sub(lambda found: said[found[0]], re.sub(r"\besk_\S+", demo.places["key"], text))

    return [Step(kind, note, put_in(text)) for kind, note, text in page]


def _type_all(page: list[Step], typed: Shell, beside: Shell) -> None:
    shown = ""
    for step, following in zip(page, [*page[1:], Step("", "", "")], strict=True):
        if step.kind == "sh" and step.note == BESIDE:
            beside.begin(step.text)
        elif step.kind == "sh" and following.note.startswith(UNTIL):
            shown = typed.until(step.text, following.note.removeprefix(UNTIL))
        elif step.kind == "sh":
            shown = typed.type(step.text)
        elif step.note == FROM_BESIDE:
            _until_shown(step.text, beside)
        else:
            assert not missing(step.text, shown), shown


def _until_shown(expected: str, beside: Shell) -> None:
    shown = ""
    for line in beside.lines():
        shown += line
        if not missing(expected, shown):
            return
    raise AssertionError(shown)


def test_a_page_whose_output_is_not_shown_is_found() -> None:
    shown = "  08:35:30  The outage is over after 1 s.\nshop  connected  since 08:35:30 (12 s)\n"
    assert not missing("  08:38:55  The outage is over after …\n\nshop  connected  since 09:00:00 (1 min)\n", shown)
    assert missing("The outage is over after 1 s!", shown) == ["The outage is over after 1 s!"]
    assert PATIENCE_S > 0
