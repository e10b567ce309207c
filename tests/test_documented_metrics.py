"""The board, the alert rules and the page on metrics name what a real `/metrics` answers, with the labels it has there.

PromQL is read by its words only: what is neither a function, a keyword nor a label must be a metric.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from esteio.config import Settings
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.store.sqlite import SqliteStore
from tests.api.conftest import ADMIN, Gateway

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
BOARD: dict[str, Any] = json.loads((ROOT / "packaging" / "esteio.grafana.json").read_text(encoding="utf-8"))
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "packaging" / "esteio.alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
FUNCTIONS = {"delta", "histogram_quantile", "increase", "label_values", "max", "min", "rate", "sum", "topk"}
KEYWORDS = {"and", "by", "or", "unless", "without"}
SCRAPED = {"gateway", "instance", "job"}
"""Labels that Prometheus adds; `gateway` where somebody has several (docs/how-to/monitoring.md)."""
TOKEN = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*")|(?P<range>\[(?:\d+[smhd]|\$__rate_interval)\])
    |(?P<number>\d+(?:\.\d+)?(?:e\d+)?)|(?P<word>[a-zA-Z_:][\w:]*)|(?P<sign>[=!]~|[=!<>]=|[-+*/(){},<>=])""",
    re.VERBOSE,
)
OPEN_LABELS = {"method", "route", "status", "le", *SCRAPED}
"""Whose values are not all there in every answer."""


class Matcher(NamedTuple):
    metric: str
    label: str
    sign: str
    value: str


class Query(NamedTuple):
    """What one expression names: metrics, and labels that are asked for or grouped by."""

    metrics: set[str]
    labels: set[str]
    matchers: list[Matcher]


def tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = TOKEN.match(text, at)
        assert found is not None, f"cannot read {text[at:]!r} of {text!r}"
        yield str(found.lastgroup), found.group()
        at = found.end()


def read(text: str) -> Query:
    """Raises `AssertionError` for what is no such expression."""
    query = Query(set(), set(), [])
    pending, metric = list(tokens(text)), ""
    depth: list[str] = []
    for index, (kind, word) in enumerate(pending):
        before = pending[index - 1][1] if index else ""
        if word in ("(", "{"):
            depth.append("by" if before in ("by", "without") else word)
        elif word in (")", "}"):
            assert depth, f"{word} too many in {text!r}"
            assert (depth.pop() == "{") == (word == "}"), text
        elif kind == "word" and depth[-1:] == ["{"]:
            query.matchers.append(Matcher(metric, word, pending[index + 1][1], pending[index + 2][1][1:-1]))
        elif kind == "word" and depth[-1:] == ["by"]:
            query.labels.add(word)
        elif kind == "word" and word in FUNCTIONS:
            assert pending[index + 1][1] in ("(", "by", "without"), f"{word} of what? {text!r}"
        elif kind == "word" and word not in KEYWORDS and not (text.startswith("label_values(") and before == ","):
            query.metrics.add(metric := word)
    assert not depth, f"not closed: {text!r}"
    return query


class Scraped:
    """A real answer: of each sample's name its series, and of each family its kind and labels."""

    def __init__(self, text: str) -> None:
        families = [one for one in text_string_to_metric_families(text) if not one.name.endswith("_created")]
        self.series: dict[str, list[dict[str, str]]] = {"up": [{}]}
        self.families: dict[str, tuple[str, set[str]]] = {}
        for family in families:
            name = family.name + ("_total" if family.type == "counter" else "")
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            self.families[name] = (family.type, labels)
            for sample in family.samples:
                self.series.setdefault(sample.name, []).append(dict(sample.labels))

    def judge(self, text: str) -> None:
        """Raises `AssertionError` where an expression would never find anything."""
        query = read(text)
        assert query.metrics, f"no metric in {text!r}"
        known: set[str] = set(SCRAPED)
        for metric in query.metrics:
            assert metric in self.series, f"{metric} is not in /metrics: {text!r}"
            known |= {label for one in self.series[metric] for label in one}
        assert query.labels <= known, f"{query.labels - known} is no label: {text!r}"
        for matcher in query.matchers:
            self._match(matcher, text)

    def _match(self, matcher: Matcher, text: str) -> None:
        values = {one[matcher.label] for one in self.series[matcher.metric] if matcher.label in one}
        assert values or matcher.label in SCRAPED, f"{matcher.metric} has no label {matcher.label}: {text!r}"
        if matcher.label in OPEN_LABELS:
            re.compile(matcher.value)
            return
        for word in matcher.value.split("|") if "~" in matcher.sign else [matcher.value]:
            assert word in values, f"{matcher.label} is never {word!r}: {text!r}"


