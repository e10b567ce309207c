"""A send whose answer was lost is found by its echo, and in the provider's list, in the other spelling."""

import asyncio


async def replay(lab, given):
    await by_echo(lab, given)
    for mine, theirs in (("5491123456780", "541123456780"), ("+525512345678", "5215512345678")):
        await by_list(lab, mine, theirs)
    await unknown_spelling(lab)


async def by_echo(lab, given):
    lab.loses_answers("/message/sendText/")
    sent = await lab.asked("POST", "/v1/sessions/e/messages", given["request"], status=202)
    await asyncio.sleep(2)
    assert (await lab.message(sent["id"])).state == "in_doubt"
    await lab.post_all(given["webhooks"])
    assert (await lab.message(sent["id"])).state == "sent"
    assert len(lab.wire.sends()) == 1
    lab.wire.answers.clear()


def record(lab, jid, text, provider_id):
    key = {"remoteJid": f"{jid}@s.whatsapp.net", "fromMe": True, "id": provider_id}
    return {"key": key, "message": {"conversation": text}, "messageTimestamp": int(lab.clock.now())}


async def in_doubt(lab, to, jid, text):
    """Sent without an answer, and the list shows it for `jid`; half an hour later."""
    before = len(lab.wire.sends())
    lab.loses_answers("/message/sendText/")
    listed = [record(lab, jid, text, f"LIST{before}"), record(lab, "5511900000000", "outra", f"OTHER{before}")]
    page = {"messages": {"total": 2, "pages": 1, "currentPage": 1, "records": listed}}
    lab.answers("POST", "/chat/findMessages/", 200, page)
    sent = await lab.asked("POST", "/v1/sessions/e/messages", {"to": to, "text": text}, status=202)
    await asyncio.sleep(1800)
    assert len(lab.wire.sends()) == before + 1
    lab.wire.answers.clear()
    return await lab.message(sent["id"])


async def by_list(lab, mine, theirs):
    assert (await in_doubt(lab, mine, theirs, f"para {mine}")).state == "sent"


async def unknown_spelling(lab):
    """A spelling that we do not know: nobody can tell, so it is not sent again."""
    message = await in_doubt(lab, "+4915112345678", "49015112345678", "Hallo")
    assert (message.state, message.reason.code) == ("in_doubt", "in-doubt-held")
