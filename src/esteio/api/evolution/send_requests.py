"""Each send call as a request of ours: its content in normal form, and beside it what only Evolution can do.

Never lives here: a body's outer form (`send_bodies`), whether what it names exists (`sends`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from esteio.api.evolution.answers import EvolutionError
from esteio.api.evolution.forms import FILE, Upload
from esteio.api.evolution.numbers import jid_of_number
from esteio.api.evolution.send_bodies import Body
from esteio.api.http.decode import command_error_of
from esteio.core.messages import mime_sniff
from esteio.core.model.address import STATUS
from esteio.core.model.content import Button, Kind, Native
from esteio.engine.commands.requests import MessageRequest, NativeRequest

DIALECT: Final = "evolution"
REACTION: Final = "sendReaction"
"""The one call that names its chat in the key of the message that it answers."""
_NOT_MEDIA: Final = "Owned media must be a url or base64"
_EXTRAS: Final = ("delay", "linkPreview", "mentionsEveryOne", "everyOne", "encoding", "notConvertSticker")
"""What every call may ask for beside its content."""
_ANY_EXTRA: Final = frozenset(_EXTRAS)
_MEDIATYPES: Final = ("image", "document", "video", "audio")
_DEEPEST: Final = 20
_LARGEST: Final = 2**53


class Call(msgspec.Struct, frozen=True):
    """One of Evolution's send calls."""

    required: tuple[str, ...]
    said: Callable[[Body], Body]
    """The body as fields of a `MessageRequest`. Raises `EvolutionError`."""
    own: tuple[str, ...] = ()
    """Fields that our normal form has no place for."""
    kind: Kind | None = None
    """Of a message that only this dialect can send."""
    always_native: bool = False
    """Whether the call itself says something that the content does not."""
    carries_media: bool = False


def request_of(name: str, body: Body, known: str | None) -> MessageRequest:
    """What the call asks for, of a body that was checked; `known`: our id of the message that it quotes or reacts to.
    Raises `EvolutionError`, `CommandError`."""
    call = CALLS[name]
    fields = {"to": _recipient(name, body), **call.said(body)}
    if known is not None:
        fields |= {"reaction": {**fields["reaction"], "message": known}} if name == REACTION else {"quote": known}
    if fields["to"].endswith("@g.us") and (mentioned := body.get("mentioned")):
        fields["mentions"] = [jid_of_number(one) for one in mentioned if isinstance(one, str)]
    asked = _asked_beside(call, body)
    unknown = "key" if name == REACTION else "quoted"
    if known is None and unknown in body:
        asked[unknown] = body[unknown]
    elif known is not None and name != REACTION:
        # It may never get an id of the provider's; then the message goes without it.
        asked["quoted"] = {"key": {"id": known}}
    _check_plain(asked)
    if not asked and not call.always_native and not _is_other_call(name, fields):
        return _converted(fields, MessageRequest)
    native = Native(DIALECT, name, asked)
    if "thumbnailUrl" in asked:
        fields["fetches"] = [asked["thumbnailUrl"]]
    return _converted({**fields, "native": native, "kind": call.kind}, NativeRequest)


def target_of(body: Mapping[str, Any], name: str) -> str | None:
    """The id of the message that `quoted` or the reaction's `key` names."""
    part: Any = body if name == REACTION else body.get("quoted")
    key = part.get("key") if isinstance(part, dict) else None
    found = key.get("id") if isinstance(key, dict) else None
    return found if isinstance(found, str) and found else None


def _recipient(name: str, body: Body) -> str:
    if name == "sendStatus":
        return STATUS
    if name == REACTION:
        return jid_of_number(str(body["key"].get("remoteJid") or ""))
    return jid_of_number(body["number"])


def _is_other_call(name: str, fields: Body) -> bool:
    """Whether the adapter, left to itself, would send this content by another call."""
    return name == "sendMedia" and fields["media"]["kind"] == "audio"


def _asked_beside(call: Call, body: Body) -> Body:
    if not call.own and _ANY_EXTRA.isdisjoint(body):
        return {}
    return {name: body[name] for name in (*_EXTRAS, *call.own) if name in body}


def _check_plain(asked: Body) -> None:
    """Raises `EvolutionError` for what cannot be kept."""
    if not _is_plain(asked, _DEEPEST):
        raise EvolutionError(400, ["The body is nested too deep, or holds a number that is too large"])


def _is_plain(value: Any, deeper: int) -> bool:
    """Whether it can be kept and written as JSON again."""
    if isinstance(value, dict):
        return deeper > 0 and all(_is_plain(one, deeper - 1) for one in value.values())
    if isinstance(value, list):
        return deeper > 0 and all(_is_plain(one, deeper - 1) for one in value)
    return not isinstance(value, int) or abs(value) <= _LARGEST


def _converted(fields: Body, shape: type[MessageRequest]) -> MessageRequest:
    try:
        return msgspec.convert(fields, shape)
    except msgspec.ValidationError as error:
        raise command_error_of(str(error), shape) from error


# -- what each call says -----------------------------------------------------------------------------------------


def _text(body: Body) -> Body:
    if not body["text"]:
        raise EvolutionError(400, ["Text is required"])
    return {"text": body["text"]}


def _bytes(body: Body, field: str, wrong: str = _NOT_MEDIA) -> Body:
    """Where the bytes are: the form's file, an address, or base64."""
    file, value = body.get(FILE), body.get(field)
    if isinstance(file, Upload):
        mime = None if file.mime in mime_sniff.GENERIC else file.mime
        return {"base64": file.base64, "filename": file.filename, "mime": mime}
    if not isinstance(value, str) or not value:
        raise EvolutionError(400, [wrong])
    return {"url" if value.lower().startswith(("http://", "https://")) else "base64": value}


