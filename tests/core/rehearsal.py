"""A small fleet in memory: the judge is applied again and again, and what it wants is answered by the test.

It does for the judge what `engine.supervision.reconcile` and the store do in service (view in, decision committed,
versions up),
without either. Every decision is kept, so that a test can look at the whole story.
"""

from __future__ import annotations

from typing import Any

import msgspec

from esteio.core.judge.decide import decide
from esteio.core.judge.server import ServerDecision, ServerInputs, decide_server
from esteio.core.model.capabilities import Capabilities
from esteio.core.model.decision import Decision, View
from esteio.core.model.evidence import Evidence, Source, seen
from esteio.core.model.ids import ServerName, SessionId, SessionName
from esteio.core.model.policy import DEFAULT, Policy
from esteio.core.model.recovery import Approval, Attempt
from esteio.core.model.server import Server, ServerFacts
from esteio.core.model.session import Session

T0 = 1_700_000_000.0

EVOLUTION = Capabilities(
    restart=True,
    restart_keeps_link=True,
    pairing_code=True,
    message_list=True,
    round_trip_probe=True,
    socket_probe=True,
    list_sessions=True,
    queues_while_down=False,
)
BAILEYS = msgspec.structs.replace(
    EVOLUTION,
    restart=False,
    restart_keeps_link=False,
    message_list=False,
    round_trip_probe=False,
    socket_probe=False,
    question_refutes=True,
    connect_pairs_after_unlink=False,
)
WAPI = msgspec.structs.replace(
    EVOLUTION,
    message_list=False,
    round_trip_probe=False,
    socket_probe=False,
    question_refutes=True,
    list_sessions=False,
    connect=False,
)


def a_session(number: int = 1, **fields: object) -> Session:
    base = Session(
        id=SessionId(number),
        name=SessionName(f"s{number}"),
        server=ServerName("srv"),
        kind="evolution",
        created_at=T0 - 86400,
        since=T0 - 86400,
    )
    return msgspec.structs.replace(base, **fields)


def a_server(**fields: object) -> Server:
    known = ServerFacts(recognised_at=1.0)
    base = Server(name=ServerName("srv"), kind="evolution", base_url="http://localhost:1", health="up", facts=known)
    return msgspec.structs.replace(base, **fields)


