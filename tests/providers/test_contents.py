"""WhatsApp's contents: every envelope opens, traffic is no message, and of what is known neither words nor ids go."""

from __future__ import annotations

import json
from typing import Any

import pytest

from esteio.core.model.content import Button, Content, Location, Order, Reply
from esteio.providers.contents import WRAPPERS, change_of, content_of, edited_text, is_traffic, quoted_id
from tests.narrowing import not_none

FUTURE_PROOF = [
    "viewOnceMessage",
    "ephemeralMessage",
    "documentWithCaptionMessage",
    "viewOnceMessageV2",
    "editedMessage",
    "viewOnceMessageV2Extension",
    "groupMentionedMessage",
    "botInvokeMessage",
    "lottieStickerMessage",
    "eventCoverImage",
    "statusMentionMessage",
    "pollCreationOptionImageMessage",
    "associatedChildMessage",
    "groupStatusMentionMessage",
    "pollCreationMessageV4",
    "statusAddYours",
    "groupStatusMessage",
    "limitSharingMessage",
    "botTaskMessage",
    "questionMessage",
    "groupStatusMessageV2",
    "botForwardedMessage",
    "questionReplyMessage",
]
WORDS = {"extendedTextMessage": {"text": "oi", "contextInfo": {"stanzaId": "Q"}}}


@pytest.mark.parametrize("name", [*FUTURE_PROOF, "deviceSentMessage", "commentMessage"])
def test_every_envelope_opens(name: str) -> None:
    assert len(FUTURE_PROOF) == 23
    for spelled in (name, name.lower()):
        wrapped = {"messageContextInfo": {}, spelled: {"message": {"ephemeralMessage": {"message": WORDS}}}}
        assert content_of(wrapped) == Content("text", text="oi")
        assert quoted_id(wrapped) == "Q"
        assert not is_traffic(wrapped)
        key = {"key": {"id": "T"}}
        assert not_none(change_of({spelled: {"message": {"protocolMessage": {"type": 0, **key}}}})).deleted
    assert name.lower() in WRAPPERS


NOTHING: list[Any] = [
    None,
    [],
    "x",
    {},
    {"conversation": ""},
    {"conversation": None, "imageMessage": None},
    {"messageContextInfo": {"deviceListMetadata": {}}},
    {"senderKeyDistributionMessage": {"groupId": "x"}},
    {"fastRatchetKeySenderKeyDistributionMessage": {}, "messageContextInfo": {}},
    {"deviceSentMessage": {"message": {"protocolMessage": {"type": "APP_STATE_SYNC_KEY_SHARE"}}}},
    {"protocolMessage": {"type": 5, "historySyncNotification": {}}},
    {"protocolMessage": {"type": "EPHEMERAL_SETTING", "key": {"id": "T"}}},
    {"ephemeralMessage": {"message": {"senderKeyDistributionMessage": {}}}},
    {"pollUpdateMessage": {"vote": {}}},
    {"encReactionMessage": {}},
    {"encCommentMessage": {}},
    {"encEventResponseMessage": {}},
    {"albumMessage": {"expectedImageCount": 2}},
    {"pinInChatMessage": {}},
    {"keepInChatMessage": {}},
    {"placeholderMessage": {}},
    {"stickerSyncRmrMessage": {}},
    {"messageHistoryNotice": {}},
    {"statusNotificationMessage": {}},
    {"callLogMesssage": {}},
    {"secretEncryptedMessage": {"secretEncType": 3, "targetMessageKey": {"id": "T"}}},
]


@pytest.mark.parametrize("message", NOTHING, ids=str)
def test_traffic_says_nothing_to_people(message: str | list[Any] | dict[str, Any] | None) -> None:
    assert is_traffic(message)
    assert change_of(message) is None


@pytest.mark.parametrize(
    "message",
    [
        {"conversation": "oi", "senderKeyDistributionMessage": {"groupId": "x"}},
        {"imageMessage": {}},
        {"someNewMessage": {}},
        {"someNewMessage": {"a": 1}, "messageContextInfo": {}},
    ],
)
def test_what_has_content_or_may_have_it_is_a_message(message: dict[str, Any]) -> None:
    assert not is_traffic(message)


SEALED = [(1, True), (2, True), ("MESSAGE_EDIT", True), (4, True), (0, False), (True, False), ({}, False)]


@pytest.mark.parametrize(("kind", "edit"), SEALED)
def test_an_edit_that_only_the_phone_can_read(kind: int | str | dict[str, Any], edit: bool) -> None:
    found = change_of({"secretEncryptedMessage": {"secretEncType": kind, "targetMessageKey": {"id": "T"}}})
    assert (found is not None) is edit
    if found:
        assert (found.target, found.deleted, found.text) == ("T", False, None)


def test_an_edit_inside_an_update() -> None:
    protocol = {"type": 14, "key": {"id": "T"}, "editedMessage": {"conversation": "novo"}}
    assert edited_text({"editedMessage": {"message": {"protocolMessage": protocol}}}) == "novo"
    assert edited_text({"editedMessage": {"message": {"conversation": "novo"}}}) == "novo"
    assert edited_text({"conversation": "x"}) is None


def flow(**given: str) -> dict[str, dict[str, str]]:
    return {"nativeFlowResponseMessage": {"name": "x", "paramsJson": json.dumps(given)}}