def _media(body: Body) -> Body:
    kind = body["mediatype"]
    if kind not in _MEDIATYPES:
        raise EvolutionError(400, [[f"mediatype is not one of enum values: {','.join(_MEDIATYPES)}"]])
    found = _bytes(body, "media")
    named = {"mime": body.get("mimetype"), "filename": body.get("fileName")}
    found |= {name: value for name, value in named.items() if value}
    if kind == "document" and "url" not in found and not found.get("filename"):
        raise EvolutionError(400, ["For base64 the file name must be informed."])
    return {"media": {"kind": kind, **found}, "caption": body.get("caption") or None}


def _ptv(body: Body) -> Body:
    return {"media": {"kind": "video", **_bytes(body, "video")}}


def _audio(body: Body) -> Body:
    found = _bytes(body, "audio", "Owned media must be a url, base64, or valid file with buffer")
    return {"media": {"kind": "audio", **found}}


def _sticker(body: Body) -> Body:
    return {"media": {"kind": "sticker", **_bytes(body, "sticker")}}


def _location(body: Body) -> Body:
    return {"location": {name: body[name] for name in ("latitude", "longitude", "name", "address")}}


def _contacts(body: Body) -> Body:
    cards = []
    for one in body["contact"]:
        name, phone = (one.get("fullName"), one.get("phoneNumber")) if isinstance(one, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(phone, str):
            raise EvolutionError(400, [['contact[0] requires property "fullName" and "phoneNumber"']])
        cards.append({"name": name, "phone": jid_of_number(str(one.get("wuid") or phone))})
    return {"contacts": cards}


def _poll(body: Body) -> Body:
    options = body["values"]
    return {"poll": {"question": body["name"], "options": options, "choices": body["selectableCount"] or len(options)}}


def _reaction(body: Body) -> Body:
    return {"reaction": {"message": target_of(body, REACTION) or "", "emoji": body["reaction"]}}


def _list(body: Body) -> Body:
    rows = [row for part in _dicts(body["sections"]) for row in _dicts(part.get("rows"))]
    buttons = [Button(_word(row, "title"), id=_word(row, "rowId")) for row in rows]
    return {"text": _lines(body, "title", "description", "footerText"), "buttons": buttons}


def _buttons(body: Body) -> Body:
    buttons = [_button(one) for one in _dicts(body["buttons"])]
    if not buttons:
        raise EvolutionError(400, ["At least one button is required"])
    return {"text": _lines(body, "title", "description", "footer"), "buttons": buttons}


def _button(one: Body) -> Button:
    return Button(
        _word(one, "displayText"),
        id=_word(one, "id"),
        url=_word(one, "url"),
        phone=_word(one, "phoneNumber"),
        code=_word(one, "copyCode") or _word(one, "key"),
    )


def _template(body: Body) -> Body:
    return {"text": body["name"]}


def _status(body: Body) -> Body:
    kind, wanted = body["type"], ["type", "content"] if FILE not in body else ["type"]
    if not body.get("allContacts"):
        wanted.append("statusJidList")
    if kind == "text":
        wanted += ["backgroundColor", "font"]
    for name in wanted:
        if not body.get(name):
            raise EvolutionError(400, [f"{_STATUS_WORDS[name]} is required"])
    if kind == "text":
        return {"text": body["content"]}
    if kind not in ("image", "video", "audio"):
        raise EvolutionError(400, [["type is not one of enum values: text,image,audio,video"]])
    return {"media": {"kind": kind, **_bytes(body, "content")}, "caption": body.get("caption") or None}


_STATUS_WORDS: Final = {
    "type": "Type",
    "content": "Content",
    "statusJidList": "StatusJidList",
    "backgroundColor": "Background color",
    "font": "Font",
}


def _lines(body: Body, *names: str) -> str | None:
    return "\n".join(body[name] for name in names if body.get(name)) or None


def _word(part: Body, name: str) -> str | None:
    value = part.get(name)
    return value if isinstance(value, str) and value else None


def _dicts(value: Any) -> list[Body]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


CALLS: Final[Mapping[str, Call]] = {
    "sendText": Call(("number", "text"), _text),
    "sendMedia": Call(("number", "mediatype"), _media, ("gifPlayback",), carries_media=True),
    "sendPtv": Call(("number",), _ptv, always_native=True, carries_media=True),
    "sendWhatsAppAudio": Call(("number",), _audio, carries_media=True),
    "sendSticker": Call(("number",), _sticker, carries_media=True),
    "sendLocation": Call(("number", "latitude", "longitude", "name", "address"), _location),
    "sendContact": Call(("number", "contact"), _contacts, ("contact",)),
    "sendPoll": Call(("number", "name", "selectableCount", "values"), _poll),
    REACTION: Call(("key", "reaction"), _reaction),
    "sendList": Call(
        ("number", "title", "footerText", "buttonText", "sections"),
        _list,
        ("title", "description", "footerText", "buttonText", "sections"),
        kind="list",
        always_native=True,
    ),
    "sendButtons": Call(
        ("number", "buttons"),
        _buttons,
        ("title", "description", "footer", "buttons", "thumbnailUrl"),
        kind="buttons",
        always_native=True,
    ),
    "sendTemplate": Call(
        ("number", "name", "language"),
        _template,
        ("name", "language", "components"),
        kind="template",
        always_native=True,
    ),
    "sendStatus": Call(
        ("type",),
        _status,
        ("type", "caption", "backgroundColor", "font", "statusJidList", "allContacts"),
        kind="status",
        always_native=True,
        carries_media=True,
    ),
}
"""By the word in the address."""
