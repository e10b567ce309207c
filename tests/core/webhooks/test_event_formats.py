"""How events leave: words, ids, CloudEvents; and the Evolution format against what a real Evolution sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from esteio.core.model.content import (
    Button,
    Contact,
    Content,
    Kind,
    Location,
    Media,
    Order,
    Poll,
    Product,
    Reaction,
    Reply,
)
from esteio.core.model.ids import MessageId, SessionId, SessionName
from esteio.core.model.message import Direction, Message, MessageState
from esteio.core.model.state import Reason
from esteio.core.views import documents
from esteio.core.webhooks import event_formats, evolution_format
from esteio.core.webhooks.delivery_policy import EVENT_TYPES
from esteio.core.webhooks.evolution_names import Instance
from esteio.texts import catalogue

WEBHOOKS = Path(__file__).resolve().parent.parent.parent / "recordings" / "evolution-2.3.7" / "webhooks"
AT = 1_795_247_455.25
INSTANCE = Instance("s1", "ded7fbae-0736-4d7e-a5fe-575009a67a69")
# Of a recorded body: what only a phone or a provider's database knows, and we do not pretend to.
NOT_OURS = {"contextInfo", "sender"}


def stored(
    kind: Kind = "text", *, direction: Direction = "in", state: MessageState = "delivered", **content: Any
) -> Message:
    return Message(
        id=MessageId("msg_1"),
        session_id=SessionId(1),
        session=SessionName("s1"),
        direction=direction,
        chat="5511988887777",
        content=Content(kind=kind, **content),
        state=state,
        created_at=AT,
        updated_at=AT,
        to="5511988887777" if direction == "out" else None,
        sender="5511988887777" if direction == "in" else None,
        provider_id="3EB0FCE778A25DB799648D",
    )


def message(
    kind: Kind = "text", *, direction: Direction = "in", state: MessageState = "delivered", **content: Any
) -> dict[str, Any]:
    return documents.message_document(stored(kind, direction=direction, state=state, **content))


def recorded(event: str, kind: str | None = None, state: str | None = None) -> dict[str, Any]:
    """The first recorded body of an event (of a messageType, a state)."""
    for path in sorted(WEBHOOKS.glob("*.json")):
        body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["body"]
        data = body.get("data") or {}
        if body["event"] == event and kind in (None, data.get("messageType")) and state in (None, data.get("state")):
            return body
    raise AssertionError(f"nothing recorded of {event} {kind}")


def shape(value: Any) -> Any:
    """Keys and types, at any depth."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items() if name not in NOT_OURS}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "null" if value is None else type(value).__name__


def all_said(kind: str, document: dict[str, Any], instance: Instance = INSTANCE) -> list[dict[str, Any]]:
    return [
        evolution_format.envelope(
            event, data, instance=instance, url="https://x.example", at=AT, server_url="http://esteio"
        )
        for event, data in evolution_format.said(kind, document, instance)
    ]


def said(kind: str, document: dict[str, Any]) -> dict[str, Any]:
    (body,) = all_said(kind, document)
    return body


def same_shape(
    ours: dict[str, Any],
    theirs: dict[str, Any],
    *,
    without: tuple[str, ...] = (),
    beside: tuple[str, ...] = (),
) -> None:
    ours, theirs = shape(ours), shape(theirs)
    theirs["apikey"] = "null"
    for name in without:
        theirs["data"].pop(name)
    for name in beside:
        ours["data"].pop(name)
    assert ours == theirs


def test_a_received_text() -> None:
    ours = said("message.received", {**message(text="Bom dia, tem estoque?"), "push_name": "Cliente"})
    theirs = recorded("messages.upsert", "conversation")
    same_shape(ours, theirs)
    for name in ("key", "pushName", "status", "message", "messageType", "messageTimestamp"):
        assert ours["data"][name] == theirs["data"][name], name
    assert ours["date_time"] == "2026-11-21T07:50:55.250Z"


def test_a_received_reaction() -> None:
    content: dict[str, Any] = {"reaction": Reaction("msg_9", "❤", provider_id="X", from_me=True)}
    ours = said("message.reaction", {**message("reaction", **content), "push_name": "Cliente"})
    theirs = recorded("messages.upsert", "reactionMessage")
    theirs["data"]["message"]["reactionMessage"]["key"].pop("participant")
    same_shape(ours, theirs)
    assert ours["data"]["message"]["reactionMessage"]["key"] == theirs["data"]["message"]["reactionMessage"]["key"]


