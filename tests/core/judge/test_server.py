"""The server's own judgement: its weather, its outage, and the course of a mass fall."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from esteio.core.judge.server import (
    FAILURES_KEPT,
    ServerInputs,
    apply_evidence,
    changed_outage,
    decide_server,
    health_of,
)
from esteio.core.model.decision import Notice
from esteio.core.model.evidence import Evidence, seen
from esteio.core.model.policy import DEFAULT
from esteio.core.model.recovery import Outage
from esteio.core.model.server import ServerFacts
from esteio.core.model.state import Reason
from tests.core.rehearsal import T0, Fleet, a_server
from tests.core.server_fleet import fallen_together
from tests.narrowing import not_none


def facts_after(*news: tuple[Any, ...]) -> ServerFacts:
    facts = ServerFacts()
    for kind, at, *data in news:
        facts = apply_evidence(facts, seen(kind, at, "list", **(data[0] if data else {})))
    return facts


OK = ("server_answered", T0)


FAILED = [("server_failed", T0), ("server_timed_out", T0 + 1), ("server_failed", T0 + 2)]


@pytest.mark.parametrize(
    ("news", "health"),
    [
        ([], ("unknown", "")),
        ([("server_answered", T0)], ("up", "server_answered")),
        (FAILED[:2], ("unknown", "")),
        (FAILED, ("down", "server_failed")),
        ([("server_unreachable", T0)], ("unknown", "")),
        ([("server_unreachable", T0), ("server_unreachable", T0 + 1)], ("down", "server_unreachable")),
        ([*FAILED, ("server_answered", T0 + 3)], ("up", "server_answered")),
        ([*FAILED, ("server_answered", T0 + 1)], ("down", "server_failed")),
        ([("server_answered", T0 + 9), *FAILED], ("up", "server_answered")),
        ([("server_failed", T0 - 500), ("server_failed", T0 - 200), ("server_failed", T0)], ("unknown", "")),
        ([("server_wall", T0, {"detail": "licence"})], ("wall", "server_wall")),
        ([("server_wall", T0), ("server_answered", T0 + 1)], ("up", "server_answered")),
        ([("server_booted", T0)], ("booting", "server_booted")),
        ([("server_boot_observed", T0), ("server_booted", T0 - 999)], ("booting", "server_booted")),
        ([("server_booted", T0 - 200)], ("unknown", "")),
        ([("server_auth_refused", T0)], ("refused", "server_auth_refused")),
        ([OK, ("server_auth_refused", T0 + 1)], ("up", "server_answered")),
        ([OK, *[("server_auth_refused", T0 + 1)] * 2], ("refused", "server_auth_refused")),
        ([*[("server_auth_refused", T0 - 9)] * 3, OK], ("up", "server_answered")),
        ([OK, *[("server_auth_refused", T0 - 9)] * 3], ("up", "server_answered")),
        ([("server_answered", T0, {"weak": "yes"})], ("unknown", "")),
        ([*[("server_unknown_host", T0)] * 2], ("down", "server_unknown_host")),
        ([*[("server_certificate_refused", T0)] * 2], ("down", "server_certificate_refused")),
        ([*[("server_tls_failed", T0)] * 2], ("down", "server_tls_failed")),
        ([("server_wrong_kind", T0)], ("wrong-kind", "server_wrong_kind")),
        ([("server_no_route", T0), ("server_answered", T0 + 1, {"weak": "yes"})], ("wrong-kind", "server_no_route")),
        ([OK, *[("server_html", T0 + 1)] * 2], ("up", "server_answered")),
        ([OK, *[("server_html", T0 + 1)] * 3], ("wrong-kind", "server_html")),
        ([*[("server_html", T0 - 1)] * 3, OK], ("up", "server_answered")),
        ([OK, *[("server_html", T0 - 1)] * 3], ("up", "server_answered")),
        ([("server_auth_refused", T0), ("server_answered", T0 + 1)], ("up", "server_answered")),
        ([("server_slow", T0)], ("slow", "server_slow")),
        ([("server_slow", T0 - 121)], ("unknown", "")),
        ([("server_html", T0)], ("wrong-kind", "server_html")),
    ],
)
def test_the_weather_follows_from_the_server_s_own_words(news: list[tuple[Any, ...]], health: tuple[str, str]) -> None:
    assert health_of(facts_after(*news), DEFAULT, T0 + 3) == health


def test_a_refused_connection_that_answers_again_is_a_start() -> None:
    gone = [("server_unreachable", T0), ("server_unreachable", T0 + 5)]
    assert facts_after(*gone, ("server_answered", T0 + 9)).booted_at == T0 + 9
    assert facts_after(*FAILED, ("server_answered", T0 + 9)).booted_at == 0


def away(kind: str, at: float) -> Evidence:
    return seen(kind, at, "state", away="yes")


def test_a_process_that_dies_right_after_its_start_was_gone_twice() -> None:
    """Storm seed 40012: sent between the two, and its absence was believed."""
    started = [("server_answered", T0), ("server_booted", T0 + 90)]
    assert (facts_after(*started).gone_at, facts_after(*started).alive_at) == (T0 + 90, T0)
    facts = apply_evidence(facts_after(*started), away("server_unreachable", T0 + 95))
    assert (facts.gone_at, facts.alive_at) == (T0 + 95, T0)
    assert apply_evidence(facts, away("server_unreachable", T0 + 99)).gone_at == T0 + 95


def test_when_nobody_listened_is_remembered_with_when_it_was_last_heard_before() -> None:
    """`outbound.may_have_died` asks for it long after the server is back."""
    facts = facts_after(("server_answered", T0), ("server_failed", T0 + 1))
    assert (facts.gone_at, facts.alive_at) == (0.0, 0.0), "a failure alone is no absence"
    gone = facts
    for kind in ("server_unreachable", "server_failed"):
        gone = apply_evidence(apply_evidence(facts, away(kind, T0 + 3)), away(kind, T0 + 9))
        assert (gone.gone_at, gone.alive_at) == (T0 + 3, T0)
    back = apply_evidence(gone, seen("server_answered", T0 + 20, "state"))
    assert (back.gone_at, back.alive_at) == (T0 + 3, T0)
    again = apply_evidence(back, away("server_unreachable", T0 + 50))
    assert (again.gone_at, again.alive_at) == (T0 + 50, T0 + 20)


def test_a_boot_that_nobody_saw_coming_was_an_absence_too() -> None:
    back = facts_after(("server_answered", T0), ("server_booted", T0 - 2))
    assert (back.gone_at, back.alive_at) == (T0 - 2, T0 - 2)
    gone = apply_evidence(facts_after(("server_answered", T0)), away("server_unreachable", T0 + 3))
    assert apply_evidence(gone, seen("server_booted", T0 + 10, "webhook")).gone_at == T0 + 3, "it is known to be gone"
    back = apply_evidence(gone, seen("server_answered", T0 + 20, "state"))
    assert apply_evidence(back, seen("server_booted", T0 + 15, "webhook")).gone_at == T0 + 3, (
        "the same start, told once more"
    )


def test_failures_are_remembered_in_bounds() -> None:
    assert len(facts_after(*(("server_failed", T0 + i) for i in range(50))).failures) == FAILURES_KEPT


def down(fleet: Fleet) -> None:
    for _ in range(2):
        fleet.hear("server_unreachable")
        fleet.judge_server()


def test_a_server_that_falls_is_told_once_after_a_minute_and_once_when_it_is_back() -> None:
    fleet = Fleet()
    told = []
    down(fleet)
    server = fleet.server
    assert server.health == "down"
    assert server.outage is not None
    for _ in range(30):
        fleet.now += 5
        told += [n.phase for n in fleet.judge_server().notices]
    assert told == ["opened"]
    fleet.hear("server_answered")
    back = fleet.judge_server()
    assert (back.notices, back.events) == ((), ()), "what does not come back with it is no second outage"
    assert back.weather_changed
    assert fleet.server.health == "booting"
    assert fleet.server.facts.back_at == fleet.now
    assert back.wake_at <= fleet.now + 20
    fleet.now += 20
    stands = fleet.judge_server()
    assert [(n.phase, n.reason.code, n.duration_s) for n in stands.notices] == [("closed", "server-up", 150)]
    assert fleet.server.facts.back_at < fleet.now, "that it is no longer starting is no return"
    assert stands.events == ("server.outage_ended",)
    assert fleet.judge_server().notices == ()


def test_a_hiccup_of_a_server_is_told_to_nobody() -> None:
    fleet = Fleet()
    down(fleet)
    fleet.now += 50
    fleet.hear("server_answered")
    assert fleet.judge_server().notices == ()
    for _ in range(4):
        fleet.now += 5
        assert fleet.judge_server().notices == ()
    assert fleet.server.outage is None


def test_a_server_that_answers_again_without_a_start_is_back_at_once() -> None:
    fleet = Fleet()
    for _ in range(3):
        fleet.hear("server_failed")
    assert fleet.judge_server().events == ("server.outage_started",)
    fleet.now += 70
    fleet.judge_server()
    fleet.hear("server_answered")
    back = fleet.judge_server()
    assert back.events == ("server.outage_ended",)
    assert [(n.phase, n.reason.code, n.duration_s) for n in back.notices] == [("closed", "server-up", 70)]


def kept(fleet: Fleet, *, back_after: float, boots: bool) -> list[Outage]:
    """What a store is told of an outage of the server, from its fall to its end."""
    found = []
    for news in ["server_unreachable"] * 2 if boots else ["server_failed"] * 3:
        fleet.hear(news)
    for pause, news in ((0.0, ""), (70.0, ""), (back_after - 70, "server_answered"), (30.0, "")):
        fleet.now += pause
        before = fleet.server
        if news:
            fleet.hear(news)
        fleet.judge_server()
        found.append(changed_outage(before, fleet.server, fleet.now))
    return [one for one in found if one is not None]


@pytest.mark.parametrize("boots", [True, False])
def test_each_change_of_a_server_s_outage_is_kept(boots: bool) -> None:
    fleet = Fleet()
    began, told, ended = kept(fleet, back_after=100, boots=boots)
    assert (began.noticed, told.noticed, ended.noticed) == (False, True, True)
    assert {one.id for one in (began, told, ended)} == {began.id}
    assert (began.ended_at, told.ended_at) == (None, None)
    assert not_none(ended.ended_at) - ended.since == 100, "when it answered, though it was said later"


def test_a_wall_is_told_in_the_server_s_words() -> None:
    fleet = Fleet()
    fleet.hear("server_wall", detail="licence needed")
    first = fleet.judge_server()
    assert first.events == ("server.outage_started",)
    assert first.wake_at <= T0 + 60
    fleet.now += 61
    (notice,) = fleet.judge_server().notices
    assert (notice.reason.code, notice.reason.args["detail"]) == ("server-wall", "licence needed")


def test_a_healthy_server_is_listed_seldom_and_a_troubled_one_often() -> None:
    fleet = Fleet()
    assert fleet.judge_server().look
    quiet = fleet.judge_server()
    assert (quiet.look, quiet.quiet, quiet.wake_at) == (False, True, T0 + 30)
    fleet.hear("server_failed")
    assert fleet.judge_server().wake_at == T0 + 5
    fleet.now += 5
    assert fleet.judge_server().look


def test_the_end_of_boot_grace_is_a_wake() -> None:
    fleet = Fleet()
    fleet.hear("server_booted")
    fleet.judge_server()
    fleet.now += 170
    fleet.judge_server()
    assert fleet.judge_server().wake_at == T0 + 180
    fleet.now += 10
    assert fleet.judge_server().weather_changed
    assert fleet.server.health == "up"


def test_expired_slots_go_with_a_look() -> None:
    server = a_server(slots=Fleet().server.slots)
    assert decide_server(ServerInputs(server, (), DEFAULT), T0).server.slots == ()


def test_a_list_tells_version_and_count() -> None:
    fleet = Fleet()
    fleet.hear("server_listed", sessions="7", version="2.3.7")
    decision = fleet.judge_server()
    assert (fleet.server.version, fleet.server.sessions_at_server) == ("2.3.7", 7)
    assert [line.code for line in decision.lines] == ["server-version"]
    fleet.hear("server_listed", version="2.3.7")
    assert fleet.judge_server().lines == ()
    fleet.hear("server_listed", sessions="8")
    fleet.judge_server()
    assert (fleet.server.version, fleet.server.sessions_at_server) == ("2.3.7", 8)


def test_a_decision_on_the_same_view_is_the_same() -> None:
    fleet = fallen_together()
    view = ServerInputs(fleet.server, tuple(fleet.server_news), DEFAULT, fleet.view().fallen, 4)
    assert decide_server(view, fleet.now + 70) == decide_server(view, fleet.now + 70)
    assert msgspec.json.encode(decide_server(view, fleet.now + 70).server)


def test_the_closing_notice_of_a_servers_outage_names_it_and_when_it_began() -> None:
    fleet = Fleet()
    for _ in range(3):
        fleet.hear("server_failed")
    fleet.judge_server()
    outage = fleet.server.outage
    fleet.now += 70
    fleet.judge_server()
    fleet.hear("server_answered")
    [closed] = fleet.judge_server().notices
    assert outage is not None
    assert closed == Notice(outage.id, "closed", Reason("server-up", {"server": "srv"}), outage.since, 70)


def test_the_servers_lines_in_the_journal_are_decisions() -> None:
    fleet = fallen_together()
    fleet.pair(1)
    [line] = fleet.judge_server().lines
    assert (line.kind, line.args) == ("decision", {"server": "srv", "session": "1"})


def test_an_answer_of_the_same_moment_ends_a_failure_and_no_wall() -> None:
    assert facts_after(("server_failed", T0), ("server_answered", T0)).failures == ()
    assert facts_after(("server_wall", T0), ("server_answered", T0)).wall_at == T0


def test_a_server_s_new_health_is_kept_with_its_reason_and_written_down() -> None:
    fleet = Fleet()
    for _ in range(3):
        fleet.hear("server_failed")
    decision = fleet.judge_server()
    [line] = [one for one in decision.lines if one.code == "server-health"]
    assert line.args == {"server": "srv", "from": "up", "to": "down", "because": "server_failed"}
    assert (fleet.server.health, fleet.server.health_because) == ("down", "server_failed")
    assert fleet.server.outage is not None
    assert fleet.server.outage.id.startswith("sout_srv_")
    assert facts_after(("server_failed", T0), ("server_answered", T0 + 1)).failed_by == ""


def test_after_a_look_the_next_is_due_a_period_later() -> None:
    fleet = Fleet()
    decision = fleet.judge_server()
    assert (decision.look, decision.wake_at) == (True, fleet.now + DEFAULT.probe_idle_s)
