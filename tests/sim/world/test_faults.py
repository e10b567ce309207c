"""Each fault with its real variants: what cures it, what only claims to, and what the ledger knows of it."""

import asyncio
from itertools import pairwise

import msgspec
import pytest

from esteio.providers.base import HttpRequest, TransportFailed
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.world.faults import KINDS, Fault
from esteio.sim.world.transport import SimTransport
from esteio.sim.world.world import World

PHONE, CONTACT = "5511955550001", "5511988887777"
CLOSED = "Connection Closed"


class Shop:
    """One Evolution server with one session that has been well for long, and a client before it."""

    def __init__(self, version="2.3.7", seed=3):
        self.world = World(seed)
        self.server = self.world.add_server("evo", "evolution", version)
        self.server.race_rate = 0.0
        self.line = self.world.plant("evo", "a", PHONE, webhook_url="http://gateway.sim/in/t")
        self.server.known_numbers.add(CONTACT)
        self.client = SimTransport(self.world)
        self.hooks = []
        self.world.on_webhook = self.receive
        self.answers = lambda _event: 200

    async def receive(self, url, headers, body):
        told = msgspec.json.decode(body)
        self.hooks.append((self.world.now(), told))
        return self.answers(told["event"])

    async def ask(self, method, path, body=None, timeout_s=75.0):
        raw = b"" if body is None else msgspec.json.encode(body)
        request = HttpRequest(method, f"{self.server.base_url}{path}", {"apikey": "SIM-KEY"}, raw, timeout_s)
        response = await self.client.exchange(request)
        return response.status, response.json() if not response.is_html else response

    async def send(self, text="oi", timeout_s=75.0):
        return await self.ask("POST", "/message/sendText/a", {"number": CONTACT, "text": text}, timeout_s)

    async def state(self):
        return (await self.ask("GET", "/instance/connectionState/a"))[1]["instance"].get("state")

    async def presence(self):
        return (await self.ask("POST", "/instance/setPresence/a", {"presence": "unavailable"}))[0]

    async def restart(self):
        return await self.ask("POST", "/instance/restart/a")

    async def connect(self):
        return (await self.ask("GET", "/instance/connect/a"))[1]

    def inject(self, kind, **params):
        self.world.inject("evo", "a", Fault(kind, **params))

    @property
    def truth(self):
        return self.world.truth("evo", "a")

    def events(self, name):
        return [told for _, told in self.hooks if told["event"] == name]

    def delivered(self, text):
        return self.world.ledger.times_delivered(CONTACT, text)


def scene(version="2.3.7", limit_s=4 * 86400):
    def wrap(coroutine):
        def test():
            async def main():
                await coroutine(Shop(version))

            run_virtual(main, limit_s=limit_s)

        test.__name__ = coroutine.__name__
        return test

    return wrap


# -- ghosts ------------------------------------------------------------------------------------------------------


@scene()
async def test_ghost_that_a_restart_cures(shop):
    shop.inject("ghost", variant="restart_cures")
    assert await shop.state() == "open"
    assert CLOSED in str(await shop.send())
    assert await shop.presence() == 400
    assert (await shop.ask("DELETE", "/instance/logout/a"))[0] == 500
    assert "state" in (await shop.connect())["instance"]
    assert not shop.truth.alive
    assert await shop.restart() == (200, {"instance": {"instanceName": "a", "state": "open"}})
    await asyncio.sleep(5)
    assert shop.truth.alive
    assert not shop.truth.faults
    assert (await shop.send("voltou"))[0] == 201
    assert not shop.world.ledger.unlinks


@scene()
async def test_ghost_on_which_a_restart_is_a_no_op(shop):
    shop.inject("ghost", variant="restart_noop")
    assert await shop.restart() == (200, {"instance": {"instanceName": "a", "state": "open"}})
    await asyncio.sleep(300)
    assert await shop.state() == "open"
    assert not shop.truth.alive
    shop.world.restart_server("evo")
    await asyncio.sleep(60)
    assert shop.truth.alive