@pytest.mark.parametrize(
    ("chat", "participant"),
    [
        ("120363000000000001@g.us", "5511999990001@s.whatsapp.net"),
        ("status@broadcast", "5511999990001@s.whatsapp.net"),
        ("120363000000000006@newsletter", ""),
    ],
)
def test_where_many_write_the_author_stands_beside_the_chat(chat: str, participant: str) -> None:
    named = {**message(text="oi"), "chat": chat, "from": "5511999990001"}
    key = said("message.received", named)["data"]["key"]
    assert (key["remoteJid"], key["participant"]) == (chat, participant)


@pytest.mark.parametrize(
    ("kind", "content", "recorded_kind"),
    [
        ("text", {"text": "Olá, tudo bem?"}, "conversation"),
        ("location", {"location": Location(-23.5, -46.6, "Loja", "Rua 1")}, "locationMessage"),
        ("contacts", {"contacts": (Contact("Ana", "5511999990002"),)}, "contactMessage"),
        ("poll", {"poll": Poll("Q?", ("a", "b"))}, "pollCreationMessageV3"),
    ],
)
def test_a_sent_message(kind: Kind, content: dict[str, Any], recorded_kind: str) -> None:
    ours = said("message.state_changed", message(kind, direction="out", state="sent", **content))
    theirs = recorded("send.message", recorded_kind)
    for body in theirs["data"]["message"].values():
        if isinstance(body, dict):
            body.pop("messageContextInfo", None)
    assert ours["event"] == "send.message"
    ours_message, theirs_message = shape(ours["data"].pop("message")), shape(theirs["data"].pop("message"))
    body, recorded_body = ours_message[recorded_kind], theirs_message[recorded_kind]
    if kind == "text":
        assert body == recorded_body
    else:
        assert body
        assert body.items() <= recorded_body.items()
    assert list(ours_message) == [name for name in theirs_message if name != "messageContextInfo"]
    same_shape(ours, theirs, beside=("providerId",))
    assert ours["data"]["key"]["id"] == "msg_1", "the id that a client of the door was given"


def test_several_cards_are_one_list() -> None:
    cards = (Contact("Ana", "5511999990002"), Contact("Bia", "5511999990003"))
    ours = said("message.received", message("contacts", contacts=cards))["data"]
    assert ours["messageType"] == "contactsArrayMessage"
    listed = ours["message"]["contactsArrayMessage"]["contacts"]
    assert [card["displayName"] for card in listed] == ["Ana", "Bia"]
    assert "TEL;waid=5511999990003:+5511999990003" in listed[1]["vcard"]


OFFERED = (
    Button("Sim", id="1"),
    Button("Site", url="https://x.example"),
    Button("Ligar", phone="+5511"),
    Button("Pix", code="K"),
)


def test_an_offer_that_went_out() -> None:
    ours = said("message.state_changed", message("buttons", direction="out", state="sent", text="t", buttons=OFFERED))
    assert ours["data"]["messageType"] == "viewOnceMessage"
    interactive = ours["data"]["message"]["viewOnceMessage"]["message"]["interactiveMessage"]
    assert interactive["body"] == {"text": "t"}
    flows = interactive["nativeFlowMessage"]["buttons"]
    assert [one["name"] for one in flows] == ["quick_reply", "cta_url", "cta_call", "cta_copy"]
    assert json.loads(flows[0]["buttonParamsJson"]) == {"display_text": "Sim", "id": "1"}
    rows = said("message.state_changed", message("list", direction="out", state="sent", buttons=OFFERED[:1]))["data"]
    sections = [{"rows": [{"title": "Sim", "rowId": "1"}]}]
    assert rows["message"] == {"listMessage": {"description": "", "sections": sections}}
    named = said("message.state_changed", message("template", direction="out", state="sent", text="boas_vindas"))
    assert named["data"]["messageType"] == "templateMessage"


def test_a_status_that_went_out() -> None:
    words = said("message.state_changed", message("status", direction="out", state="sent", text="promo"))["data"]
    assert words["message"] == {"conversation": "promo"}
    picture = Media("image", mime="image/png")
    shown = said("message.state_changed", message("status", direction="out", state="sent", media=picture))["data"]
    assert shown["messageType"] == "imageMessage"


@pytest.mark.parametrize("context", [{}, {"mentionedJid": []}])
def test_the_answer_to_a_send_has_the_recorded_order(context: dict[str, Any]) -> None:
    document = message("text", direction="out", text="oi")
    ours = evolution_format.sent(document, INSTANCE, context)
    order = ["key", "pushName", "status", "message", *(["contextInfo"] if context else []), "messageType"]
    assert list(ours) == [*order, "messageTimestamp", "instanceId", "source", "providerId"]
    assert (ours["instanceId"], ours["source"], ours["status"]) == (INSTANCE.id, "web", "PENDING")
    assert evolution_format.content(document) == {"conversation": "oi"}
    bare = msgspec.structs.replace(stored("text", direction="out", text="oi"), provider_id=None)
    assert "providerId" not in evolution_format.sent_text(bare, INSTANCE, context)


