"""What two witnesses saw: the provider, who asked it for what; the database, whose each session was.

Every request to the sandbox is noted at the moment it is begun and ended there, with the node that sent it. In the
database triggers note each change of an owner and each renewal of a lease, in its own time. The machine is one, so both
go by the same clock. Never lives here: the load.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import psycopg

from esteio.providers.base import HttpRequest, HttpResponse
from esteio.sim.world.server import Face, SimServer
from tests.durability.nodes.marked_node import HEADER

_TRIGGERS = """
CREATE TABLE witnessed_owners (
    seq BIGSERIAL, at DOUBLE PRECISION NOT NULL, session_id BIGINT NOT NULL, node BIGINT, generation BIGINT NOT NULL
);
CREATE TABLE witnessed_leases (at DOUBLE PRECISION NOT NULL, node BIGINT NOT NULL, until DOUBLE PRECISION NOT NULL);
CREATE FUNCTION witness_owner() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO witnessed_owners (at, session_id, node, generation)
    VALUES (extract(epoch FROM clock_timestamp()), NEW.session_id, NEW.node, NEW.generation);
    RETURN NULL;
END $$;
CREATE FUNCTION witness_lease() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO witnessed_leases (at, node, until)
    VALUES (extract(epoch FROM clock_timestamp()), NEW.epoch, NEW.lease_until);
    RETURN NULL;
END $$;
CREATE TRIGGER witness AFTER INSERT OR UPDATE ON session_owners FOR EACH ROW EXECUTE FUNCTION witness_owner();
CREATE TRIGGER witness AFTER INSERT OR UPDATE OF lease_until ON nodes FOR EACH ROW EXECUTE FUNCTION witness_lease();
INSERT INTO witnessed_leases SELECT joined_at, epoch, lease_until FROM nodes;
INSERT INTO witnessed_owners (at, session_id, node, generation)
SELECT 0, session_id, node, generation FROM session_owners;
"""


class Act(NamedTuple):
    """One request that acts for a session, as the provider saw it (epoch seconds)."""

    began: float
    ended: float
    node: str
    session: str
    verb: str


class SeenFace:
    """A provider's face that notes who asks it to act."""

    def __init__(self, server: SimServer) -> None:
        self._face: Face = server.face
        self.retry_rule = self._face.retry_rule
        self.key_refused, self.plant, self.verb_of = self._face.key_refused, self._face.plant, self._face.verb_of
        self.acts: list[Act] = []

    async def handle(self, request: HttpRequest) -> HttpResponse:
        began = time.time()
        try:
            return await self._face.handle(request)
        finally:
            verb = self.verb_of(request)
            if verb != "read":
                node = next((value for name, value in request.headers.items() if name.lower() == HEADER), "")
                session = request.url.partition("?")[0].rpartition("/")[2]
                self.acts.append(Act(began, time.time(), node, session, verb))


class Owner(NamedTuple):
    """From `at` on the session was this node's; "" nobody's."""

    at: float
    session: str
    epoch: int
    node: str
    generation: int


class Book:
    """What the database noted."""

    def __init__(self, url: str) -> None:
        self._url = url

    def open(self) -> None:
        """The tables are there; from now on it is noted."""
        with psycopg.connect(self._url, autocommit=True) as db:
            db.execute(_TRIGGERS)

    def owners(self) -> list[Owner]:
        """Every change, in the order of each session's."""
        sql = (
            "SELECT w.at, s.name, coalesce(w.node, 0), coalesce(n.id, ''), w.generation FROM witnessed_owners w"
            " JOIN sessions s ON s.id = w.session_id LEFT JOIN nodes n ON n.epoch = w.node ORDER BY w.seq"
        )
        with psycopg.connect(self._url, autocommit=True) as db:
            return [Owner(*row) for row in db.execute(sql).fetchall()]

    def holders(self) -> dict[str, str]:
        """Whose each session is now; "" for one that nobody living holds."""
        sql = (
            "SELECT s.name, CASE WHEN n.ended IS NULL AND n.lease_until > extract(epoch FROM clock_timestamp())"
            " THEN n.id END FROM sessions s LEFT JOIN session_owners o ON o.session_id = s.id"
            " LEFT JOIN nodes n ON n.epoch = o.node"
        )
        with psycopg.connect(self._url, autocommit=True) as db:
            return {name: node or "" for name, node in db.execute(sql).fetchall()}

    def leases(self) -> list[tuple[float, int, float]]:
        """(when, whose, until when) of each renewal."""
        with psycopg.connect(self._url, autocommit=True) as db:
            return db.execute("SELECT at, node, until FROM witnessed_leases ORDER BY at").fetchall()

    def under_way(self) -> str:
        """What the database is at, for a test that waited in vain."""
        sql = (
            "SELECT pid, client_port, state, wait_event, round(extract(epoch FROM now() - xact_start), 1),"
            " pg_blocking_pids(pid), left(regexp_replace(query, '\\s+', ' ', 'g'), 120)"
            " FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL ORDER BY xact_start"
        )
        return "\n".join(map(str, self.rows(sql)))

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self._url, autocommit=True) as db:
            return db.execute(sql.encode()).fetchall()


def trespasses(acts: Sequence[Act], owners: Sequence[Owner], leases: Sequence[tuple[float, int, float]]) -> list[str]:
    """What was done for a session by a node that was not its owner at that moment, or whose lease was over."""
    found = []
    for act in acts:
        mine = [one for one in owners if one.session == act.session and one.at <= act.began]
        if not mine:
            continue  # made by the request for it, before it has an owner
        owner = mine[-1]
        until = max((end for at, node, end in leases if node == owner.epoch and at <= act.began), default=0.0)
        if owner.node != act.node:
            found.append(f"{act}: held by {owner.node or '-'} since {owner.at:.3f}")
        elif until < act.began:
            found.append(f"{act}: its lease ended at {until:.3f}")
    return found


def overlaps(acts: Sequence[Act]) -> list[str]:
    """Two nodes at one session at the same time, by the provider's notes alone."""
    found = []
    for session in {act.session for act in acts}:
        mine = sorted(act for act in acts if act.session == session)
        for index, act in enumerate(mine):
            found += [f"{act} and {other}" for other in mine[index + 1 :] if _meet(act, other)]
    return found


def _meet(act: Act, other: Act) -> bool:
    return act.node != other.node and other.began < act.ended


def returns(acts: Sequence[Act], owners: Sequence[Owner]) -> list[str]:
    """Sessions at which nodes took turns more often than the database gave them away."""
    found = []
    for session in {act.session for act in acts}:
        turns = sum(one.node != other.node for one, other in pairwise(sorted(a for a in acts if a.session == session)))
        given = max(one.generation for one in owners if one.session == session)
        if turns >= max(given, 1):
            found.append(f"{session}: {turns} turns in {given} generations")
    return found