@pytest.fixture(scope="module")
def scraped() -> Scraped:
    answers: list[str] = []

    async def whole() -> None:
        gateway = Gateway(Settings(admin_key=ADMIN), SqliteStore.memory())
        await gateway.store.start(gateway.clock.now())
        await gateway.audit.begin()
        try:
            await gateway.call("GET", "/v1/sessions")
            answers.append((await gateway.call("GET", "/metrics")).text)
        finally:
            await gateway.aclose()

    run_virtual(whole)
    return Scraped(answers[0])


def rows(heading: str) -> list[list[str]]:
    """The cells of the tables whose first column has this heading."""
    found, inside = [], False
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("|") else []
        inside = bool(cells) and (inside or cells[0] == heading)
        if inside and cells[0] != heading and not cells[0].startswith("---"):
            found.append(cells)
    return found


def panels() -> list[dict[str, Any]]:
    return [one for one in BOARD["panels"] if one["type"] != "row"]


@pytest.mark.parametrize("panel", panels(), ids=lambda one: one["title"])
def test_every_panel_shows_what_there_is(scraped: Scraped, panel: dict[str, Any]) -> None:
    assert panel["description"]
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    for target in panel["targets"]:
        scraped.judge(target["expr"])
        assert target["datasource"] == panel["datasource"] == {"type": "prometheus", "uid": "${source}"}


def test_the_board_can_be_imported_anywhere(scraped: Scraped) -> None:
    ids = [one["id"] for one in BOARD["panels"]]
    assert len(ids) == len(set(ids))
    taken = {
        (one["gridPos"]["x"] + x, one["gridPos"]["y"] + y)
        for one in BOARD["panels"]
        for x in range(one["gridPos"]["w"])
        for y in range(one["gridPos"]["h"])
    }
    assert len(taken) == sum(one["gridPos"]["w"] * one["gridPos"]["h"] for one in BOARD["panels"]), "panels overlap"
    assert max(x for x, _ in taken) < 24
    variables = {one["name"]: one for one in BOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(BOARD))) - {"__rate_interval", "__all"}
    assert used == set(variables)
    for one in variables.values():
        if one["type"] == "query":
            scraped.judge(one["query"]["query"])


@pytest.mark.parametrize("rule", RULES, ids=lambda one: one["alert"])
def test_every_alert_can_ring_and_says_what_to_do(scraped: Scraped, rule: dict[str, Any]) -> None:
    scraped.judge(rule["expr"])
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"\d+[smh]", rule.get("for", "0m"))
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert set(rule["annotations"]) == {"summary", "action"}
    assert all(text.strip().endswith(".") for text in rule["annotations"].values())
    log_events = re.findall(r"`([a-z_]+\.[a-z_]+)`", rule["annotations"]["action"])
    page = (ROOT / "docs" / "reference" / "log.md").read_text(encoding="utf-8")
    settings = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    assert [word for word in log_events if f"`{word}`" not in page + settings] == []


def test_alerts_and_the_page_agree() -> None:
    told = {cells[0].strip("`"): cells[2] for cells in rows("Alert")}
    assert told == {rule["alert"]: rule["labels"]["severity"] for rule in RULES}


def test_the_page_tells_of_every_metric_with_its_kind_and_labels(scraped: Scraped) -> None:
    told = {}
    for name, kind, labels, about, moves in rows("Metric"):
        assert about.endswith(".")
        assert moves
        told[name.strip("`")] = (
            kind.partition(",")[0],
            {
                found.group(1)
                for found in re.finditer(r"(?:^|, )`([a-z]+)`(?=$|[:,])", re.sub(r": (?:`[\w-]+`,? ?)+", "", labels))
            },
        )
    assert told == scraped.families


def test_names_follow_prometheus(scraped: Scraped) -> None:
    for name, (kind, labels) in scraped.families.items():
        assert re.fullmatch(r"[a-z_]+", name)
        assert name.endswith("_total") == (kind == "counter")
        assert not re.search(r"_(ms|milliseconds|minutes|kb|mb|count)$", name)
        assert not labels & {"session", "phone", "name", "chat", "endpoint"}, "no label names anybody"


@pytest.mark.parametrize(
    "wrong",
    [
        "esteio_session",
        'esteio_sessions{stat="connected"}',
        'esteio_sessions{state="conected"}',
        'esteio_servers{health=~"down|dead"}',
        "sum by (gate) (esteio_sessions)",
        "sum(esteio_sessions",
        "summ(esteio_sessions)",
        "sum esteio_sessions",
        "esteio_sessions[5 minutes]",
        "rate(esteio_recovery_steps[5m])",
        "1 > 0",
    ],
)
def test_what_would_never_ring_is_seen(scraped: Scraped, wrong: str) -> None:
    with pytest.raises(AssertionError):
        scraped.judge(wrong)
