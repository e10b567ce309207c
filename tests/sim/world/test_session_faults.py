"""Faults of one session, each with its real variants: what cures it, what only claims to, what the ledger knows."""

import asyncio

import pytest

from esteio.providers.base import TransportFailed
from esteio.sim.clock.virtual_loop import run_virtual
from tests.sim.world.shop_stage import CLOSED, CONTACT, PHONE, Shop, scene

# -- ghosts ------------------------------------------------------------------------------------------------------


@scene()
async def test_ghost_that_a_restart_cures(shop: Shop) -> None:
    shop.inject("ghost", variant="restart_cures")
    assert await shop.state() == "open"
    assert CLOSED in str(await shop.send())
    assert await shop.presence() == 400
    assert (await shop.ask("DELETE", "/instance/logout/a"))[0] == 500
    assert "state" in (await shop.connect())["instance"]
    assert not shop.truth().alive
    assert await shop.restart() == (200, {"instance": {"instanceName": "a", "state": "open"}})
    await asyncio.sleep(5)
    assert shop.truth().alive
    assert not shop.truth().faults
    assert (await shop.send("voltou"))[0] == 201
    assert not shop.world.ledger.unlinks


@scene()
async def test_ghost_on_which_a_restart_is_a_no_op(shop: Shop) -> None:
    shop.inject("ghost", variant="restart_noop")
    assert await shop.restart() == (200, {"instance": {"instanceName": "a", "state": "open"}})
    await asyncio.sleep(300)
    assert await shop.state() == "open"
    assert not shop.truth().alive
    shop.world.restart_server("evo")
    await asyncio.sleep(60)
    assert shop.truth().alive


@scene("2.3.0")
async def test_ghost_of_the_older_version_on_which_logout_works(shop: Shop) -> None:
    """Seed 001's story: forced logout, then connect, and messages flow; no QR is needed."""
    shop.inject("ghost", variant="old_logout_works")
    status, body = await shop.send()
    assert (status, body["response"]["message"]) == (500, [f"Error: {CLOSED}"])
    assert (await shop.ask("DELETE", "/instance/logout/a"))[0] == 200
    assert await shop.state() == "close"
    assert await shop.connect() == {"count": 0}
    await asyncio.sleep(5)
    assert shop.truth().alive
    assert (await shop.send("voltou"))[0] == 201
    assert not shop.world.ledger.unlinks


@scene()
async def test_half_open_hangs_a_minute_and_is_noticed(shop: Shop) -> None:
    shop.inject("half_open")
    assert await shop.presence() == 201
    began = shop.world.now()
    assert CLOSED in str(await shop.send("perdida"))
    assert shop.world.now() - began > 59
    assert shop.delivered("perdida") == 0
    await asyncio.sleep(10)
    assert shop.truth().alive


@scene()
async def test_half_open_for_ever_needs_a_restart(shop: Shop) -> None:
    shop.inject("half_open", forever=True)
    await asyncio.sleep(3600)
    assert await shop.state() == "open"
    assert not shop.truth().alive
    with pytest.raises(TransportFailed) as failed:
        await shop.send("impaciente", timeout_s=10)
    assert (failed.value.sent, failed.value.timed_out) == ("maybe", True)
    await asyncio.sleep(60)
    assert shop.delivered("impaciente") == 0
    await shop.restart()
    await asyncio.sleep(5)
    assert shop.truth().alive


@scene()
async def test_stuck_connecting_is_cured_by_restart_only(shop: Shop) -> None:
    shop.inject("stuck_connecting")
    await asyncio.sleep(3600)
    assert await shop.state() == "connecting"
    assert await shop.connect() == {"count": 0}
    await asyncio.sleep(60)
    assert not shop.truth().alive
    await shop.restart()
    await asyncio.sleep(5)
    assert shop.truth().alive


@scene()
async def test_stale_registry_is_cured_by_connect(shop: Shop) -> None:
    shop.inject("stale_registry")
    await asyncio.sleep(600)
    rows = (await shop.ask("GET", "/instance/fetchInstances"))[1]
    assert (rows[0]["connectionStatus"], await shop.state()) == ("open", "close")
    assert (await shop.restart())[1] == {"error": True, "message": "[object Object]"}
    await shop.connect()
    await asyncio.sleep(5)
    assert shop.truth().alive


# -- drops, flaps, duels -----------------------------------------------------------------------------------------