@pytest.mark.parametrize(
    ("message", "words", "reply"),
    [
        ({"interactiveResponseMessage": flow(id="a", title="A")}, "A", Reply("a", "A")),
        ({"interactiveResponseMessage": flow(id="a") | {"body": {"text": "B"}}}, "B", Reply("a", "B")),
        (
            {"interactiveResponseMessage": {"nativeFlowResponseMessage": {"name": "f", "paramsJson": "{"}}},
            "f",
            Reply("f"),
        ),
        ({"interactiveResponseMessage": {"nativeFlowResponseMessage": {"paramsJson": {"id": "a"}}}}, "a", Reply("a")),
        ({"buttonsResponseMessage": {"selectedButtonId": "b", "selectedDisplayText": "B"}}, "B", Reply("b", "B")),
        ({"buttonsResponseMessage": {"selectedDisplayText": "B"}}, "B", Reply(None, "B")),
        ({"templateButtonReplyMessage": {"selectedId": "c", "selectedDisplayText": "C"}}, "C", Reply("c", "C")),
        (
            {"listResponseMessage": {"description": "D", "singleSelectReply": {"selectedRowId": "d"}}},
            "D",
            Reply("d", "D"),
        ),
    ],
)
def test_replies_keep_their_ids(message: dict[str, dict[str, Any]], words: str, reply: Reply) -> None:
    assert content_of(message) == Content("text", text=words, reply=reply)


def test_nothing_chosen_is_unknown() -> None:
    assert content_of({"buttonsResponseMessage": {}}) == Content("unknown")


def test_offers() -> None:
    quick = {"quickReplyButton": {"displayText": "Sim", "id": "yes"}}
    call = {"callButton": {"displayText": "Ligar", "phoneNumber": "+551133334444"}}
    template = {
        "hydratedFourRowTemplate": {
            "hydratedTitleText": "T",
            "hydratedContentText": "C",
            "hydratedFooterText": "F",
            "hydratedButtons": [quick, call, {}],
        }
    }
    buttons = (Button("Sim", id="yes"), Button("Ligar", phone="+551133334444"))
    assert content_of({"templateMessage": template}) == Content("text", text="T\nC\nF", buttons=buttons)
    assert content_of({"highlyStructuredMessage": {"hydratedHsm": template}}).text == "T\nC\nF"
    assert content_of({"highlyStructuredMessage": {"params": ["a", "b"]}}).text == "a\nb"
    four = {"fourRowTemplate": {"content": {"params": ["c"]}, "footer": {"params": ["f"]}}}
    assert content_of({"templateMessage": four}).text == "c\nf"
    plain = {
        "contentText": "Escolha",
        "footerText": "rodapé",
        "buttons": [{"buttonId": "1", "buttonText": {"displayText": "Um"}}],
    }
    assert content_of({"buttonsMessage": plain}) == Content(
        "text", text="Escolha\nrodapé", buttons=(Button("Um", id="1"),)
    )
    rows = {"title": "Menu", "sections": [{"rows": [{"title": "Um", "description": "d", "rowId": "r1"}]}]}
    assert content_of({"listMessage": rows}).buttons == (Button("Um\nd", id="r1"),)


def test_an_offer_with_a_picture_is_that_picture() -> None:
    message = {"interactiveMessage": {"header": {"imageMessage": {"mimetype": "image/png"}}, "body": {"text": "Veja"}}}
    found = content_of(message | {"base64": "AAAA"})
    assert found.media is not None
    assert (found.kind, found.text, found.media.mime, found.media.base64) == ("image", "Veja", "image/png", "AAAA")
    place = {"header": {"locationMessage": {"degreesLatitude": 1, "degreesLongitude": 2}}, "body": {"text": "Aqui"}}
    assert content_of({"interactiveMessage": place}).location == Location(1.0, 2.0)


def test_cards_in_a_row() -> None:
    def card(words: str, link: str) -> dict[str, dict[str, Any]]:
        button = {"name": "cta_url", "buttonParamsJson": json.dumps({"display_text": "Ver", "url": link})}
        return {"body": {"text": words}, "nativeFlowMessage": {"buttons": [button]}}

    cards = {
        "body": {"text": "Ofertas"},
        "carouselMessage": {"cards": [card("A", "https://a"), card("B", "https://b")]},
    }
    found = content_of({"interactiveMessage": cards})
    assert found.text == "Ofertas\nA\nB"
    assert found.buttons == (Button("Ver", url="https://a"), Button("Ver", url="https://b"))


def test_copied_codes_and_pix() -> None:
    given = json.dumps({"display_text": "Copiar", "copy_code": "PIX123"})
    native = {"nativeFlowMessage": {"buttons": [{"name": "cta_copy", "buttonParamsJson": given}]}}
    assert content_of({"interactiveMessage": native}) == Content("text", buttons=(Button("Copiar", code="PIX123"),))


def test_goods_without_an_id_are_unknown_with_their_words() -> None:
    assert content_of({"orderMessage": {"message": "Quero", "orderTitle": "Pedido"}}).kind == "unknown"
    assert content_of({"productMessage": {"body": "x"}}).kind == "unknown"
    small = content_of({"orderMessage": {"orderId": "1", "itemCount": 2**70, "totalAmount1000": "nan"}})
    assert small == Content("order", order=Order("1"))


def test_invitations_and_strangers() -> None:
    invited = {"groupInviteMessage": {"inviteCode": "C", "groupName": "Turma", "caption": "vem"}}
    assert content_of(invited) == Content(
        "text", text="vem\nTurma", buttons=(Button("Turma", url="https://chat.whatsapp.com/C"),)
    )
    assert content_of({"groupInviteMessage": {"groupName": "Turma"}}) == Content("unknown")
    event = {"eventMessage": {"name": "Reunião", "description": "às 9"}}
    assert content_of(event) == Content("unknown", text="Reunião\nàs 9")
    assert content_of({"fooMessage": 1, "barMessage": []}) == Content("unknown")
    assert content_of(None) == Content("unknown")