def test_a_texts_answer_is_the_same_by_the_short_way() -> None:
    text = stored("text", direction="out", text="oi")
    context: dict[str, Any] = {"mentionedJid": []}
    told = evolution_format.sent(documents.message_document(text), INSTANCE, context)
    short = evolution_format.sent_text(text, INSTANCE, context)
    assert list(short.items()) == list(told.items())


def test_media() -> None:
    media = Media("image", url="https://files.example/x.png", mime="image/png", filename="x.png", size=7)
    ours = said("message.received", message("image", text="legenda", media=media))["data"]
    assert ours["messageType"] == "imageMessage"
    assert ours["message"]["imageMessage"] == {
        "url": "https://files.example/x.png",
        "mimetype": "image/png",
        "caption": "legenda",
        "fileName": "x.png",
        "fileLength": "7",
    }


@pytest.mark.parametrize(("state", "status"), [("delivered", "DELIVERY_ACK"), ("read", "READ"), ("failed", "ERROR")])
def test_how_far_a_message_got(state: MessageState, status: str) -> None:
    ours = said("message.state_changed", message(direction="out", state=state, text="oi"))
    same_shape(ours, recorded("messages.update"), beside=("providerId",))
    assert (ours["data"]["status"], ours["data"]["keyId"]) == (status, "msg_1")


@pytest.mark.parametrize("state", ["queued", "sending", "in_doubt", "cancelled"])
def test_states_that_evolution_has_no_word_for(state: MessageState) -> None:
    assert all_said("message.state_changed", message(direction="out", state=state, text="oi")) == []


def test_edited_and_deleted() -> None:
    edited = {**message(text="antes"), "text": "editado", "edited_at": documents.timestamp(AT)}
    same_shape(said("message.edited", edited), recorded("messages.edited"))
    same_shape(said("message.deleted", message(text="x")), recorded("messages.delete"))


def session(state: str, previous: str | None = None, reason: str = "live", **more: Any) -> dict[str, Any]:
    return {
        "session": "s1", "name": "s1", "state": state, "previous": previous, "phone": "5511955550001",
        "reason": {"code": reason, "args": {}}, **more,
    }  # fmt: skip


def test_connection_updates() -> None:
    same_shape(said("session.state_changed", session("connecting")), recorded("connection.update", state="connecting"))
    opened = said("session.state_changed", session("connected", "awaiting_qr"))
    theirs = recorded("connection.update", state="open")
    # Only the phone knows what it calls itself: a value that is not known, where there was a text.
    theirs["data"] |= {"profileName": None, "profilePictureUrl": None}
    same_shape(opened, theirs)
    assert said("session.state_changed", session("disconnected", "connected", "closed"))["data"]["statusReason"] == 428


@pytest.mark.parametrize(
    ("state", "previous"),
    [("awaiting_qr", "connecting"), ("error", "disconnected"), ("paused", "connected"), ("degraded", "connected")],
)
def test_changes_that_are_none_for_evolution(state: str, previous: str) -> None:
    assert all_said("session.state_changed", session(state, previous, can_send={"value": "yes"})) == []


@pytest.mark.parametrize(("reason", "code"), [("logged-out", 401), ("banned", 403)])
def test_the_end_of_a_link_is_told_in_three_ways(reason: str, code: int) -> None:
    gone = session("disconnected", "connected", reason, since=documents.timestamp(AT))
    status, connection, logout = all_said("session.state_changed", gone)
    same_shape(status, recorded("status.instance"))
    same_shape(connection, recorded("connection.update", state="close"))
    same_shape(logout, recorded("logout.instance"))
    ended, theirs = (json.loads(one["data"]["disconnectionObject"]) for one in (status, recorded("status.instance")))
    assert shape(ended) == shape(theirs)
    assert (status["data"]["disconnectionReasonCode"], connection["data"]["statusReason"]) == (code, code)
    assert ended["error"]["output"]["statusCode"] == code


def test_a_session_that_was_deleted() -> None:
    ours = all_said("session.deleted", {"session": "s1", "name": "s1"})
    assert [body["event"] for body in ours] == ["instance.delete", "remove.instance"]
    for body in ours:
        same_shape(body, recorded(body["event"]))


