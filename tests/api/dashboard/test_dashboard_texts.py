"""The dashboard's texts: each that a template or the code names is there, each that is there is named."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import get_args, get_type_hints

from esteio.api.dashboard import page
from esteio.api.dashboard.fleet import PAGE
from esteio.api.dashboard.pairing.drawing import TROUBLE
from esteio.api.dashboard.pairing.view import Kind as PairingKind
from esteio.api.dashboard.servers.pages import LIMITS
from esteio.api.dashboard.session import tester
from esteio.api.dashboard.settings.tenants import BOUNDED
from esteio.api.dashboard.webhooks.change import MEDIA, OVERLAPS_S
from esteio.api.dashboard.webhooks.listing import ORDER
from esteio.api.dashboard.webhooks.replay import MINUTES
from esteio.core.model.content import Kind
from esteio.core.model.evidence import Source, Weight
from esteio.core.model.message import MessageState
from esteio.core.model.policy import Destructive, OnDown
from esteio.core.model.server import HealthState
from esteio.core.model.state import Answer
from esteio.core.views.documents import RestrictionKind
from esteio.core.views.recovery_ladder import Stands
from esteio.core.webhooks.delivery_policy import EVENT_TYPES, Format
from esteio.engine.commands.requests import AtProvider, Role
from esteio.engine.commands.sessions.instances import Adopted
from esteio.store.base import JournalKind
from esteio.texts import LANGUAGES, catalogue
from tests.narrowing import not_none

HOUSE = Path(not_none(page.__file__)).parent
OWNERS = ("scan", "type", "asked", "linking", "reconnecting", "connected", "wrong-phone", "trouble", "missed", "none")
COMPOSED: dict[str, tuple[str, ...]] = {
    "pair.told.": get_args(PairingKind),
    "owner.told.": OWNERS,
    "health.": get_args(HealthState),
    "answer.": get_args(Answer),
    "role.": get_args(Role),
    "language.": LANGUAGES,
    "limit.": LIMITS,
    "role.may.": get_args(Role),
    "adoption.": get_args(get_type_hints(Adopted)["result"]),
    "kind.": get_args(Kind),
    "webhook-format.": get_args(Format),
    "format-means.": get_args(Format),
    "event-means.": EVENT_TYPES,
    "webhook-state.": ORDER,
    "webhook-means.": (*ORDER, "gone"),
    "webhook-media.": MEDIA,
    "delivery.": ("delivered", "failed", "gone", "skipped", "dead"),
    "minutes.": tuple(map(str, MINUTES)),
    "overlap.": tuple(map(str, OVERLAPS_S)),
    "state-means.": get_args(MessageState),
    "session.source.": get_args(Source),
    "weight.": (*get_args(Weight), "code"),
    "stands.": get_args(Stands),
    "restriction.": get_args(RestrictionKind),
    "standing.": ("open", "next", "asked"),
    "session.result.": ("effect", "no-effect", "refused", "exists", "not-reached", "interrupted"),
    "session.line.": get_args(JournalKind),
    "session.lines.": get_args(JournalKind),
    "session.step.": tester.NAMES,
    "session.stands.": ("reached", "now", "ahead", "ended"),
    "session.destructive.": get_args(Destructive),
    "session.on-down.": get_args(OnDown),
    "session.delete.": get_args(AtProvider),
    "session.delete-means.": get_args(AtProvider),
    "fleet.view.": tuple(PAGE),
    "tenants.quota.": BOUNDED,
    "tenants.used.": BOUNDED,
    "fleet.step.": ("now", "next"),
}


def named() -> set[str]:
    found: set[str] = set()
    for template in (HOUSE / "templates").rglob("*.html"):
        text = template.read_text(encoding="utf-8")
        for key, more in re.findall(r"""say\(["']([\w.-]+)["'](\s*~)?""", text):
            found |= {key + one for one in COMPOSED[key]} if more else {key}
        found |= set(re.findall(r"""button\(["']\w+["'], ["']([\w.-]+)["']""", text))
        found |= set(re.findall(r"""else say\(["']([\w.-]+)["']\)""", text))
    return found


def composed_in_code() -> set[str]:
    return {key + one for key in ("pair.told.", "owner.told.") for one in COMPOSED[key]}


def strings() -> set[str]:
    return {
        node.value
        for file in HOUSE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def told_afterwards() -> set[str]:
    """What `done=` names in the code; a name that is put together there is in `strings`."""
    return {
        f"done.{one.value.value}"
        for file in HOUSE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        for one in node.keywords
        if one.arg == "done" and isinstance(one.value, ast.Constant) and isinstance(one.value.value, str)
    }


def test_every_text_that_a_page_names_is_there() -> None:
    there = set(catalogue("en").keys("dashboard"))
    assert len(named()) > 60
    assert (named() | composed_in_code() | told_afterwards() | {one.key for one in page.NAVIGATION}) - there == set()


def test_the_owner_has_a_sentence_for_whatever_the_pairing_page_shows() -> None:
    assert set(get_args(PairingKind)) - TROUBLE | {"trouble"} == set(OWNERS)


def test_no_text_of_the_dashboard_is_left_over() -> None:
    there = set(catalogue("en").keys("dashboard"))
    known = named() | composed_in_code() | strings() | {f"done.{one}" for one in strings()}
    assert there - known == set()
