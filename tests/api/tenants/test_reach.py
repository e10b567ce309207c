"""Every reading of rows in the API and the pages says for whom it reads: it passes what the caller reaches, or stands
on a short list with the reason why it need not."""

from __future__ import annotations

import ast
import inspect
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import esteio.api
from esteio.store.base import Store

FOLDER = Path(esteio.api.__file__).parent
PORTS: Mapping[str, type] = {
    name: typing.get_type_hints(port.fget)["return"] for name, port in vars(Store).items() if isinstance(port, property)
}
FOUND = "of a session, message or webhook that was looked up within the scope"
FILTERED = "its filter holds the scope"
CHECKED = "whose it is, is asked before anything of it is shown"
OPERATORS = "the operator's alone"
STRANGERS = "for strangers: what a link or a page names"
UNREAD = {
    "keys.end_login": "a write, of the caller's own login",
    "statistics": "counts of the database's own",
    "events": "the stream, which asks about each event",
    "keys": "tokens by their hash",
}
"""What reads no rows of anybody's."""
WITHOUT: Mapping[str, Mapping[str, str]] = {
    "dashboard/fleet.py": {
        "fleet.totals": FILTERED,
        "fleet.page": FILTERED,
        "messages.waiting_by_session": FOUND,
    },
    "dashboard/incidents/report.py": {
        "history.outage": CHECKED,
        "history.parts_of": OPERATORS,
        "history.cost": FOUND,
        "sessions.by_name": FOUND,
        "journal": FOUND,
    },
    "dashboard/messages/dead_letters.py": {
        "message_history.search": FILTERED,
        "message_history.overtaken": FOUND,
        "sessions.by_id": FOUND,
    },
    "dashboard/messages/listing.py": {"message_history.search": FILTERED},
    "dashboard/messages/message.py": {
        "inbox.of_message": FOUND,
        "message_history.steps": FOUND,
        "messages.attempts": FOUND,
        "messages.get": FOUND,
    },
    "dashboard/pairing/owner.py": {"sessions.by_id": STRANGERS},
    "dashboard/pairing/view.py": {
        "approvals.get": FOUND,
        "journal.page_back": FOUND,
        "servers.get": FOUND,
    },
    "dashboard/sandbox.py": {"sessions.page": OPERATORS},
    "dashboard/servers/pages.py": {"fleet.totals": FILTERED},
    "dashboard/session/acts.py": {"servers": FOUND, "journal": FOUND},
    "dashboard/session/ladder.py": {"servers.get": FOUND},
    "dashboard/session/lights.py": {"journal.page_back": FOUND},
    "dashboard/session/messages.py": {"messages.attempts": FOUND, "messages.page": FOUND},
    "dashboard/session/tester.py": {"messages.acks": FOUND, "messages.get": FOUND},
    "dashboard/session/timeline.py": {"journal.page_back": FOUND},
    "dashboard/status/public.py": {
        "history": STRANGERS,
        "sessions.by_id": STRANGERS,
        "status_pages.all": STRANGERS,
    },
    "dashboard/status/settings.py": {"sessions": "handed on with the scope"},
    "dashboard/uptime.py": {"history": FOUND},
    "dashboard/webhooks/health.py": {"webhook_endpoints": FOUND},
    "dashboard/webhooks/webhook.py": {"webhook_endpoints.deliveries": FOUND},
    "evolution/addresses.py": {"sessions.by_instance": CHECKED, "sessions.by_name": CHECKED},
    "evolution/lookups.py": {"messages": FOUND, "messages.by_any_ids": FOUND, "messages.matching": FOUND},
    "evolution/sends.py": {"messages.by_provider_id": FOUND, "messages.get": FOUND, "servers.get": FOUND},
    "evolution/translated.py": {"messages.by_any_ids": FOUND},
    "http/route.py": {"messages.waiting": FOUND},
    "metrics/backlog.py": {
        "delivery.backlog": OPERATORS,
        "inbox.backlog": OPERATORS,
        "outbox.backlog": OPERATORS,
        "webhook_endpoints.all": OPERATORS,
        "work.next_due": OPERATORS,
    },
    "metrics/fleet.py": {
        "approvals.by_state": OPERATORS,
        "fleet.counts": OPERATORS,
        "servers.all": OPERATORS,
    },
    "metrics/nodes.py": {"inspection.unowned_sessions": OPERATORS, "nodes.all": OPERATORS},
    "v1/dead_letters.py": {"messages.get": FOUND},
    "v1/gateway.py": {"inspection": OPERATORS, "nodes.all": OPERATORS},
    "v1/messages.py": {"messages.attempts": FOUND, "messages.page": FOUND},
    "v1/raw.py": {"inbox.of_message": FOUND},
    "v1/sessions.py": {
        "journal": FOUND,
        "journal.page": FOUND,
        "journal.page_back": FOUND,
        "messages.waiting_by_session": FOUND,
        "servers": FOUND,
    },
    "v1/webhooks.py": {"webhook_endpoints.deliveries": FOUND, "webhook_endpoints.waiting": FOUND},
}
"""File → reading that passes no reach → why. A port without a method is handed on whole."""