@scene("2.3.0")
async def test_ghost_of_the_older_version_on_which_logout_works(shop):
    """Seed 001's story: forced logout, then connect, and messages flow; no QR is needed."""
    shop.inject("ghost", variant="old_logout_works")
    status, body = await shop.send()
    assert (status, body["response"]["message"]) == (500, [f"Error: {CLOSED}"])
    assert (await shop.ask("DELETE", "/instance/logout/a"))[0] == 200
    assert await shop.state() == "close"
    assert await shop.connect() == {"count": 0}
    await asyncio.sleep(5)
    assert shop.truth.alive
    assert (await shop.send("voltou"))[0] == 201
    assert not shop.world.ledger.unlinks


@scene()
async def test_half_open_hangs_a_minute_and_is_noticed(shop):
    shop.inject("half_open")
    assert await shop.presence() == 201
    began = shop.world.now()
    assert CLOSED in str(await shop.send("perdida"))
    assert shop.world.now() - began > 59
    assert shop.delivered("perdida") == 0
    await asyncio.sleep(10)
    assert shop.truth.alive


@scene()
async def test_half_open_for_ever_needs_a_restart(shop):
    shop.inject("half_open", forever=True)
    await asyncio.sleep(3600)
    assert await shop.state() == "open"
    assert not shop.truth.alive
    with pytest.raises(TransportFailed) as failed:
        await shop.send("impaciente", timeout_s=10)
    assert (failed.value.sent, failed.value.timed_out) == ("maybe", True)
    await asyncio.sleep(60)
    assert shop.delivered("impaciente") == 0
    await shop.restart()
    await asyncio.sleep(5)
    assert shop.truth.alive


@scene()
async def test_stuck_connecting_is_cured_by_restart_only(shop):
    shop.inject("stuck_connecting")
    await asyncio.sleep(3600)
    assert await shop.state() == "connecting"
    assert await shop.connect() == {"count": 0}
    await asyncio.sleep(60)
    assert not shop.truth.alive
    await shop.restart()
    await asyncio.sleep(5)
    assert shop.truth.alive


@scene()
async def test_stale_registry_is_cured_by_connect(shop):
    shop.inject("stale_registry")
    await asyncio.sleep(600)
    rows = (await shop.ask("GET", "/instance/fetchInstances"))[1]
    assert (rows[0]["connectionStatus"], await shop.state()) == ("open", "close")
    assert (await shop.restart())[1] == {"error": True, "message": "[object Object]"}
    await shop.connect()
    await asyncio.sleep(5)
    assert shop.truth.alive


# -- drops, flaps, duels -----------------------------------------------------------------------------------------


@scene()
async def test_a_drop_with_whatsapp_away_tells_only_connecting(shop):
    shop.inject("drop", down_s=60)
    await asyncio.sleep(30)
    assert not shop.truth.alive
    came = shop.world.contact_sends(PHONE, CONTACT, "enquanto isso")
    await asyncio.sleep(60)
    assert shop.truth.alive
    states = [told["data"]["state"] for told in shop.events("connection.update")]
    assert set(states) == {"connecting", "open"}
    assert 20 < states.count("connecting") < 80
    assert [told["data"]["key"]["id"] for told in shop.events("messages.upsert")] == [came]


@scene()
async def test_flapping_ends_with_its_time(shop):
    shop.inject("flap", for_s=120, opens=0.3)
    await asyncio.sleep(100)
    states = [told["data"]["state"] for told in shop.events("connection.update")]
    assert states.count("connecting") > 40
    assert 0 < states.count("open") < states.count("connecting")
    await asyncio.sleep(120)
    assert shop.truth.alive
    assert not shop.truth.faults


@scene()
async def test_two_connects_at_once_make_a_duel_that_only_a_process_restart_ends(shop):
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
    assert shop.truth.alive
    last = duel.last_at
    await asyncio.sleep(600)
    assert shop.world.ledger.duels[-1].last_at == last


@scene()
async def test_logout_ends_a_duel_at_the_price_of_the_link(shop):
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
async def test_connects_one_after_the_other_make_no_duel(shop):
    shop.inject("stale_registry")
    await shop.connect()
    await shop.connect()
    await asyncio.sleep(60)
    assert not shop.world.ledger.duels
    assert not shop.world.ledger.races


