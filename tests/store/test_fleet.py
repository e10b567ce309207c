"""The sessions as a person looks through them: counts, order, pages, search, and the limits of a key's scope."""

from __future__ import annotations

from itertools import product

import msgspec
import pytest

from esteio.core.model.ids import ServerName, SessionName
from esteio.core.model.recovery import Outage
from esteio.core.model.session import Facts
from esteio.core.model.state import TROUBLED_FIRST, Axis, SessionState
from esteio.core.model.tenant import Reach
from esteio.engine.key_scope import Scope
from esteio.store.base import DecisionCommit, FleetFilter, Page
from tests.narrowing import not_none
from tests.store.make import AnyStore, Make

NOW = 1_800_000_000.0
ALL = FleetFilter()


async def names(store: AnyStore, which: FleetFilter = ALL, *, limit: int = 100) -> list[str]:
    """All of them, page by page."""
    found: list[str] = []
    after: str | None = None
    while True:
        page: Page = await store.fleet.page(which, limit=limit, after=after)
        assert len(page.items) <= limit
        found += [one.name for one in page.items]
        after = page.next
        if after is None:
            return found


async def counted(store: AnyStore, which: FleetFilter = ALL) -> dict[tuple[str, str], int]:
    return {(one.server, one.state): one.sessions for one in await store.fleet.totals(which)}


async def one_of_each(store: AnyStore, make: Make) -> None:
    """A session of each state, by name in the wrong order."""
    for state in reversed(TROUBLED_FIRST):
        await make.session(store, f"in-{state}", state=state, since=NOW)


