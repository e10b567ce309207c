"""Adopting: what stood at the provider is kept before ours is set, goes on where asked, and is put back; one instance
belongs to one session; nothing is created or restarted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from esteio.config import DeclaredSession
from esteio.core.model.ids import SessionName
from esteio.engine.commands.requests import AdoptRequest, AtProvider, ServerRequest, SessionChange, SessionRequest
from esteio.engine.errors import CommandError
from esteio.engine.key_scope import EVERYTHING
from esteio.engine.runtime import sealed_for
from esteio.providers.base import HttpRequest, HttpResponse
from esteio.sim.lab import Lab
from esteio.sim.providers.evolution.instance import EvolutionInstance, WebhookRow
from esteio.sim.providers.wapi.instance import WapiInstance
from tests.engine.engine_stage import CUSTOMER, PHONE, play
from tests.narrowing import not_none, of_type
from tests.postgres_server.raw import raw

N8N = "http://8.8.4.4/webhook/abc?k=1"
EVENTS = ("MESSAGES_UPSERT", "CONNECTION_UPDATE", "CHATS_UPSERT")
FOREIGN = WebhookRow(N8N, EVENTS, headers={"x-tenant": "t1"}, by_events=True)


class Watched:
    """The road to the providers, and what is the case whenever something is asked."""

    def __init__(self, lab: Lab, before: Callable[[HttpRequest], HttpResponse | None]) -> None:
        self.inner, self.before = lab.transport, before
        commands = lab.commands
        for part in (
            commands.instances,
            commands.sessions._replaced,
            lab.gateway.prober,
            lab.gateway.work._performers,
        ):
            part._transport = self

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        answer = self.before(request)
        return await self.inner.exchange(request) if answer is None else answer

    async def aclose(self) -> None:
        await self.inner.aclose()


def ask(name: str = "loja", server: str = "prov", **more: object) -> SessionRequest:
    return SessionRequest(name, server, adopt=True, wait_s=10, **more)  # type: ignore[arg-type]


async def planted(lab: Lab, hook: WebhookRow | None = FOREIGN) -> EvolutionInstance:
    await lab.add_server("prov")
    line = of_type(EvolutionInstance, lab.world.plant("prov", "loja", PHONE))
    line.hook = hook
    return line


def test_the_webhook_that_stood_there_is_kept_shown_and_put_back() -> None:
    async def story(lab: Lab) -> None:
        line = await planted(lab)
        opened = await lab.commands.sessions.create(ask(), "ana")
        assert opened.stood is not None
        assert (opened.stood.found, opened.stood.url, opened.stood.events) == ("foreign", N8N, EVENTS)
        assert opened.session.state == "connected"
        await asyncio.sleep(5)
        assert "/in/" in not_none(line.hook).url
        session = await lab.session("loja")
        assert not_none(await lab.commands.sessions.replaced_webhook(session)).headers == {"x-tenant": "t1"}
        assert N8N.encode() not in not_none(await lab.store.sessions.replaced_webhook(session.id))
        codes = [one.code for one in await lab.store.journal.page(session.id, 0, 100)]
        assert "adopted" in codes
        assert session.reason.code == "live"
        assert await lab.store.webhook_endpoints.all() == []
        assert await lab.commands.session_removal.delete("loja", "keep", "ana") is None
        assert line.hook is not None
        assert (line.hook.url, line.hook.events, line.hook.headers) == (N8N, EVENTS, {"x-tenant": "t1"})
        assert (line.hook.by_events, line.hook.enabled) == (True, True)

    play(story)


def test_where_nothing_stood_ours_is_switched_off_again() -> None:
    async def story(lab: Lab) -> None:
        line = await planted(lab, None)
        assert not_none((await lab.commands.sessions.create(ask(), "ana")).stood).found == "none"
        await asyncio.sleep(5)
        assert not_none(line.hook).enabled
        await lab.commands.session_removal.delete("loja", "keep", "ana")
        assert not not_none(line.hook).enabled

    play(story)


def test_a_webhook_that_somebody_set_since_is_not_put_away() -> None:
    async def story(lab: Lab) -> None:
        line = await planted(lab)
        await lab.commands.sessions.create(ask(), "ana")
        await asyncio.sleep(5)
        line.hook = WebhookRow("http://8.8.4.4/another")
        await lab.commands.session_removal.delete("loja", "keep", "ana")
        assert line.hook.url == "http://8.8.4.4/another"

    play(story)


def test_forward_goes_on_at_once_with_its_headers() -> None:
    async def story(lab: Lab) -> None:
        line = await planted(lab)
        await lab.commands.sessions.create(ask(forward=True), "ana")
        (endpoint,) = await lab.store.webhook_endpoints.all()
        assert (endpoint.url, endpoint.format, endpoint.sessions) == (N8N, "evolution", ("loja",))
        assert (endpoint.events, endpoint.by_events) == (EVENTS, True)
        words = lab.gateway.vault.unseal(endpoint.sealed, sealed_for.webhook(endpoint.id))
        assert "t1" in words.values()
        assert await lab.store.webhook_endpoints.at_door("loja") == endpoint, "what clients of the door see and replace"
        await asyncio.sleep(5)
        assert line.hook is not None
        assert "/in/" in line.hook.url
        assert "CHATS_UPSERT" in line.hook.events, "what only the server can tell it is asked for from now on"
        await lab.commands.session_removal.delete("loja", "keep", "ana")
        assert await lab.store.webhook_endpoints.at_door("loja") is None, "it went with its session"
        await lab.commands.sessions.create(ask(forward=True), "ana")
        again = await lab.store.webhook_endpoints.at_door("loja")
        assert again is not None
        assert (again.url, again.events) == (endpoint.url, endpoint.events)

    play(story)


@pytest.mark.parametrize("url", ["http://10.1.2.3:5678/webhook/a", "http://127.0.0.1/x"])
def test_a_forbidden_address_moves_nothing(url: str) -> None:
    async def story(lab: Lab) -> None:
        line = await planted(lab, WebhookRow(url, EVENTS))
        for dry_run in (True, False):
            asked = ask(forward=True)
            going = lab.commands.instances.would_adopt(asked) if dry_run else lab.commands.sessions.create(asked, "ana")
            with pytest.raises(CommandError) as caught:
                await going
            assert (caught.value.code, caught.value.words["host"]) == ("target-not-allowed", url)
            assert caught.value.words["allow"].endswith('/32"]')
        await asyncio.sleep(60)
        assert not_none(line.hook).url == url
        assert await lab.store.sessions.by_name(SessionName("loja")) is None
        assert await lab.store.webhook_endpoints.all() == []

    play(story)


def test_it_goes_on_where_the_guard_allows_it() -> None:
    async def story(lab: Lab) -> None:
        await planted(lab, WebhookRow("http://10.1.2.3:5678/webhook/a", EVENTS))
        await lab.commands.sessions.create(ask(forward=True), "ana")
        assert len(await lab.store.webhook_endpoints.all()) == 1

    play(story, settings={"allow_targets": ["10.1.2.3/32"]})


@pytest.mark.parametrize("kind", ["evolution", "wapi"])
def test_ours_is_never_set_before_the_other_is_on_disk(kind: str) -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("prov", kind)
        line = lab.world.plant("prov", "loja", PHONE, webhook_url=N8N)
        overwritten = []

        def before(request: HttpRequest) -> HttpResponse | None:
            if "webhook/set" in request.url or "update-webhook" in request.url:
                kept = raw(lab.store).rows("SELECT replaced FROM sessions WHERE name = 'loja'")
                overwritten.append(kept != [(None,)])
            return None

        Watched(lab, before)
        # As at a start: the row is written although nobody has read what stands there.
        await lab.commands.sessions.create(ask(ref=lab._ref("prov", "loja")), "settings", read_first=False)
        await asyncio.sleep(60)
        assert overwritten
        assert all(overwritten)
        session = await lab.session("loja")
        assert not_none(await lab.commands.sessions.replaced_webhook(session)).url == N8N
        await lab.commands.session_removal.delete("loja", "keep", "ana")
        if isinstance(line, EvolutionInstance):
            found = {not_none(line.hook).url}
        else:
            found = set(of_type(WapiInstance, line).urls.values())
        assert found == {N8N}

    play(story)


def test_what_cannot_be_read_is_not_overwritten() -> None:
    async def story(lab: Lab) -> None:
        line = await planted(lab)
        Watched(lab, lambda one: HttpResponse(500, {}, b"{}") if "webhook/find" in one.url else None)
        opened = await lab.commands.sessions.create(ask(), "ana")
        assert opened.stood is not None
        assert (opened.stood.found, opened.session.state) == ("unanswered", "connected")
        with pytest.raises(CommandError) as caught:
            await lab.commands.sessions.create(ask("other", forward=True, ref={"instance_name": "x"}), "ana")
        assert caught.value.code == "provider-unanswered"
        await asyncio.sleep(300)
        assert not_none(line.hook).url == N8N

    play(story)


def test_who_cannot_tell_its_webhook_forwards_nothing() -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("prov", "baileys")
        lab.world.plant("prov", "loja", PHONE)
        with pytest.raises(CommandError) as caught:
            await lab.commands.sessions.create(ask(forward=True), "ana")
        assert caught.value.code == "webhook-unread"
        opened = await lab.commands.sessions.create(ask(), "ana")
        assert (opened.session.state, opened.session.can_receive.evidence) == ("connected", "webhook-unread")

    play(story)


def test_one_instance_belongs_to_one_session() -> None:
    async def story(lab: Lab) -> None:
        await planted(lab)
        await lab.commands.sessions.create(ask(), "ana")
        twin = await lab.commands.lookup.server("prov", EVERYTHING)

        await lab.commands.servers.add(ServerRequest("again", "evolution", twin.server.base_url, {"apikey": "x"}))
        ref = {"instance_name": " loja "}
        for second in (
            ask("dois", ref=ref),
            SessionRequest("tres", "prov", ref=ref, wait_s=0),
            ask("quatro", "again", ref=ref),
        ):
            with pytest.raises(CommandError) as caught:
                await lab.commands.sessions.create(second, "eva")
            assert caught.value.code == "already-adopted"
        assert [one.name for one in (await lab.store.sessions.page()).items] == ["loja"]

    play(story)


@pytest.mark.parametrize("kind", ["evolution", "baileys", "wapi"])
def test_a_name_that_is_not_there_is_said_and_nothing_is_made(kind: str) -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("prov", kind)
        acts = []

        def before(request: HttpRequest) -> HttpResponse | None:
            if request.method != "GET" or "restart" in request.url or "connect/" in request.url:
                acts.append(f"{request.method} {request.url}")
            return None

        Watched(lab, before)
        opened = await lab.commands.sessions.create(ask(ref=lab._ref("prov", "loja")), "ana")
        assert (opened.session.state, opened.session.reason.code) == ("error", "instance-missing")
        await lab.commands.operator_actions.recover("loja", "ana")
        await asyncio.sleep(900)
        assert [one for one in acts if "setPresence" not in one and "findMessages" not in one] == []
        assert (await lab.session("loja")).state == "error"

    play(story)


@pytest.mark.parametrize("kind", ["evolution", "baileys", "wapi"])
def test_one_that_is_closed_is_left_as_it_is_until_a_person_asks(kind: str) -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("prov", kind)
        line = lab.world.plant("prov", "loja", PHONE)
        line.discard(not_none(line.sock), "test")
        line.sock, line.state = None, "close"
        acts = []

        def before(request: HttpRequest) -> HttpResponse | None:
            if request.method != "GET" or "restart" in request.url or "connect/" in request.url:
                acts.append(f"{request.method} {request.url}")
            return None

        Watched(lab, before)
        await lab.commands.sessions.create(ask(ref=lab._ref("prov", "loja")), "ana")
        await asyncio.sleep(600)
        session = await lab.session("loja")
        assert (session.state, session.reason.code) == ("disconnected", "adopted-closed")
        assert [one for one in acts if "setPresence" not in one and "findMessages" not in one] == []
        await lab.commands.operator_actions.recover("loja", "ana")
        await asyncio.sleep(300)
        assert acts

    play(story)


def test_a_moved_webhook_is_seen_within_a_minute() -> None:
    async def story(lab: Lab) -> None:
        line = await planted(lab, None)
        await lab.commands.sessions.create(ask(), "ana")
        await asyncio.sleep(100)
        line.hook = WebhookRow("http://8.8.4.4/else")
        await asyncio.sleep(61)
        assert "/in/" in line.hook.url
        kept = not_none(await lab.commands.sessions.replaced_webhook(await lab.session("loja")))
        assert kept.url == "http://8.8.4.4/else"

    play(story)


def test_many_at_once() -> None:
    async def story(lab: Lab) -> None:
        await planted(lab)
        lab.world.plant("prov", "Loja do Zé", "5511999990002")
        lab.world.plant("prov", "três", "5511999990003")
        await lab.commands.sessions.create(ask(), "ana")
        found = await lab.commands.instances.of_server("prov")
        assert {one.entry.key: one.session for one in found} == {"loja": "loja", "Loja do Zé": None, "três": None}
        asked = AdoptRequest(("loja", "três", "none"), dry_run=True)
        results = await lab.commands.instances.adopt("prov", asked, "ana")
        assert [one.result for one in results] == ["already-adopted", "would-adopt", "instance-missing"]
        results = await lab.commands.instances.adopt("prov", AdoptRequest("all"), "ana")
        assert {one.session: one.result for one in results} == {"Loja-do-Z": "adopted", "tr-s": "adopted"}
        await asyncio.sleep(30)
        assert (await lab.session("tr-s")).state == "connected"
        sent = await lab.send("tr-s", CUSTOMER, "oi")
        await asyncio.sleep(5)
        assert (await lab.message(sent)).state in ("sent", "delivered", "read")

    play(story)


def test_a_server_that_lists_nothing_or_does_not_answer() -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("prov", "wapi")
        with pytest.raises(CommandError) as caught:
            await lab.commands.instances.of_server("prov")
        assert caught.value.code == "instances-unlisted"
        await lab.add_server("evo")
        lab.world.servers["evo"].apikey = "changed"
        with pytest.raises(CommandError) as caught:
            await lab.commands.instances.of_server("evo")
        assert caught.value.code == "provider-unanswered"

    play(story)


def test_phone_policy_and_ref_can_be_changed() -> None:
    async def story(lab: Lab) -> None:
        line = await planted(lab)
        other = of_type(EvolutionInstance, lab.world.plant("prov", "outra", "5511999990002"))
        await lab.commands.sessions.create(ask(phone="5511999990009"), "ana")
        await asyncio.sleep(40)
        assert (await lab.session("loja")).reason.code == "wrong-identity"
        changed = await lab.commands.sessions.change("loja", SessionChange(phone=PHONE, policy="seeds"), "ana")
        assert (changed.phone, changed.policy) == (PHONE, "seeds")
        await lab.until_state("loja", "connected", 10)
        await asyncio.sleep(90)
        assert line.hook is not None
        assert "/in/" in line.hook.url
        await lab.commands.sessions.change("loja", SessionChange(ref={"instance_name": "outra"}), "ana")
        assert line.hook.url == N8N
        await asyncio.sleep(60)
        session = await lab.session("loja")
        assert (session.ref, session.state, session.phone) == (
            {"instance_name": "outra"},
            "connected",
            "5511999990002",
        )
        assert "/in/" in not_none(other.hook).url
        codes = [one.code for one in await lab.store.journal.page(session.id, 0, 500)]
        assert codes.count("operator_changed") == 2
        lab.world.plant("prov", "loja-2", "5511999990003")
        await lab.commands.sessions.create(ask("loja-2"), "ana")
        with pytest.raises(CommandError) as caught:
            await lab.commands.sessions.change("loja", SessionChange(ref={"instance_name": "loja-2"}), "ana")
        assert caught.value.code == "already-adopted"

    play(story)


def test_what_is_declared_otherwise_is_changed() -> None:
    async def story(lab: Lab) -> None:
        await planted(lab)
        other = of_type(EvolutionInstance, lab.world.plant("prov", "outra", "5511999990002"))
        declared = DeclaredSession("loja", "prov", adopt=True)
        assert await lab.commands.declared.apply([], [declared])
        await lab.until_state("loja", "connected", 60)
        changes = {
            "phone": DeclaredSession("loja", "prov", phone="5511999990002"),
            "policy": DeclaredSession("loja", "prov", phone="5511999990002", policy="seeds"),
            "ref": DeclaredSession("loja", "prov", policy="seeds", ref={"instance_name": "outra"}),
        }
        for what, now in changes.items():
            before = await lab.session("loja")
            (planned,) = await lab.commands.declared.apply([], [now], plan=True)
            assert (planned.what, planned.name, planned.detail) == ("change", "loja", what)
            assert await lab.session("loja") == before
            assert await lab.commands.declared.apply([], [now]) == [planned]
            assert await lab.commands.declared.apply([], [now]) == []
        session = await lab.session("loja")
        assert (session.policy, session.ref) == ("seeds", {"instance_name": "outra"})
        await asyncio.sleep(60)
        assert "/in/" in not_none(other.hook).url

    play(story)


def test_a_provider_that_refuses_a_declared_change_keeps_no_other_from_being_made() -> None:
    async def story(lab: Lab) -> None:
        line = await planted(lab)
        lab.world.plant("prov", "outra", "5511999990002")
        await lab.commands.sessions.create(ask(), "ana")
        await asyncio.sleep(60)
        ours = not_none(line.hook).url
        lab.world.plant("prov", "b", "5511999990003")
        no = HttpResponse(400, {"content-type": "application/json"}, b'{"response": {"message": ["no"]}}')
        Watched(lab, lambda one: no if "webhook/set/loja" in one.url else None)
        moved = DeclaredSession("loja", "prov", ref={"instance_name": "outra"})
        another = DeclaredSession("b", "prov", adopt=True)
        with pytest.raises(CommandError) as caught:
            await lab.commands.declared.apply([], [moved, another])
        assert caught.value.code == "provider-refused"
        told: list[tuple[str, str]] = []
        done = await lab.commands.declared.apply(
            [], [moved, another], left_out=lambda name, why: told.append((name, why.code))
        )
        assert told == [("loja", "provider-refused")]
        assert [(one.what, one.name) for one in done] == [("add", "b")]
        assert line.hook is not None
        assert ((await lab.session("loja")).ref, line.hook.url) == ({"instance_name": "loja"}, ours)
        with pytest.raises(CommandError) as wrong:
            await lab.commands.declared.apply([], [DeclaredSession("c", "nowhere")], left_out=lambda *_: None)
        assert wrong.value.code == "unknown-server"

    play(story)


@pytest.mark.parametrize("at_provider", ["logout", "delete"])
@pytest.mark.parametrize("shows_a_code", [True, False])
def test_a_logout_that_raced_is_looked_at_again(at_provider: AtProvider, shows_a_code: bool) -> None:
    async def story(lab: Lab) -> None:
        if shows_a_code:
            await lab.add_server("prov")
            await lab.commands.sessions.create(SessionRequest("loja", "prov", wait_s=20), "ana")
            assert (await lab.session("loja")).state == "awaiting_qr"
        else:
            await planted(lab)
            await lab.commands.sessions.create(ask(), "ana")
        await asyncio.sleep(5)
        server = lab.world.servers["prov"]
        server.race_rate = 1.0
        assert await lab.commands.session_removal.delete("loja", at_provider, "ana") is None
        assert await lab.store.sessions.by_name(SessionName("loja")) is None
        await asyncio.sleep(60)
        assert ("loja" in server.lines) == (at_provider == "logout")

    play(story)


def test_a_key_that_is_refused_for_minutes_is_one_outage_of_the_server() -> None:
    async def story(lab: Lab) -> None:
        await planted(lab)
        await lab.commands.sessions.create(ask(), "ana")
        await asyncio.sleep(120)
        server = lab.world.servers["prov"]
        works, server.apikey = server.apikey, "another"
        of_type(EvolutionInstance, lab.world.line("prov", "loja")).token = "another"
        message = await lab.send("loja", CUSTOMER, "oi")
        await asyncio.sleep(400)
        assert (await lab.commands.lookup.server("prov", EVERYTHING)).server.health == "refused"
        assert (await lab.message(message)).state in ("queued", "held")
        assert lab.told.phases() == ["opened"]
        server.apikey = works

        async def is_back() -> bool:
            here = (await lab.commands.lookup.server("prov", EVERYTHING)).server.health == "up"
            return here and (await lab.message(message)).state not in ("queued", "held")

        took = await lab.until(is_back, 300)
        assert took <= 30, "75 s and more as long as a refused key opened the line of sends"
        await asyncio.sleep(300)
        assert lab.told.phases() == ["opened", "closed"]
        assert lab.texts_delivered(CUSTOMER) == ["oi"]

    play(story)


def test_while_an_instance_is_given_back_ours_is_not_set_again() -> None:
    async def story(lab: Lab) -> None:
        line = await planted(lab)
        await lab.commands.sessions.create(ask(), "ana")
        await asyncio.sleep(60)
        with lab.gateway.addresses.leaving((await lab.session("loja")).id):
            line.hook = FOREIGN
            await asyncio.sleep(200)
            assert line.hook == FOREIGN
        await lab.until(lambda: _true("/in/" in of_type(WebhookRow, line.hook).url), 2000)

    async def _true(value: bool) -> bool:
        return value

    play(story)