def test_what_the_server_alone_knows_goes_on_as_it_came_with_our_id_of_the_instance() -> None:
    theirs = recorded("contacts.upsert")
    handed_on = {"session": "s1", "event": "contacts.upsert", "data": theirs["data"]}
    (ours,) = all_said("provider.event", handed_on, Instance("loja", "our-id"))
    assert (ours["event"], ours["instance"]) == ("contacts.upsert", "loja")
    assert ours["data"] == {**theirs["data"], "instanceId": "our-id"}


def test_an_event_names_the_instance_as_the_server_s_clients_know_it() -> None:
    instance = Instance("loja", "an-id", "5511955550001")
    (ours,) = all_said("message.received", message(text="oi"), instance)
    assert (ours["instance"], ours["data"]["instanceId"]) == ("loja", "an-id")
    assert ours["sender"] == "5511955550001@s.whatsapp.net"
    (opened,) = all_said("session.state_changed", session("connected", "connecting"), instance)
    (shown,) = all_said("session.qr", {"session": "s1", "qr": {"code": "2@x"}}, instance)
    assert opened["data"]["instance"] == shown["data"]["qrcode"]["instance"] == "loja"


def test_every_event_that_is_made_here_was_recorded_of_a_real_one() -> None:
    told = {json.loads(path.read_text(encoding="utf-8"))["body"]["event"] for path in WEBHOOKS.glob("*.json")}
    made = {name for name, types in evolution_format.NAMES.items() if types} - set(evolution_format.CARRIED)
    assert made <= {event.upper().replace(".", "_") for event in told}


def test_degraded_that_cannot_send_is_closed() -> None:
    ours = said("session.state_changed", session("degraded", "connected", can_send={"value": "no"}))
    assert ours["data"]["state"] == "close"


def test_a_code_to_scan() -> None:
    document = {"session": "s1", "qr": {"code": "2@x", "png_base64": "aVZC", "count": 1}, "pairing_code": None}
    ours = said("session.qr", document)
    same_shape(ours, recorded("qrcode.updated"))
    assert ours["data"]["qrcode"]["base64"] == "data:image/png;base64,aVZC"


def test_what_evolution_has_no_event_for() -> None:
    for kind in set(EVENT_TYPES) - set(evolution_format.TYPES):
        assert all_said(kind, {}) == []


def test_subscriptions_by_either_name() -> None:
    assert evolution_format.subscription(()) == evolution_format.TYPES
    assert evolution_format.subscription(("SEND_MESSAGE",)) == ("message.state_changed",)
    assert evolution_format.subscription(("MESSAGES_UPSERT", "session.qr")) == (
        "message.received", "message.reaction", "session.qr",
    )  # fmt: skip
    assert evolution_format.wanted(("SEND_MESSAGE",), "send.message")
    assert not evolution_format.wanted(("SEND_MESSAGE",), "messages.update")
    assert evolution_format.wanted(("message.state_changed",), "messages.update")
    assert evolution_format.path_of("messages.upsert") == "/messages-upsert"


# -- the other formats -------------------------------------------------------------------------------------------


def test_reasons_get_their_words_when_they_leave() -> None:
    plain = documents.plain_reason(Reason("paused"))
    data = {"name": "s1", "reason": {"code": plain.code, "args": dict(plain.args)}}
    pt, en = event_formats.worded(data, "s1", catalogue("pt-BR")), event_formats.worded(data, "s1", catalogue("en"))
    assert next(iter(pt)) == "session"
    assert pt["reason"]["code"] == en["reason"]["code"] == "paused"
    assert pt["reason"]["text"] != en["reason"]["text"] != ""
    assert set(pt["reason"]) == {"code", "text", "action"}
    assert data["reason"] == {"code": "paused", "args": {}}, "the row stays as it was"


def test_a_reason_that_has_its_words_keeps_them() -> None:
    data = {"reason": {"code": "x", "text": "palavras", "action": None}}
    assert event_formats.worded(data, None, catalogue("en")) == data


def test_an_approval_says_what_it_costs() -> None:
    document = event_formats.worded({"id": "a", "rung": "logout", "cost": "cost-logout"}, "s1", catalogue("en"))
    assert document["cost"].startswith("The session s1 will be unlinked")


def test_ids_are_the_same_for_the_same_event_and_no_other() -> None:
    assert event_formats.event_id(7, AT) == event_formats.event_id(7, AT)
    assert len({event_formats.event_id(seq, AT + at) for seq in range(20) for at in range(20)}) == 400


def test_the_contract_s_event() -> None:
    event = event_formats.standard("session.qr", AT, {"session": "s1"})
    assert event == {"type": "session.qr", "timestamp": "2026-11-21T07:50:55.250Z", "data": {"session": "s1"}}