async def test_trouble_stands_first_and_the_latest_of_it_above(store: AnyStore, make: Make) -> None:
    await one_of_each(store, make)
    assert await names(store) == [f"in-{state}" for state in TROUBLED_FIRST]
    for name, since in (("older", NOW - 5), ("newest", NOW + 5), ("same-time", NOW)):
        await make.session(store, name, state="error", since=since)
    for name in ("b", "a"):
        await make.session(store, name, state="connected", since=NOW + 9)
    shown = await names(store)
    assert shown[:4] == ["newest", "same-time", "in-error", "older"]
    assert shown[-3:] == ["a", "b", "in-connected"], "those that are well keep their place"


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 100])
async def test_pages_together_show_each_once(store: AnyStore, make: Make, limit: int) -> None:
    for number, state in enumerate(TROUBLED_FIRST * 3):
        await make.session(store, f"s{number}", server=f"sv{number % 2}", state=state, since=NOW + number // 8)
    whole = await names(store)
    assert sorted(whole) == sorted(f"s{number}" for number in range(len(TROUBLED_FIRST) * 3))
    assert await names(store, limit=limit) == whole
    for server in ("sv0", "sv1"):
        of_one = FleetFilter(server=ServerName(server))
        assert await names(store, of_one, limit=limit) == [one for one in whole if int(one[1:]) % 2 == int(server[2:])]


async def test_a_place_outlives_its_session_and_nonsense_is_refused(store: AnyStore, make: Make) -> None:
    for name in ("a", "b", "c"):
        await make.session(store, name, state="connected")
    first = await store.fleet.page(ALL, limit=2)
    await store.sessions.delete(not_none(await store.sessions.by_name(SessionName("b"))).id, NOW)
    assert [one.name for one in (await store.fleet.page(ALL, after=first.next)).items] == ["c"]
    for wrong in ("", "b", "sleeping:1.0:1:a", "error:x:1:a", "error:1.0:y:a", "error:1.0:1"):
        with pytest.raises(ValueError):  # noqa: PT011 (whichever of its parts is wrong)
            await store.fleet.page(ALL, after=wrong)


async def test_totals_follow_every_change(store: AnyStore, make: Make) -> None:
    assert await counted(store) == {}
    one = await make.session(store, "one", state="connected")
    await make.session(store, "two", server="other", state="connected")
    assert await counted(store) == {("sv", "connected"): 1, ("other", "connected"): 1}
    fallen = msgspec.structs.replace(one, state="error", since=NOW + 1)
    assert await store.decisions.commit_session(DecisionCommit(session=fallen))
    assert await counted(store) == {("sv", "error"): 1, ("other", "connected"): 1}
    await store.sessions.delete(one.id, NOW)
    assert await counted(store) == {("other", "connected"): 1}


@pytest.mark.parametrize("states", [(), ("error",), ("paused", "connected", "error")])
@pytest.mark.parametrize("server", [None, "sv", "other", "none"])
async def test_filters_mean_the_same_in_totals_and_pages(
    store: AnyStore, make: Make, states: tuple[SessionState, ...], server: str | None
) -> None:
    for state, where in product(TROUBLED_FIRST, ("sv", "other")):
        await make.session(store, f"{where}-{state}", server=where, state=state)
    which = FleetFilter(states=states, server=ServerName(server) if server else None)
    wanted = [
        f"{where}-{state}"
        for state in TROUBLED_FIRST
        for where in ("other", "sv")
        if server in (None, where) and (not states or state in states)
    ]
    assert sorted(await names(store, which, limit=2)) == sorted(wanted)
    assert sorted(f"{where}-{state}" for where, state in await counted(store, which)) == sorted(wanted)


async def test_a_search_finds_names_and_numbers(store: AnyStore, make: Make) -> None:
    await make.session(store, "Loja-Centro", state="connected", phone="5511999990001")
    await make.session(store, "loja_2", state="error", facts=Facts(phone_seen="5521988887777"))
    await make.session(store, "outra", server="other", state="connected")

    async def found(text: str, *phones: str) -> set[str]:
        which = FleetFilter(text=text, phones=phones)
        shown = set(await names(store, which, limit=1))
        assert sum((await counted(store, which)).values()) == len(shown)
        of_one = FleetFilter(text=text, phones=phones, server=ServerName("sv"))
        assert set(await names(store, of_one)) == {one for one in shown if one != "outra"}
        return shown

    assert await found("LOJA") == {"Loja-Centro", "loja_2"}
    assert await found("a_") == {"loja_2"}, "no wildcard"
    assert await found("%") == set()
    assert await found("!") == set()
    assert await found("x", "11999990001") == {"Loja-Centro"}
    assert await found("x", "none", "2198888") == {"loja_2"}
    assert await found("outra", "999990001") == {"Loja-Centro", "outra"}


async def test_a_search_follows_a_number_that_changes(store: AnyStore, make: Make) -> None:
    one = await make.session(store, "one", phone="551111")
    seen = msgspec.structs.replace(one, facts=Facts(phone_seen="552222"))
    assert await store.decisions.commit_session(DecisionCommit(session=seen))
    for phone in ("1111", "2222"):
        assert await names(store, FleetFilter(text="x", phones=(phone,))) == ["one"]
    assert await names(store, FleetFilter(text="x", phones=("111155",))) == []


GLOBS = (("shop-*",), ("shop-1", "bar-*"), ("*",), ("[a-c]ar-?",), ("[!s]*",), ("shop-[",), ("SHOP-*",), ("none",))


@pytest.mark.parametrize("globs", GLOBS)
async def test_a_scope_counts_and_shows_what_the_key_reaches(
    store: AnyStore, make: Make, globs: tuple[str, ...]
) -> None:
    every = ("shop-1", "shop-2", "bar-1", "car-22", "Shop-3", "shop.4")
    for number, name in enumerate(every):
        await make.session(store, name, state=TROUBLED_FIRST[number])
    reached = {name for name in every if Scope(globs=globs).named(name)}
    which = FleetFilter(reach=Reach(globs=globs))
    assert set(await names(store, which, limit=2)) == reached
    assert sum((await counted(store, which)).values()) == len(reached)


async def test_all_sessions_counted_by_their_words(store: AnyStore, make: Make) -> None:
    nothing = await store.fleet.counts()
    assert (nothing.states, nothing.waiting, nothing.outages, nothing.down_since) == ({}, {}, 0, None)
    well = await make.session(store, "well", state="connected", can_send=Axis("yes"), can_receive=Axis("yes"))
    other = await make.session(store, "other", state="connected", can_send=Axis("yes"))
    down = await make.session(store, "down", server="sv2", gate="held", state="disconnected", can_send=Axis("no"))
    for session, many in ((well, 1), (other, 1), (down, 3)):
        for _ in range(many):
            await make.accept(store, session)
    fallen, asked, over = (
        Outage("o1", NOW, "x"),
        Outage("o2", NOW - 9, "asked", expected=True),
        Outage("o3", NOW - 99, "x"),
    )
    for session, outage in ((down, fallen), (other, asked), (well, msgspec.structs.replace(over, ended_at=NOW))):
        fresh = not_none(await store.sessions.by_id(session.id))
        assert await store.decisions.commit_session(DecisionCommit(session=fresh, outages=(outage,)))
    counts = await store.fleet.counts()
    assert counts.states == {"connected": 2, "disconnected": 1}
    assert (counts.can_send, counts.can_receive) == ({"yes": 2, "no": 1}, {"yes": 1, "unknown": 2})
    assert counts.waiting == {"open": 2, "held": 3}
    assert (counts.outages, counts.down_since) == (2, NOW)
