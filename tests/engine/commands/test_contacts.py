"""A person's rights: everything that names them is shown, and goes at their word; what grew old loses its words."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from esteio.engine.commands.requests import MediaRequest
from esteio.engine.key_scope import EVERYTHING, Scope
from esteio.sim.lab import Lab
from esteio.sim.world.faults import Fault, inject
from tests.engine.engine_stage import CUSTOMER, OTHER, PHONE, linked, play, until_message
from tests.media_hosts import MediaLab
from tests.postgres_server.raw import raw

SECRET = "meu CPF é 111.222.333-44"
OLD_SPELLING = CUSTOMER[:4] + CUSTOMER[5:]


def _every(_: str) -> bool:
    return True


def _dump(lab: Lab, *, without: str = "") -> str:
    """Every table of the database but one, as text."""
    db = raw(lab.store)
    rows = [row for table in set(db.tables()) - {without} for row in db.rows(f"SELECT * FROM {table}")]
    return "\n".join(str(row) for row in rows)


async def _talked(lab: Lab) -> str:
    await linked(lab)
    lab.world.contact_sends(PHONE, CUSTOMER, SECRET, push_name="Maria das Dores")
    await asyncio.sleep(2)
    message = await lab.send("loja", CUSTOMER, f"recebemos: {SECRET}", client_ref="conversa-77")
    await lab.send("loja", OTHER, "outra pessoa")
    await until_message(lab, message, "delivered", "read", within_s=60)
    await asyncio.sleep(5)
    return message


def test_the_export_holds_what_was_said_in_both_directions_and_nothing_of_others() -> None:
    async def story(lab: Lab) -> None:
        await _talked(lab)
        for spelling in (CUSTOMER, OLD_SPELLING, f"+{CUSTOMER}"):
            _, _, messages = await lab.commands.contacts.export(spelling, EVERYTHING)
            assert [m.content.text for m in messages] == [SECRET, f"recebemos: {SECRET}"]
        assert (await lab.commands.contacts.export(CUSTOMER, Scope(globs=("none",))))[2] == []

    play(story)


def test_after_erasure_no_table_holds_their_words_name_or_number() -> None:
    async def story(lab: Lab) -> None:
        message = await _talked(lab)
        before = await lab.message(message)
        assert SECRET in _dump(lab)
        done = await lab.commands.contacts.erase(CUSTOMER, EVERYTHING)
        assert (done.messages, done.under_way) == (2, 0)
        assert done.events >= 3
        assert done.webhooks >= 2
        dump = _dump(lab)
        assert SECRET not in dump
        assert "Maria das Dores" not in dump
        assert "conversa-77" not in dump
        assert "outra pessoa" in dump
        # The log of events keeps the number as the key of its queue until it is swept; nothing else does.
        assert {line.count(CUSTOMER) > 0 for line in dump.splitlines() if "message." not in line} == {False}
        after = await lab.message(message)
        assert (after.state, after.provider_id, after.attempts) == (before.state, before.provider_id, before.attempts)
        assert after.content.kind == "text"
        assert after.chat.startswith("erased_")
        assert (await lab.commands.contacts.export(CUSTOMER, EVERYTHING))[2] == []

    play(story)


def test_what_waits_for_an_erased_person_is_not_sent_and_the_lane_lives_on() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        await lab.commands.operator_actions.pause("loja", "lab")
        waiting = [await lab.send("loja", CUSTOMER, f"campanha {i}") for i in range(3)]
        await lab.commands.contacts.erase(CUSTOMER, EVERYTHING)
        await lab.commands.operator_actions.resume("loja", "lab")
        await asyncio.sleep(60)
        assert {(await lab.message(one)).state for one in waiting} == {"cancelled"}
        assert lab.texts_delivered(CUSTOMER) == []
        again = await lab.send("loja", CUSTOMER, "a pedido dele")
        await until_message(lab, again, "delivered", within_s=60)

    play(story)


def test_what_is_being_sent_just_then_is_said_and_goes_the_next_time() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        inject(lab.world, "prov", "loja", Fault("slow", seconds=(10.0, 10.0), verbs="send"))
        message = await lab.send("loja", CUSTOMER, SECRET)
        await asyncio.sleep(2)
        assert (await lab.commands.contacts.erase(CUSTOMER, EVERYTHING)).under_way == 1
        await until_message(lab, message, "sent", "delivered", within_s=60)
        await asyncio.sleep(10)
        assert (await lab.commands.contacts.erase(CUSTOMER, EVERYTHING)).under_way == 0
        assert SECRET not in _dump(lab)

    play(story)


def test_a_lid_is_the_same_person() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        lab.world.contact_sends(PHONE, CUSTOMER, "pelo lid", lid="123456789012345@lid")
        await asyncio.sleep(5)
        _, lids, messages = await lab.commands.contacts.export(CUSTOMER, EVERYTHING)
        assert [m.content.text for m in messages] == ["pelo lid"]
        await lab.commands.contacts.erase(CUSTOMER, EVERYTHING)
        dump = _dump(lab)
        assert "pelo lid" not in dump
        for lid in lids:
            assert lid not in dump

    play(story)


@pytest.mark.parametrize("keep", [0, 3600])
def test_old_messages_lose_their_words_and_files_and_stay_counted(keep: int) -> None:
    async def story(lab: MediaLab) -> None:
        await linked(lab)
        lab.world.contact_sends(PHONE, CUSTOMER, SECRET)
        url = lab.media_hosts.put("https://imagens.example/a.png", b"\x89PNG\r\n\x1a\n....")
        sent = await lab.send("loja", CUSTOMER, None, media=MediaRequest("image", url=url))
        await until_message(lab, sent, "delivered", within_s=60)
        media = (await lab.message(sent)).content.media
        assert media is not None
        assert media.stored is not None
        await asyncio.sleep(0.9 * 3600)
        assert SECRET in _dump(lab)
        fresh = await lab.send("loja", CUSTOMER, "palavras novas")
        await asyncio.sleep(0.6 * 3600)
        found = (await lab.store.messages.page((await lab.session("loja")).id, limit=100)).items
        assert len(found) == 3
        if keep:
            # The log of events is swept by its own age.
            assert SECRET not in _dump(lab, without="events")
            assert (await lab.message(sent)).content.media is None
            assert await lab.gateway.media_store.get(media.stored) is None
            assert (await lab.message(fresh)).content.text == "palavras novas"
            assert (await lab.message(sent)).state == "delivered"
        else:
            assert (await lab.message(sent)).content.media is not None
            assert await lab.gateway.media_store.get(media.stored) is not None

    kept = {"bodies_s": keep, "media_s": keep, "webhooks_s": 3600}
    play(story, settings={"retention": _retention(kept)})


def _retention(words: Mapping[str, Any]) -> Any:
    from esteio.config import Retention

    return Retention(**words)
