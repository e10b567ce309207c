"""A number that is valid in two countries is nobody's, until the session knows the chat; then it is that chat's."""


async def to(lab, body, status=202):
    return await lab.asked("POST", "/v1/sessions/e/messages", body, status=status)


async def replay(lab, given):
    peru, chile, denmark, spain, padded, short = given["requests"]
    for body in (peru, denmark, spain):
        problem = await to(lab, body, 400)
        assert problem["code"] == "ambiguous-phone"
        assert problem["candidates"] == [f"+{body['to']}", f"+55{body['to']}"]
    assert (await to(lab, chile))["chat"] == chile["to"]
    assert (await to(lab, padded))["chat"] == "5511987654321"
    assert (await to(lab, short, 400))["code"] == "invalid-phone"

    await lab.post_all(given["webhooks"])
    for provider_id in ("IN02A", "IN02B"):
        got = await lab.received(provider_id)
        answer = await to(lab, {"to": got["from"], "text": "respuesta"})
        assert answer["chat"] == answer["to"] == got["chat"]
        assert "read_as" not in answer
    await lab.settles()
    assert [one["number"] for one in lab.wire.sends()] == [chile["to"], "5511987654321", peru["to"], chile["to"]]