@scene()
async def test_a_twin_takes_the_session_while_it_lives(shop):
    shop.inject("replaced", for_s=60)
    await asyncio.sleep(50)
    assert shop.world.ledger.duels[-1].cause == "twin"
    assert shop.world.ledger.duels[-1].rounds > 15
    await asyncio.sleep(60)
    assert shop.truth.alive


# -- what costs the link -----------------------------------------------------------------------------------------


@scene()
async def test_revoked_tells_close_and_needs_a_qr(shop):
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
    assert shop.truth.alive
    assert [one.cause for one in shop.world.ledger.unlinks] == ["phone"]


@scene()
async def test_a_temporary_ban_burns_the_link_when_it_expires(shop):
    shop.inject("temp_banned", until_s=600)
    await asyncio.sleep(2)
    assert shop.events("connection.update")[0]["data"]["statusReason"] == 402
    await asyncio.sleep(700)
    assert "code" in await shop.connect()
    assert [one.cause for one in shop.world.ledger.unlinks] == ["temp_banned"]


@scene("2.4.0-rc2")
async def test_a_network_blip_costs_a_qr_on_2_4_0(shop):
    shop.inject("drop", code=408)
    await asyncio.sleep(30)
    assert not shop.truth.linked
    assert [one.cause for one in shop.world.ledger.unlinks] == ["block_408"]


@scene("2.3.5")
async def test_a_failed_logout_deafens_2_3_5(shop):
    shop.inject("ghost")
    assert (await shop.ask("DELETE", "/instance/logout/a"))[0] == 500
    await shop.restart()
    await asyncio.sleep(5)
    shop.world.contact_sends(PHONE, CONTACT, "ninguém ouve")
    await asyncio.sleep(60)
    assert not shop.events("messages.upsert")
    assert shop.world.ledger.inbound[0].swallowed == ["evo/a"]


@scene()
async def test_a_late_clean_up_eats_the_new_pairing(shop):
    """The receiver fails while a logout is told; by the time it recovers the session was paired again."""
    shop.answers = lambda event: 500 if event == "logout.instance" else 200
    await shop.ask("DELETE", "/instance/logout/a")
    shop.world.phone(PHONE).scan((await shop.connect())["code"])
    await asyncio.sleep(5)
    assert shop.truth.linked
    shop.answers = lambda event: 200
    await asyncio.sleep(60)
    assert not shop.truth.linked
    assert shop.truth.alive
    assert [one.cause for one in shop.world.ledger.unlinks] == ["logout", "late_cleanup"]


# -- deaf and stalled --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["restart_cures", "only_server_restart"])
def test_deaf_lines_send_and_hear_nothing_until_cured(variant):
    async def main():
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
async def test_a_stalled_queue_tells_nothing_and_a_server_restart_loses_what_waited(shop):
    shop.inject("stalled")
    shop.world.contact_sends(PHONE, CONTACT, "presa")
    assert (await shop.send("passa"))[0] == 201
    await asyncio.sleep(600)
    assert [told["event"] for _, told in shop.hooks] == ["send.message"]
    await shop.restart()
    await asyncio.sleep(60)
    assert await shop.state() == "open"
    assert not shop.truth.alive
    shop.world.restart_server("evo", boot_s=5)
    await asyncio.sleep(30)
    assert shop.truth.alive
    assert not shop.truth.faults
    assert shop.world.ledger.inbound[0].swallowed == ["evo/a"]


@scene()
async def test_a_stall_that_passes_brings_everything_late(shop):
    shop.inject("stalled", for_s=300)
    came = shop.world.contact_sends(PHONE, CONTACT, "atrasada")
    await asyncio.sleep(400)
    assert [told["data"]["key"]["id"] for told in shop.events("messages.upsert")] == [came]


# -- acknowledgements --------------------------------------------------------------------------------------------


@scene()
async def test_463_refuses_strangers_after_accepting_them(shop):
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
async def test_silence_after_acceptance(shop):
    shop.inject("ack_silent")
    assert (await shop.send("sumiu"))[0] == 201
    await asyncio.sleep(600)
    assert not shop.events("messages.update")
    assert shop.delivered("sumiu") == 0
    assert shop.world.ledger.refused[0].text == "sumiu"


