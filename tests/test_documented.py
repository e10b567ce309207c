"""Do the documents tell the truth? What they name must exist, and the two READMEs must be twins."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PORTUGUESE = [page for page in PAGES if page.name.endswith(".pt-BR.md")]
ENGLISH_ONLY = {"adapters.md", "translating.md"}
"""Pages that are followed by those who write code."""
TWINS = (ROOT / "README.md", ROOT / "README.pt-BR.md")
WRITTEN = {".py", ".po", ".toml", ".yml", ".json", ".html", ".js", ".css"}
"""Files that people write, beside pages."""
VERBS = {"run", "test", "quick", "check", "sim", "bench", "docs", "lock", "clean"}


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def blocks(text: str) -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def under(heading: str, text: str) -> str:
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"no heading {heading!r}"
    return found.group(1)


def bodies(text: str) -> list[dict[str, object]]:
    """The JSON bodies of the curl examples; one that is no JSON raises."""
    return [json.loads(body) for block in blocks(text) for body in re.findall(r"-d '(\{.*?\})'", block, re.DOTALL)]


def shape(value: object) -> object:
    """A body without its translatable words: names of fields, and kinds of values."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return type(value).__name__


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"(?:\]\(|(?:src|srcset|href)=\")(?!https?:|mailto:|#)([^)#\"]+)", text_of(page))
    dead = [link for link in links if not (page.parent / link).exists()]
    assert not dead


def test_there_are_pages_with_links_to_judge() -> None:
    assert len(PAGES) > 5
    assert any("](docs/" in text_of(page) for page in PAGES)


def mentions(text: str) -> set[str]:
    """The pages that a text names by their place in the repository."""
    return set(re.findall(r"(?<![\w/])docs/[\w/.-]*\w\.md\b", text))


def test_every_page_that_code_and_packaging_name_is_there() -> None:
    rooms = ("src", "tests", "benchmarks", "examples", "packaging")
    texts = [path for room in rooms for path in (ROOT / room).rglob("*") if path.suffix in WRITTEN]
    named = {(path.relative_to(ROOT).as_posix(), name) for path in texts for name in mentions(text_of(path))}
    assert len(named) > 40
    assert {(where, name) for where, name in named if not (ROOT / name).is_file()} == set()


@pytest.mark.parametrize(("page", "heading"), [(TWINS[0], "Quick start"), (TWINS[1], "Início rápido")])
def test_the_quick_start_names_the_two_commands(page: Path, heading: str) -> None:
    first = blocks(under(heading, text_of(page)))[0]
    assert [line.split("#")[0].strip() for line in first.splitlines()] == ["make run", "make test"]


def test_the_makefile_has_the_verbs_and_a_line_of_help_for_each() -> None:
    helped = set(re.findall(r"^([a-z]+):.*## \S", text_of(ROOT / "Makefile"), re.MULTILINE))
    assert helped >= VERBS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_page_names_a_verb_that_make_does_not_have(page: Path) -> None:
    """In code only: prose may make things."""
    targets = set(re.findall(r"^([a-z]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    code = [*blocks(text_of(page)), *re.findall(r"`([^`\n]+)`", text_of(page))]
    named = {verb for piece in code for verb in re.findall(r"^make ([a-z]+)", piece, re.MULTILINE)}
    assert named <= targets


def test_the_readmes_have_the_same_sections() -> None:
    def levels(page: Path) -> list[int]:
        prose = re.sub(r"^```.*?^```", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
        return [len(marks) for marks in re.findall(r"^(#+) ", prose, re.MULTILINE)]

    assert levels(TWINS[0]) == levels(TWINS[1])


def test_what_people_follow_step_by_step_is_there_in_portuguese() -> None:
    """That both say the same is tests/docs/test_twins.py's."""
    followed = {ROOT / "README.md", *(ROOT / "docs" / "how-to").glob("*.md"), *(ROOT / "docs").glob("tutorial*.md")}
    translated = {page.with_name(page.name.replace(".pt-BR", "")) for page in PORTUGUESE}
    untranslated = {page.name for page in followed - translated if ".pt-BR." not in page.name}
    assert untranslated == ENGLISH_ONLY


def test_the_readmes_give_the_same_examples() -> None:
    english, portuguese = (bodies(text_of(page)) for page in TWINS)
    assert len(english) > 5
    assert [shape(body) for body in english] == [shape(body) for body in portuguese]


def test_the_readmes_call_the_same_addresses_and_point_at_the_same_pages() -> None:
    def named(page: Path) -> list[str]:
        text = text_of(page)
        called = re.findall(r"-X (\w+ \$ESTEIO_URL/v1/\w+)", text)
        pages = sorted(
            {link.replace(".pt-BR", "") for link in re.findall(r"\]\(((?:docs/)?[\w/.-]+?)\)", text)} - {"README.md"}
        )
        return [*called, *pages, *re.findall(r"\bESTEIO_[A-Z_]+\b", text)]

    assert named(TWINS[0]) == named(TWINS[1])


def commands(page: Path) -> list[str]:
    rows = "\n".join(re.findall(r"^\| `.*", text_of(page), re.MULTILINE))
    return re.findall(r"`esteio ([a-z-]+)", rows)