def test_every_port_that_lists_rows_of_tenants_can_be_asked_for_one() -> None:
    listing = {
        f"{name}.{method}" for name, port in PORTS.items() for method, _ in functions(port) if takes_reach(name, method)
    }
    assert listing == {
        "approvals.by_state", "audit.found", "dead_letters.events", "dead_letters.messages", "history.ended_outages",
        "history.open_outages", "inbox.unreadable", "keys.within", "servers.within", "sessions.page",
        "status_pages.all", "webhook_endpoints.within",
    }  # fmt: skip


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_reading_passes_what_the_caller_reaches_or_says_why_not(path: Path) -> None:
    without = set(readings(path.read_text("utf-8")))
    listed = WITHOUT.get(str(path.relative_to(FOLDER)), {})
    assert without - set(UNREAD) == set(listed)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("api.store.sessions.page(reach=call.scope)", []),
        ("api.store.sessions.page(limit=3)", ["sessions.page"]),
        ("store.servers.within(scope)", []),
        ("visit.api.store.servers.within(visit.request.scope)", []),
        ("store.servers.within(ALL)", ["servers.within"]),
        ("api.store.history.open_outages(**meant)", []),
        ("api.store.messages.get(name)", ["messages.get"]),
        ("given(api.store.journal)", ["journal"]),
    ],
)
def test_a_reading_is_recognised(text: str, found: list[str]) -> None:
    assert list(readings(text)) == found


def readings(text: str) -> Iterator[str]:
    """The readings of ports of the store that pass no reach."""
    tree = ast.parse(text)
    above = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Attribute) and node.attr in PORTS and is_store(node.value)):
            continue
        method = above[node]
        if not isinstance(method, ast.Attribute):
            yield node.attr
            continue
        call = above[method]
        if not (isinstance(call, ast.Call) and takes_reach(node.attr, method.attr) and passes_reach(call)):
            yield f"{node.attr}.{method.attr}"


def is_store(node: ast.expr) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr == "store") or (
        isinstance(node, ast.Name) and node.id == "store"
    )


def passes_reach(call: ast.Call) -> bool:
    """By its name, by words that hold it (`**meant`), or a scope in its place."""
    named = any(word.arg in ("reach", None) for word in call.keywords)
    return named or any("scope" in ast.unparse(one).rpartition(".")[2] for one in call.args)


def functions(port: type) -> list[tuple[str, object]]:
    return inspect.getmembers(port, inspect.isfunction)


def takes_reach(port: str, method: str) -> bool:
    found = getattr(PORTS[port], method, None)
    return found is not None and "reach" in inspect.signature(found).parameters
