"""The list of log events, the source and the page agree: every event is logged somewhere, nothing else is, and each
with its level and its keys."""

import ast
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from esteio.log import logger
from esteio.log.events import ALWAYS, EVENTS, KEYS, UndeclaredEvent, declared

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "esteio"
LEVEL_OF = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error"}


@dataclass(frozen=True)
class Logged:
    """One call of a logger in the source. `event` is None where it is no literal."""

    place: str
    event: str | None
    levels: frozenset[str]
    keys: frozenset[str] = field(default_factory=frozenset)


def logged_in(text: str, name: str = "x.py") -> list[Logged]:
    """Calls of `log.LEVEL(…)`, `logger(…).LEVEL(…)` and of a name that was bound to one or the other of such methods
    (`write = log.info if … else log.warning`)."""
    tree = ast.parse(text)
    bound: dict[str, set[str]] = {}
    found: list[Logged] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.IfExp) and isinstance(node.targets[0], ast.Name):
            both = level_of(node.value.body), level_of(node.value.orelse)
            if all(both):
                bound[node.targets[0].id] = set(filter(None, both))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            level = level_of(node.func)
            levels = bound.get(node.func.id) if isinstance(node.func, ast.Name) else {level} if level else None
            if levels:
                found.append(logged(node, levels, name))
    return found


def level_of(node: ast.expr) -> str | None:
    if not (isinstance(node, ast.Attribute) and node.attr in LEVEL_OF):
        return None
    owner = node.value.func if isinstance(node.value, ast.Call) else node.value
    named = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
    return LEVEL_OF[node.attr] if named in {"log", "logger", "_log"} else None


def logged(node: ast.Call, levels: set[str], name: str) -> Logged:
    event = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
    assert event is None or isinstance(event, str)
    keys = {one.arg for one in node.keywords if one.arg is not None}
    if "exc_info" in keys or (isinstance(node.func, ast.Attribute) and node.func.attr == "exception"):
        keys = keys - {"exc_info"} | {"exception"}
    return Logged(f"{name}:{node.lineno}", event, frozenset(levels), frozenset(keys))


@pytest.fixture(scope="module")
def calls() -> list[Logged]:
    return [
        call
        for path in sorted(SOURCE.rglob("*.py"))
        for call in logged_in(path.read_text(encoding="utf-8"), path.relative_to(SOURCE).as_posix())
    ]


def faults(call: Logged) -> list[str]:
    known = EVENTS.get(call.event or "")
    if known is None:
        return [f"{call.place}: {call.event!r} is not declared"]
    return [f"{call.place}: {call.event} is not declared for level {one}" for one in call.levels - {*known.levels}] + [
        f"{call.place}: {call.event} does not declare {key}" for key in sorted(call.keys - known.keys)
    ]


def test_whatever_is_logged_is_declared_with_its_level_and_keys(calls: list[Logged]) -> None:
    assert len(calls) > 80
    wrong = [fault for call in calls for fault in faults(call)]
    assert not wrong, "\n" + "\n".join(wrong)


def test_whatever_is_declared_is_logged_somewhere_at_each_of_its_levels(calls: list[Logged]) -> None:
    logged = {(call.event, level) for call in calls for level in call.levels}
    assert {(name, level) for name, event in EVENTS.items() for level in event.levels} == logged


def test_the_list_uses_declared_keys_and_every_declared_key() -> None:
    assert {key for event in EVENTS.values() for key in event.keys} == set(KEYS)
    assert not ALWAYS & set(KEYS)


@pytest.mark.parametrize(
    "text",
    [
        'log.info("message.acepted")',
        'log.info("message.sent")',
        'log.debug("message.sent", recipient=1)',
        'log.error("task.restarted", task=name)',
        "log.info(event)",
        'log.warning("store.full", exc_info=error)',
        'log.exception("task.gave_up", task=name)',
        'logger("serve").info("gateway.begun")',
        'write = log.info if good else log.error\nwrite("session.state_changed", session=name)',
    ],
)
def test_a_call_that_is_not_declared_is_found(text: str) -> None:
    (call,) = logged_in(text)
    assert faults(call)


@pytest.mark.parametrize(
    ("event", "keys"),
    [("message.acepted", {}), ("message.sent", {"recipient": 1}), ("store.full", {"exc_info": True})],
)
def test_in_tests_an_undeclared_event_or_key_raises_whatever_the_level(event: str, keys: dict[str, Any]) -> None:
    with pytest.raises(UndeclaredEvent):
        logger("test").debug(event, **keys)


def test_in_tests_a_declared_line_passes() -> None:
    logger("test").debug("message.sent", session="a", duration_ms=1.0)
    line = {"event": "task.failed", "exc_info": True, "task": "inbox"}
    assert declared(None, "error", dict(line)) == line


def test_the_page_of_the_log_has_every_event_and_key_as_the_list_has_them() -> None:
    page = (ROOT / "docs" / "reference" / "log.md").read_text(encoding="utf-8")
    order = list(KEYS)
    events = [
        f"| `{name}` | {', '.join(event.levels)} | {event.when} "
        f"| {' '.join(f'`{key}`' for key in sorted(event.keys, key=order.index))} |"
        for name, event in EVENTS.items()
    ]
    keys = [f"| `{key}` | {meaning} |" for key, (_, meaning) in KEYS.items()]
    first, _, second = page.partition("## Events")[2].partition("## Keys")
    assert (rows(first), rows(second)) == (events, keys)


def rows(text: str) -> list[str]:
    """Of a table in Markdown, without its head."""
    return [line for line in text.splitlines() if line.startswith("| `")]
