"""Faults of a server, its answers and its webhooks: what is lost, what comes late, and what ends by itself."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from esteio.providers.base import TransportFailed
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.world.faults import Fault, inject
from esteio.sim.world.healing import calm, heal
from tests.sim.world.shop_stage import CONTACT, PHONE, Shop, scene


@pytest.mark.parametrize("happens", [True, False])
@pytest.mark.parametrize(("how", "timed_out"), [("hang", True), ("cut", False)])
def test_a_lost_response_leaves_the_sender_in_doubt(happens: bool, how: str, timed_out: bool) -> None:
    async def main() -> None:
        shop = Shop()
        shop.inject("lost_response", happens=happens, how=how)
        with pytest.raises(TransportFailed) as failed:
            await shop.send("dúvida")
        assert (failed.value.sent, failed.value.timed_out) == ("maybe", timed_out)
        assert shop.delivered("dúvida") == (1 if happens else 0)
        found = await shop.ask("POST", "/chat/findMessages/a", {"where": {"key": {"fromMe": True}}})
        assert found[1]["messages"]["total"] == (1 if happens else 0)
        assert (await shop.send("depois"))[0] == 201

    run_virtual(main, limit_s=600)


@scene()
async def test_a_client_that_gives_up_does_not_undo_what_it_asked(shop: Shop) -> None:
    shop.inject("slow", seconds=(30, 30), verbs="send")
    with pytest.raises(TransportFailed):
        await shop.send("lenta", timeout_s=5)
    assert shop.delivered("lenta") == 0
    await asyncio.sleep(60)
    assert shop.delivered("lenta") == 1


@scene()
async def test_walls_and_pages_speak_of_the_server_only(shop: Shop) -> None:
    def weather(kind: str, **params: Any) -> None:
        inject(shop.world, "evo", None, Fault(kind, **params))

    weather("licence_wall")
    assert (await shop.ask("GET", "/instance/connectionState/a"))[1]["code"] == "LICENSE_REQUIRED"
    heal(shop.world, "evo")
    weather("html_404")
    status, page = await shop.ask("GET", "/instance/connectionState/a")
    assert (status, page.is_html) == (404, True)
    calm(shop.world)
    weather("errors_5xx", status=502, for_s=60)
    assert (await shop.ask("GET", "/instance/connectionState/a"))[0] == 502
    await asyncio.sleep(61)
    assert await shop.state() == "open"
    assert shop.truth().alive


@scene()
async def test_a_server_that_is_down_refuses_and_comes_back(shop: Shop) -> None:
    inject(shop.world, "evo", None, Fault("server_down", for_s=120, boot_s=10))
    with pytest.raises(TransportFailed) as failed:
        await shop.state()
    assert failed.value.sent == "no"
    assert not shop.truth().alive
    await asyncio.sleep(200)
    assert shop.truth().alive


@scene()
async def test_after_a_boot_instances_are_absent_then_connecting_then_open(shop: Shop) -> None:
    shop.world.restart_server("evo", down_s=2, boot_s=60)
    await asyncio.sleep(2.1)
    seen: list[Any] = []
    deadline = shop.world.now() + 120
    rows = await shop.ask("GET", "/instance/fetchInstances?instanceName=a")
    assert rows[0] == 404
    assert (await shop.connect())["error"] is True
    while shop.world.now() < deadline:
        state = await shop.state()
        if not seen or seen[-1] != state:
            seen.append(state)
        await asyncio.sleep(0.5)
    assert seen == [None, "connecting", "open"]
    assert shop.world.ledger.boots[0].boot_s == 60


@scene()
async def test_a_boot_can_flap_for_minutes(shop: Shop) -> None:
    shop.world.restart_server("evo", down_s=2, boot_s=10, flap_s=180)
    await asyncio.sleep(150)
    states = {told["data"]["state"] for told in shop.events("connection.update")}
    assert states == {"connecting", "open"}
    assert shop.server.booting
    await asyncio.sleep(120)
    assert shop.truth().alive


@scene()
async def test_the_whole_server_loses_its_way_to_whatsapp(shop: Shop) -> None:
    shop.world.plant("evo", "b", "5511955550002")
    inject(shop.world, "evo", None, Fault("network", road="blackhole", for_s=300))
    await asyncio.sleep(60)
    assert not any(truth.alive for truth in shop.world.truths())
    await asyncio.sleep(300)
    assert all(truth.alive for truth in shop.world.truths())


# -- webhooks ----------------------------------------------------------------------------------------------------


@scene()
async def test_a_failing_receiver_is_tried_ten_times_and_order_is_lost(shop: Shop) -> None:
    shop.answers = lambda event: 500
    shop.world.contact_sends(PHONE, CONTACT, "m1")
    await asyncio.sleep(3600)
    times = [at for at, told in shop.hooks if told["event"] == "messages.upsert"]
    gaps = [later - sooner for sooner, later in pairwise(times)]
    assert len(times) == 10
    assert gaps[0] >= 5
    assert all(0.8 * 5 * 2**n <= gap <= 1.2 * 5 * 2**n for n, gap in enumerate(gaps[1:5], 1))
    assert max(gaps) <= 360
    assert shop.world.ledger.inbound[0].emitted[0].answered == 500


@scene()
async def test_retries_die_with_the_process(shop: Shop) -> None:
    shop.answers = lambda event: 500
    shop.world.contact_sends(PHONE, CONTACT, "m1")
    await asyncio.sleep(12)
    tried = len(shop.events("messages.upsert"))
    shop.world.restart_server("evo", down_s=0, boot_s=5)
    await asyncio.sleep(3600)
    assert len(shop.events("messages.upsert")) == tried


@scene()
async def test_a_logout_is_told_once(shop: Shop) -> None:
    await shop.ask("DELETE", "/instance/logout/a")
    await asyncio.sleep(5)
    assert [told["event"] for _, told in shop.hooks] == ["status.instance", "logout.instance", "connection.update"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_some_answers_end_the_series_at_once(status: int) -> None:
    async def main() -> None:
        shop = Shop()
        shop.answers = lambda event: status
        shop.world.contact_sends(PHONE, CONTACT, "m1")
        await asyncio.sleep(3600)
        assert len(shop.events("messages.upsert")) == 1

    run_virtual(main, limit_s=7200)


@scene()
async def test_webhooks_late_lost_and_doubled(shop: Shop) -> None:
    shop.inject("webhook_late", late_s=(600, 700), events=["messages.upsert"])
    shop.world.contact_sends(PHONE, CONTACT, "tarde")
    await asyncio.sleep(60)
    assert not shop.events("messages.upsert")
    await asyncio.sleep(700)
    assert len(shop.events("messages.upsert")) == 1
    heal(shop.world, "evo", "a")
    shop.inject("webhook_doubled")
    shop.world.contact_sends(PHONE, CONTACT, "duas vezes")
    await asyncio.sleep(5)
    assert len(shop.events("messages.upsert")) == 3
    heal(shop.world, "evo", "a")
    shop.inject("webhook_lost")
    shop.world.contact_sends(PHONE, CONTACT, "nunca")
    await asyncio.sleep(600)
    assert len(shop.events("messages.upsert")) == 3
    assert shop.world.ledger.inbound[-1].emitted[0].posts == 0


@pytest.mark.parametrize("variant", ["gone", "events", "disabled", "url"])
def test_a_forgotten_webhook_is_set_again(variant: str) -> None:
    async def main() -> None:
        shop = Shop()
        shop.inject("webhook_forgotten", variant=variant)
        shop.world.contact_sends(PHONE, CONTACT, "ao vento")
        await asyncio.sleep(1)
        assert all(told["destination"] != "http://gateway.sim/in/t" for _, told in shop.hooks)
        hook = {"enabled": True, "url": "http://gateway.sim/in/t", "events": ["MESSAGES_UPSERT"]}
        assert (await shop.ask("POST", "/webhook/set/a", {"webhook": hook}))[0] == 201
        shop.world.contact_sends(PHONE, CONTACT, "ouvida")
        await asyncio.sleep(1)
        assert shop.events("messages.upsert")[-1]["data"]["message"] == {"conversation": "ouvida"}

    run_virtual(main, limit_s=60)
