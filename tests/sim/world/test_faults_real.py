"""Faults that were met in front of a real Evolution API 2.3.7, each with what cures it and what only makes it worse."""

import asyncio

import pytest

from esteio.providers.base import TransportFailed
from esteio.sim.world.faults import Fault, inject
from esteio.sim.world.healing import calm
from tests.sim.world.shop_stage import CLOSED, CONTACT, PHONE, Shop, scene


async def share_closed(shop: Shop, seconds: int) -> float:
    said = []
    for _ in range(seconds * 4):
        said.append(await shop.state())
        await asyncio.sleep(0.25)
    return said.count("close") / len(said)


@scene()
async def test_a_way_that_is_shut_says_close_at_nearly_every_look_and_connecting_by_webhook_only(shop: Shop) -> None:
    inject(shop.world, "evo", None, Fault("network", road="shut", for_s=90))
    await asyncio.sleep(2)
    told = len(shop.events("connection.update"))
    assert await share_closed(shop, 60) > 0.9
    assert len(shop.events("connection.update")) - told > 30
    await asyncio.sleep(60)
    assert shop.truth().alive, "its own loop brings it back"
    assert not shop.world.ledger.duels


@scene()
async def test_a_connect_beside_that_loop_begins_a_duel_that_only_a_new_process_ends(shop: Shop) -> None:
    inject(shop.world, "evo", None, Fault("network", road="shut", for_s=90))
    await asyncio.sleep(10)
    while await shop.state() != "close":
        await asyncio.sleep(0.05)
    await shop.connect()
    (call,) = shop.world.ledger.control_calls(verbs={"connect"})
    assert call.effect == "second_socket"
    await asyncio.sleep(180)
    (duel,) = shop.world.ledger.duels
    assert duel.rounds > 50
    shop.world.restart_server("evo")
    await asyncio.sleep(60)
    rounds = duel.rounds
    await asyncio.sleep(60)
    assert shop.truth().alive
    assert duel.rounds == rounds


@scene()
async def test_connects_that_hang_stay_so_when_whatsapp_is_back_until_a_restart(shop: Shop) -> None:
    inject(shop.world, "evo", None, Fault("network", road="non101", for_s=60))
    await asyncio.sleep(120)
    assert await shop.state() == "connecting"
    await shop.connect()
    assert not shop.truth().alive
    await shop.restart()
    await asyncio.sleep(5)
    assert shop.truth().alive


@pytest.mark.parametrize("code", [1006, 1000])
@pytest.mark.parametrize("known", [True, False], ids=["number known", "number new"])
def test_a_drop_in_the_middle_of_a_send_is_answered_with_the_close_code(code: int, known: bool) -> None:
    @scene()
    async def story(shop: Shop) -> None:
        if not known:
            shop.server.known_numbers.clear()
        shop.inject("send_dropped", code=code)
        status, body = await shop.send("no meio")
        expected = (400, [str(code)]) if known else (500, "Internal Server Error")
        assert (status, body["response"]["message"]) == expected
        await asyncio.sleep(10)
        assert shop.delivered("no meio") == 0
        assert shop.truth().alive
        assert (await shop.send("depois"))[0] == 201

    story()


@pytest.mark.parametrize("how", ["adapter", "prisma", "died"])
def test_a_list_that_could_not_store_what_was_sent(how: str) -> None:
    @scene()
    async def story(shop: Shop) -> None:
        shop.inject("unstored", variant=how)
        if how == "died":
            with pytest.raises(TransportFailed, match="process stopped") as failed:
                await shop.send("sem linha")
            assert failed.value.sent == "maybe"
        else:
            status, body = await shop.send("sem linha")
            assert status == 400
            assert "No space left on device" in str(body)
        await asyncio.sleep(90)
        assert shop.delivered("sem linha") == 1
        assert not shop.events("send.message")
        assert (await shop.ask("POST", "/chat/findMessages/a", {"where": {}}))[1]["messages"]["total"] == 0
        assert (await shop.send("com linha"))[0] == 201
        assert (await shop.ask("POST", "/chat/findMessages/a", {"where": {}}))[1]["messages"]["total"] == 1

    story()


@scene()
async def test_a_late_open_after_an_unlink_that_only_a_new_process_takes_back(shop: Shop) -> None:
    shop.inject("revoked", variant="late_open")
    await asyncio.sleep(30)
    assert await shop.state() == "close"
    await asyncio.sleep(60)
    assert await shop.state() == "open"
    assert await shop.presence() == 400
    assert "state" in (await shop.connect())["instance"]
    assert (await shop.ask("DELETE", "/instance/delete/a"))[0] == 400
    shop.world.restart_server("evo")
    await asyncio.sleep(60)
    assert await shop.state() == "close"
    await shop.connect()
    await asyncio.sleep(3)
    assert shop.line.sock is not None
    shop.world.phone(PHONE).scan(shop.line.sock.qr)
    await asyncio.sleep(10)
    assert shop.truth().alive


@scene()
async def test_a_half_open_line_behind_a_restart_that_worked(shop: Shop) -> None:
    shop.inject("half_open", forever=True, again=1)
    await shop.restart()
    await asyncio.sleep(5)
    assert await shop.state() == "open"
    assert await shop.presence() == 201
    assert CLOSED in str(await shop.send("perdida"))
    assert shop.delivered("perdida") == 0
    assert shop.truth().faults == ("half_open",), "storm seed 40015"
    await shop.restart()
    await asyncio.sleep(5)
    assert (shop.truth().alive, shop.truth().faults) == (True, ())


@pytest.mark.parametrize("kind", ["evolution", "baileys", "wapi"])
def test_a_key_that_is_refused_for_a_while(kind: str) -> None:
    @scene()
    async def story(shop: Shop) -> None:
        server = shop.world.add_server("other", kind)
        shop.world.plant("other", "b", PHONE, token="t")
        inject(shop.world, "other", None, Fault("key_refused", for_s=60))
        path = {"evolution": "/instance/fetchInstances", "baileys": "/sessions", "wapi": "/instance/fetch-instance"}
        shop.server = server
        assert (await shop.ask("GET", path[kind]))[0] == 401
        await asyncio.sleep(61)
        assert server.weather is None

    story()


@scene()
async def test_an_address_that_the_provider_cannot_reach_hears_nothing(shop: Shop) -> None:
    inject(shop.world, "evo", None, Fault("webhook_unreachable"))
    shop.world.contact_sends(PHONE, CONTACT, "oi")
    await asyncio.sleep(3600)
    assert shop.hooks == []
    assert (await shop.ask("POST", "/chat/findMessages/a", {"where": {}}))[1]["messages"]["total"] == 1
    calm(shop.world)
    shop.world.contact_sends(PHONE, CONTACT, "de novo")
    await asyncio.sleep(5)
    assert len(shop.events("messages.upsert")) == 1