def test_cloudevents_structured() -> None:
    event = event_formats.cloudevent("evt_1", "session.qr", AT, {"session": "s1"}, "http://esteio")
    assert event == {
        "specversion": "1.0",
        "id": "evt_1",
        "source": "http://esteio",
        "type": "session.qr",
        "time": "2026-11-21T07:50:55.250Z",
        "datacontenttype": "application/json",
        "data": {"session": "s1"},
        "subject": "s1",
    }
    assert "subject" not in event_formats.cloudevent("evt_1", "x", AT, {}, "http://esteio")


def test_what_was_chosen_goes_out_as_words_and_id() -> None:
    ours = said("message.received", message(text="Plano B", reply=Reply("row-7", "Plano B")))["data"]
    chosen = {"selectedId": "row-7", "selectedDisplayText": "Plano B"}
    assert ours["message"] == {"conversation": "Plano B", "templateButtonReplyMessage": chosen}
    bare = said("message.received", message(text="row-7", reply=Reply("row-7")))["data"]
    assert bare["message"]["templateButtonReplyMessage"] == {"selectedId": "row-7"}


def test_links_of_an_offer_stand_below_its_words() -> None:
    offered = (
        Button("Abrir", url="https://x.example"),
        Button(phone="+551133334444"),
        Button("Copiar", code="PIX1"),
        Button("Sim", id="yes"),
    )
    ours = said("message.received", message(text="Fatura", buttons=offered))["data"]["message"]
    assert ours == {"conversation": "Fatura\nAbrir: https://x.example\n+551133334444\nCopiar: PIX1"}
    wordless = said("message.received", message(buttons=offered[:1]))["data"]["message"]
    assert wordless == {"conversation": "Abrir: https://x.example"}


def test_goods() -> None:
    order = Order("9001", "tk", "Pedido", 2, 25.5, "BRL")
    ours = said("message.received", message("order", text="Quero", order=order))["data"]
    assert (ours["messageType"], ours["message"]["orderMessage"]) == (
        "orderMessage",
        {
            "orderId": "9001",
            "token": "tk",
            "orderTitle": "Pedido",
            "message": "Quero",
            "itemCount": 2,
            "totalAmount1000": "25500",
            "totalCurrencyCode": "BRL",
        },
    )
    product = Product("77", "Camisa", "azul", 10.0, "BRL", "https://x.example/77", "R77")
    ours = said("message.received", message("product", text="Camisa", product=product))["data"]
    assert (ours["messageType"], ours["message"]["productMessage"]["product"]) == (
        "productMessage",
        {
            "productId": "77",
            "title": "Camisa",
            "description": "azul",
            "priceAmount1000": "10000",
            "currencyCode": "BRL",
            "url": "https://x.example/77",
            "retailerId": "R77",
        },
    )


def test_a_reply_says_what_it_answers_and_whose_number_it_is_as_the_real_one() -> None:
    (theirs,) = [
        body["data"]
        for path in sorted(WEBHOOKS.glob("*.json"))
        if (body := json.loads(path.read_text(encoding="utf-8"))["body"])["event"] == "messages.upsert"
        and body["data"].get("contextInfo", {}).get("stanzaId")
    ][:1]
    quoted = {"provider_id": "ABC", "direction": "in", "from": "5511955550001", "kind": "text", "text": "orig"}
    ours = said("message.received", {**message(text="Com link"), "quoted": quoted})["data"]
    known = {name: theirs["contextInfo"][name] for name in ("stanzaId", "participant", "quotedMessage")}
    assert ours["contextInfo"] == known
    mine = {**quoted, "direction": "out", "id": "msg_7"}
    assert said("message.received", {**message(text="x"), "quoted": mine})["data"]["contextInfo"]["stanzaId"] == "msg_7"
    unseen = said("message.received", {**message(text="x"), "quoted": {"provider_id": "Z"}})["data"]
    assert unseen["contextInfo"] == {"stanzaId": "Z"}
    envelope_of = evolution_format.envelope
    told = envelope_of("x", {}, instance=Instance("s1", "i", "5511955550001"), url="u", at=AT, server_url="s")
    assert told["sender"] == "5511955550001@s.whatsapp.net"
    assert list(told) == ["event", "instance", "data", "destination", "date_time", "sender", "server_url", "apikey"]


def test_what_is_not_known_is_no_empty_text_of_a_person() -> None:
    ours = said("message.received", message("unknown"))["data"]
    assert (ours["messageType"], ours["message"]) == ("unknownMessage", {})
    assert said("message.received", message("unknown", text="algo"))["data"]["message"] == {"conversation": "algo"}