class Fleet:
    """`count` sessions on one server, judged by hand."""

    def __init__(
        self,
        count: int = 1,
        *,
        policy: Policy = DEFAULT,
        can: Capabilities = EVOLUTION,
        quirks: frozenset[str] = frozenset(),
        now: float = T0,
        paired: bool = True,
    ) -> None:
        self.policy, self.can, self.quirks, self.now = policy, can, quirks, now
        self.server = a_server()
        self.sessions = {n: a_session(n) for n in range(1, count + 1)}
        self.news: dict[int, list[Evidence]] = {n: [] for n in self.sessions}
        self.server_news: list[Evidence] = []
        self.approvals: dict[int, Approval] = {}
        self.decisions: list[tuple[float, int, View, Decision]] = []
        self.heard: dict[int, list[Evidence]] = {n: [] for n in self.sessions}
        self.held = 0
        if paired:
            for n in self.sessions:
                self.pair(n)

    def __getitem__(self, number: int) -> Session:
        return self.sessions[number]

    @property
    def one(self) -> Session:
        return self.sessions[1]

    def hear(self, kind: str, n: int = 1, *, road: Source = "probe", ago: float = 0.0, **data: str) -> None:
        """News for a session (or, by its kind, for the server), happened `ago` seconds ago."""
        self.put(seen(kind, self.now, road, happened_at=self.now - ago, **data), n)

    def put(self, evidence: Evidence, n: int = 1) -> None:
        if evidence.subject == "server":
            self.server_news.append(evidence)
        else:
            self.news[n].append(evidence)
            self.heard[n].append(evidence)

    def view(self, n: int = 1) -> View:
        fallen = tuple(
            sorted(
                ((s.id, s.outage.since) for s in self.sessions.values() if s.outage is not None),
                key=lambda pair: pair[1],
            )
        )
        return View(
            session=self.sessions[n],
            server=self.server,
            new_evidence=tuple(self.news[n]),
            policy=self.policy,
            can=self.can,
            quirks=self.quirks,
            held=self.held,
            fallen=fallen,
            fleet=sum(s.linked and not s.paused for s in self.sessions.values()),
            approval=self.approvals.get(n),
        )

    def judge(self, n: int = 1) -> Decision:
        """Decide and commit, as reconcile does."""
        view = self.view(n)
        decision = decide(view, self.now)
        self.news[n] = []
        self.sessions[n] = msgspec.structs.replace(decision.session, row_version=view.session.row_version + 1)
        if decision.server is not None:
            self.server = msgspec.structs.replace(decision.server, row_version=view.server.row_version + 1)
        if decision.approval is not None:
            if decision.approval.state == "open":
                self.approvals[n] = decision.approval
            else:
                self.approvals.pop(n, None)
        self.decisions.append((self.now, n, view, decision))
        return decision

    def judge_server(self) -> ServerDecision:
        view = self.view(next(iter(self.sessions)))
        news, self.server_news = tuple(self.server_news), []
        decision = decide_server(ServerInputs(self.server, news, self.policy, view.fallen, view.fleet), self.now)
        self.server = msgspec.structs.replace(decision.server, row_version=self.server.row_version + 1)
        return decision

    def after(self, seconds: float, n: int = 1) -> Decision:
        """Let time pass, then judge."""
        self.now += seconds
        return self.judge(n)

    def pair(self, n: int = 1) -> Decision:
        """Make it a session that is connected and confirmed both ways."""
        self.hear("said_open", n, road="state")
        self.hear("socket_ok", n)
        self.hear("round_trip_ok", n)
        self.hear("message_received", n, road="webhook")
        return self.judge(n)

    def kill(self, n: int = 1, says: str = "open") -> Decision:
        """Prove its socket dead: two witnesses, with the retry's time between them."""
        self.hear(f"said_{says}", n, road="state")
        self.hear("send_closed", n, road="send", ago=4)
        self.hear("socket_closed", n)
        return self.judge(n)

    def stay_closed(self, n: int = 1) -> None:
        """Look after look says closed, until it counts as standing still."""
        for gap in (5, 1, 1):
            self.now += gap
            self.hear("said_closed", n, road="state")
            self.judge(n)

    def open_act(self, n: int = 1) -> Attempt | None:
        return self.sessions[n].recovery.open

    def open_act_now(self, n: int = 1) -> Attempt:
        act = self.open_act(n)
        assert act is not None, "no act is open"
        return act

    def answer(self, word: str = "ok", n: int = 1, **data: Any) -> None:
        """The open act's answer."""
        act = self.open_act_now(n)
        self.hear("act_answered", n, road="act", attempt=act.id, rung=act.rung, answer=word, **data)

    def rungs(self, n: int = 1) -> list[str]:
        """Every act begun, in order."""
        return [d.act.rung for _, m, _, d in self.decisions if m == n and d.act is not None]

    def said(self, code: str, n: int = 1) -> int:
        """How often a line was said."""
        return sum(line.code == code for _, m, _, d in self.decisions if m == n for line in d.lines)

    def notices(self) -> list[tuple[str, str]]:
        return [(notice.id, notice.phase) for _, _, _, d in self.decisions for notice in d.notices]

    def climb_until(self, seconds: float, n: int = 1, answer: str = "ok", still: tuple[str, ...] = ()) -> None:
        """Judge at every wake for this long; acts are answered but have no effect, and looks see `still`."""
        end = self.now + seconds
        while self.now < end:
            if self.open_act(n) is not None and self.open_act(n).performed_at is None:  # type: ignore[union-attr]
                self.answer(answer, n)
            for kind in still:
                self.hear(kind, n, road="state" if kind.startswith("said") else "probe")
            self.judge(n)
            wake = self.sessions[n].wake_at
            self.now = max(self.now + 0.5, min(end, wake if wake is not None else end))