# -- the server and its weather ----------------------------------------------------------------------------------


@pytest.mark.parametrize("happens", [True, False])
@pytest.mark.parametrize(("how", "timed_out"), [("hang", True), ("cut", False)])
def test_a_lost_response_leaves_the_sender_in_doubt(happens, how, timed_out):
    async def main():
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
async def test_a_client_that_gives_up_does_not_undo_what_it_asked(shop):
    shop.inject("slow", seconds=(30, 30), verbs="send")
    with pytest.raises(TransportFailed):
        await shop.send("lenta", timeout_s=5)
    assert shop.delivered("lenta") == 0
    await asyncio.sleep(60)
    assert shop.delivered("lenta") == 1


@scene()
async def test_walls_and_pages_speak_of_the_server_only(shop):
    def weather(kind, **params):
        shop.world.inject("evo", None, Fault(kind, **params))

    weather("licence_wall")
    assert (await shop.ask("GET", "/instance/connectionState/a"))[1]["code"] == "LICENSE_REQUIRED"
    shop.world.heal("evo")
    weather("html_404")
    status, page = await shop.ask("GET", "/instance/connectionState/a")
    assert (status, page.is_html) == (404, True)
    shop.world.calm()
    weather("errors_5xx", status=502, for_s=60)
    assert (await shop.ask("GET", "/instance/connectionState/a"))[0] == 502
    await asyncio.sleep(61)
    assert await shop.state() == "open"
    assert shop.truth.alive


@scene()
async def test_a_server_that_is_down_refuses_and_comes_back(shop):
    shop.world.inject("evo", None, Fault("server_down", for_s=120, boot_s=10))
    with pytest.raises(TransportFailed) as failed:
        await shop.state()
    assert failed.value.sent == "no"
    assert not shop.truth.alive
    await asyncio.sleep(200)
    assert shop.truth.alive


@scene()
async def test_after_a_boot_instances_are_absent_then_connecting_then_open(shop):
    shop.world.restart_server("evo", down_s=2, boot_s=60)
    await asyncio.sleep(2.1)
    seen, deadline = [], shop.world.now() + 120
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
async def test_a_boot_can_flap_for_minutes(shop):
    shop.world.restart_server("evo", down_s=2, boot_s=10, flap_s=180)
    await asyncio.sleep(150)
    states = {told["data"]["state"] for told in shop.events("connection.update")}
    assert states == {"connecting", "open"}
    assert shop.server.booting
    await asyncio.sleep(120)
    assert shop.truth.alive


@scene()
async def test_the_whole_server_loses_its_way_to_whatsapp(shop):
    shop.world.plant("evo", "b", "5511955550002")
    shop.world.inject("evo", None, Fault("network", road="blackhole", for_s=300))
    await asyncio.sleep(60)
    assert not any(truth.alive for truth in shop.world.truths())
    await asyncio.sleep(300)
    assert all(truth.alive for truth in shop.world.truths())


# -- webhooks ----------------------------------------------------------------------------------------------------


@scene()
async def test_a_failing_receiver_is_tried_ten_times_and_order_is_lost(shop):
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
async def test_retries_die_with_the_process(shop):
    shop.answers = lambda event: 500
    shop.world.contact_sends(PHONE, CONTACT, "m1")
    await asyncio.sleep(12)
    tried = len(shop.events("messages.upsert"))
    shop.world.restart_server("evo", down_s=0, boot_s=5)
    await asyncio.sleep(3600)
    assert len(shop.events("messages.upsert")) == tried