@scene()
async def test_a_drop_with_whatsapp_away_tells_only_connecting(shop: Shop) -> None:
    shop.inject("drop", down_s=60)
    await asyncio.sleep(30)
    assert not shop.truth().alive
    came = shop.world.contact_sends(PHONE, CONTACT, "enquanto isso")
    await asyncio.sleep(60)
    assert shop.truth().alive
    states = [told["data"]["state"] for told in shop.events("connection.update")]
    assert set(states) == {"connecting", "open"}
    assert 20 < states.count("connecting") < 80
    assert [told["data"]["key"]["id"] for told in shop.events("messages.upsert")] == [came]


@scene()
async def test_flapping_ends_with_its_time(shop: Shop) -> None:
    shop.inject("flap", for_s=120, opens=0.3)
    await asyncio.sleep(100)
    states = [told["data"]["state"] for told in shop.events("connection.update")]
    assert states.count("connecting") > 40
    assert 0 < states.count("open") < states.count("connecting")
    await asyncio.sleep(120)
    assert shop.truth().alive
    assert not shop.truth().faults


@scene()
async def test_two_connects_at_once_make_a_duel_that_only_a_process_restart_ends(shop: Shop) -> None:
    shop.inject("stale_registry")
    await asyncio.gather(shop.connect(), shop.connect())
    await asyncio.sleep(120)
    (race,) = shop.world.ledger.races
    assert race.linked
    (duel,) = shop.world.ledger.duels
    assert duel.rounds > 50
    assert duel.cause == "connect_race"
    shop.world.restart_server("evo", boot_s=5)
    await asyncio.sleep(60)
    assert shop.truth().alive
    last = duel.last_at
    await asyncio.sleep(600)
    assert shop.world.ledger.duels[-1].last_at == last


@scene()
async def test_logout_ends_a_duel_at_the_price_of_the_link(shop: Shop) -> None:
    shop.inject("stale_registry")
    await asyncio.gather(shop.connect(), shop.connect())
    for _ in range(200):
        if (await shop.ask("DELETE", "/instance/logout/a"))[0] == 200:
            break
        await asyncio.sleep(0.1)
    await asyncio.sleep(60)
    rounds = shop.world.ledger.duels[-1].rounds
    await asyncio.sleep(60)
    assert shop.world.ledger.duels[-1].rounds == rounds
    assert [one.cause for one in shop.world.ledger.unlinks] == ["logout"]


@scene()
async def test_connects_one_after_the_other_make_no_duel(shop: Shop) -> None:
    shop.inject("stale_registry")
    await shop.connect()
    await shop.connect()
    await asyncio.sleep(60)
    assert not shop.world.ledger.duels
    assert not shop.world.ledger.races


@scene()
async def test_a_twin_takes_the_session_while_it_lives(shop: Shop) -> None:
    shop.inject("replaced", for_s=60)
    await asyncio.sleep(50)
    assert shop.world.ledger.duels[-1].cause == "twin"
    assert shop.world.ledger.duels[-1].rounds > 15
    await asyncio.sleep(60)
    assert shop.truth().alive


# -- what costs the link -----------------------------------------------------------------------------------------


@scene()
async def test_revoked_tells_close_and_needs_a_qr(shop: Shop) -> None:
    shop.inject("revoked")
    await asyncio.sleep(2)
    assert [told["data"]["statusReason"] for told in shop.events("connection.update")] == [401]
    order = [told["event"] for _, told in shop.hooks]
    assert order == ["status.instance", "logout.instance", "connection.update"]
    assert (await shop.restart())[1]["error"] is True
    answer = await shop.connect()
    assert answer["code"].startswith("2@")
    shop.world.phone(PHONE).scan(answer["code"])
    await asyncio.sleep(5)
    assert shop.truth().alive
    assert [one.cause for one in shop.world.ledger.unlinks] == ["phone"]


@scene()
async def test_a_temporary_ban_burns_the_link_when_it_expires(shop: Shop) -> None:
    shop.inject("temp_banned", until_s=600)
    await asyncio.sleep(2)
    assert shop.events("connection.update")[0]["data"]["statusReason"] == 402
    await asyncio.sleep(700)
    assert "code" in await shop.connect()
    assert [one.cause for one in shop.world.ledger.unlinks] == ["temp_banned"]


@scene("2.4.0-rc2")
async def test_a_network_blip_costs_a_qr_on_2_4_0(shop: Shop) -> None:
    shop.inject("drop", code=408)
    await asyncio.sleep(30)
    assert not shop.truth().linked
    assert [one.cause for one in shop.world.ledger.unlinks] == ["block_408"]