def test_the_readmes_list_the_same_commands() -> None:
    assert len(commands(TWINS[0])) > 10
    assert commands(TWINS[0]) == commands(TWINS[1])


def reason_codes() -> set[str]:
    """Every kebab word that the core says as a string."""
    words: set[str] = set()
    for path in (ROOT / "src" / "esteio" / "core").rglob("*.py"):
        strings = (node.value for node in ast.walk(ast.parse(text_of(path))) if isinstance(node, ast.Constant))
        words |= {word for word in strings if isinstance(word, str) and re.fullmatch(r"[a-z]+(-[a-z]+)*", word)}
    return words


def test_every_reason_that_the_page_of_states_names_is_one_that_the_core_gives() -> None:
    tables = under("Where to look by reason", text_of(ROOT / "docs" / "reference" / "states.md"))
    cells = re.findall(r"^\| (`[^|]*?) \|", tables, re.MULTILINE)
    named = {word for cell in cells for word in re.findall(r"`([a-z-]+)`", cell)}
    assert len(named) > 15
    assert named <= reason_codes(), named - reason_codes()


def test_the_page_of_states_has_every_state() -> None:
    from typing import get_args

    from esteio.core.model.message import MessageState
    from esteio.core.model.state import SessionState

    page = text_of(ROOT / "docs" / "reference" / "states.md")
    missing = [state for state in (*get_args(SessionState), *get_args(MessageState)) if f"`{state}`" not in page]
    assert not missing


def test_the_file_that_the_page_of_settings_shows_can_be_used(tmp_path: Path) -> None:
    from esteio import config

    file = tmp_path / "esteio.toml"
    file.write_text(
        next(block for block in blocks(text_of(ROOT / "docs" / "reference" / "settings.md")) if "listen" in block)
    )
    settings = config.load(file, {})
    assert settings.policies["campaigns"].sends_per_minute == 20
    assert settings.servers[0].limits.sends_burst == 20


def test_every_figure_has_its_day_and_its_command() -> None:
    rows = re.findall(r"^\| (.+) \|$", text_of(ROOT / "docs" / "explanation" / "benchmarks.md"), re.MULTILINE)
    measured = [row for row in rows if re.match(r"\d", row)]
    loose = [row for row in measured if not re.match(r"\d{4}-\d\d-\d\d \| `[^`]+` \|", row)]
    assert not loose


CAPABILITY_ROWS = {
    "restart that keeps the link": "restart_keeps_link",
    "connect again without a code": "connect",
    "a probe that asks the socket, not a table": "socket_probe",
    "a probe that goes to WhatsApp and back": "round_trip_probe",
    "a question that a dead socket refuses": "question_refutes",
    "a list of what was sent, to settle doubts": "message_list",
    "pairing code": "pairing_code",
    "sends later what it accepted while down": "queues_while_down",
}


@pytest.mark.parametrize(("row", "capability"), CAPABILITY_ROWS.items(), ids=CAPABILITY_ROWS.values())
def test_the_page_of_providers_says_what_the_adapters_can(row: str, capability: str) -> None:
    from esteio.providers.registry import load

    table = under("What each can do", text_of(ROOT / "docs" / "reference" / "providers.md"))
    found = re.search(rf"^\| {re.escape(row)} \|(.*)\|$", table, re.MULTILINE)
    assert found
    said = [cell.strip().startswith("yes") for cell in found.group(1).split("|")]
    adapters = load(()).as_mapping()
    assert said == [getattr(adapters[kind].capabilities, capability) for kind in ("evolution", "baileys", "wapi")]


def test_the_page_of_providers_has_every_quirk_and_no_other() -> None:
    from esteio.providers.quirks import QUIRKS
    from esteio.texts import catalogue

    said = catalogue("en")
    known = {
        (one.name, one.versions, said.word(f"quirk {kind}", one.name)) for kind, all_ in QUIRKS.items() for one in all_
    }
    table = under("The quirks by name", text_of(ROOT / "docs" / "reference" / "providers.md"))
    rows = re.findall(r"^\| `([^`]+)` \| (?:`([^`]+)`|all read) \| (.*) \|$", table, re.MULTILINE)
    assert {(name, versions, text.replace("\\|", "|")) for name, versions, text in rows} == known