@scene()
async def test_a_logout_is_told_once(shop):
    await shop.ask("DELETE", "/instance/logout/a")
    await asyncio.sleep(5)
    assert [told["event"] for _, told in shop.hooks] == ["status.instance", "logout.instance", "connection.update"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_some_answers_end_the_series_at_once(status):
    async def main():
        shop = Shop()
        shop.answers = lambda event: status
        shop.world.contact_sends(PHONE, CONTACT, "m1")
        await asyncio.sleep(3600)
        assert len(shop.events("messages.upsert")) == 1

    run_virtual(main, limit_s=7200)


@scene()
async def test_webhooks_late_lost_and_doubled(shop):
    shop.inject("webhook_late", late_s=(600, 700), events=["messages.upsert"])
    shop.world.contact_sends(PHONE, CONTACT, "tarde")
    await asyncio.sleep(60)
    assert not shop.events("messages.upsert")
    await asyncio.sleep(700)
    assert len(shop.events("messages.upsert")) == 1
    shop.world.heal("evo", "a")
    shop.inject("webhook_doubled")
    shop.world.contact_sends(PHONE, CONTACT, "duas vezes")
    await asyncio.sleep(5)
    assert len(shop.events("messages.upsert")) == 3
    shop.world.heal("evo", "a")
    shop.inject("webhook_lost")
    shop.world.contact_sends(PHONE, CONTACT, "nunca")
    await asyncio.sleep(600)
    assert len(shop.events("messages.upsert")) == 3
    assert shop.world.ledger.inbound[-1].emitted[0].posts == 0


@pytest.mark.parametrize("variant", ["gone", "events", "disabled", "url"])
def test_a_forgotten_webhook_is_set_again(variant):
    async def main():
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


# -- the vocabulary itself ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_word_can_be_said_healed_and_leaves_a_mark(kind):
    async def main():
        shop = Shop()
        shop.world.inject("evo", "a" if KINDS[kind].scope == "session" else None, Fault(kind))
        assert shop.world.ledger.faults[0].kind == kind
        await asyncio.sleep(5)
        shop.world.heal()
        await asyncio.sleep(90)
        if kind not in ("revoked", "banned", "temp_banned"):
            assert shop.truth.alive
            assert shop.truth.can_send
            assert shop.truth.can_receive
            assert not shop.truth.faults

    run_virtual(main, limit_s=600)


def test_unknown_words_are_refused():
    async def main():
        shop = Shop()
        with pytest.raises(ValueError, match="unknown fault"):
            shop.inject("gremlin")
        with pytest.raises(ValueError, match="needs a session"):
            shop.world.inject("evo", None, Fault("ghost"))
        with pytest.raises(KeyError):
            shop.world.inject("evo", "nobody", Fault("ghost"))

    run_virtual(main)


def test_calm_ends_the_weather_and_repairs_nothing():
    async def main():
        shop = Shop()
        shop.inject("ghost")
        shop.inject("ack_error_463")
        shop.world.inject("evo", None, Fault("slow"))
        shop.world.calm()
        await asyncio.sleep(600)
        assert shop.truth.faults == ("ghost",)
        assert shop.line.ack_error == ""
        assert shop.server.weather is None
        assert not shop.truth.alive

    run_virtual(main)


# -- repeatable and cheap ----------------------------------------------------------------------------------------


def story(seed):
    async def main():
        shop = Shop(seed=seed)
        for kind, params in [("flap", {"for_s": 30}), ("half_open", {}), ("replaced", {"times": 5})]:
            shop.inject(kind, **params)
            for n in range(20):
                shop.world.contact_sends(PHONE, CONTACT, f"{kind} {n}")
                await shop.send(f"{kind} {n}")
                await asyncio.sleep(7)
        return shop.world.ledger.document(last=10_000), [(at, told["event"]) for at, told in shop.hooks]

    return run_virtual(main, limit_s=86400)


def test_the_same_seed_tells_the_same_story():
    assert story(5) == story(5)
    assert story(5) != story(6)


def test_a_fleet_that_is_well_costs_nothing():
    """200 sessions for a day: not one timer of the world is set while nothing happens."""

    async def main():
        world = World(1)
        world.add_server("evo", "evolution")
        world.add_server("bai", "baileys")
        for n in range(200):
            world.plant("evo" if n % 2 else "bai", f"s{n}", f"55119555{n:05d}")
        loop = asyncio.get_running_loop()
        assert not loop._scheduled
        await asyncio.sleep(86400)
        assert not loop._scheduled
        assert all(truth.alive for truth in world.truths())

    run_virtual(main)