@scene("2.3.5")
async def test_a_failed_logout_deafens_2_3_5(shop: Shop) -> None:
    shop.inject("ghost")
    assert (await shop.ask("DELETE", "/instance/logout/a"))[0] == 500
    await shop.restart()
    await asyncio.sleep(5)
    shop.world.contact_sends(PHONE, CONTACT, "ninguém ouve")
    await asyncio.sleep(60)
    assert not shop.events("messages.upsert")
    assert shop.world.ledger.inbound[0].swallowed == ["evo/a"]


@scene()
async def test_a_late_clean_up_eats_the_new_pairing(shop: Shop) -> None:
    """The receiver fails while a logout is told; by the time it recovers the session was paired again."""
    shop.answers = lambda event: 500 if event == "logout.instance" else 200
    await shop.ask("DELETE", "/instance/logout/a")
    shop.world.phone(PHONE).scan((await shop.connect())["code"])
    await asyncio.sleep(5)
    assert shop.truth().linked
    shop.answers = lambda event: 200
    await asyncio.sleep(60)
    assert not shop.truth().linked
    assert shop.truth().alive
    assert [one.cause for one in shop.world.ledger.unlinks] == ["logout", "late_cleanup"]


# -- deaf and stalled --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["restart_cures", "only_server_restart"])
def test_deaf_lines_send_and_hear_nothing_until_cured(variant: str) -> None:
    async def main() -> None:
        shop = Shop()
        shop.inject("deaf", variant=variant)
        came = [shop.world.contact_sends(PHONE, CONTACT, f"m{n}") for n in range(3)]
        assert (await shop.send("resposta"))[0] == 201
        await asyncio.sleep(60)
        assert shop.events("messages.update")[0]["data"]["status"] == "DELIVERY_ACK"
        assert not shop.events("messages.upsert")
        await shop.restart()
        await asyncio.sleep(10)
        heard = [told["data"]["key"]["id"] for told in shop.events("messages.upsert")]
        assert heard == (came if variant == "restart_cures" else [])
        shop.world.restart_server("evo", boot_s=5)
        await asyncio.sleep(30)
        assert [told["data"]["key"]["id"] for told in shop.events("messages.upsert")] == came
        assert not shop.world.ledger.never_emitted()

    run_virtual(main, limit_s=3600)


@scene()
async def test_a_stalled_queue_tells_nothing_and_a_server_restart_loses_what_waited(shop: Shop) -> None:
    shop.inject("stalled")
    shop.world.contact_sends(PHONE, CONTACT, "presa")
    assert (await shop.send("passa"))[0] == 201
    await asyncio.sleep(600)
    assert [told["event"] for _, told in shop.hooks] == ["send.message"]
    await shop.restart()
    await asyncio.sleep(60)
    assert await shop.state() == "open"
    assert not shop.truth().alive
    shop.world.restart_server("evo", boot_s=5)
    await asyncio.sleep(30)
    assert shop.truth().alive
    assert not shop.truth().faults
    assert shop.world.ledger.inbound[0].swallowed == ["evo/a"]


@scene()
async def test_a_stall_that_passes_brings_everything_late(shop: Shop) -> None:
    shop.inject("stalled", for_s=300)
    came = shop.world.contact_sends(PHONE, CONTACT, "atrasada")
    await asyncio.sleep(400)
    assert [told["data"]["key"]["id"] for told in shop.events("messages.upsert")] == [came]


# -- acknowledgements --------------------------------------------------------------------------------------------


@scene()
async def test_463_refuses_strangers_after_accepting_them(shop: Shop) -> None:
    shop.inject("ack_error_463", who="cold")
    status, sent = await shop.send("fria")
    assert (status, sent["status"]) == (201, "PENDING")
    await asyncio.sleep(5)
    assert shop.events("messages.update")[0]["data"]["status"] == "ERROR"
    assert shop.delivered("fria") == 0
    shop.world.contact_sends(PHONE, CONTACT, "oi")
    await shop.send("quente")
    assert shop.delivered("quente") == 1


@scene()
async def test_silence_after_acceptance(shop: Shop) -> None:
    shop.inject("ack_silent")
    assert (await shop.send("sumiu"))[0] == 201
    await asyncio.sleep(600)
    assert not shop.events("messages.update")
    assert shop.delivered("sumiu") == 0
    assert shop.world.ledger.refused[0].text == "sumiu"
