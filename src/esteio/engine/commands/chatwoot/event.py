"""What a webhook of a Chatwoot inbox says (Chatwoot's API channel; read as Evolution 2.3.7 reads it).

Pure and total: whatever comes, it is one of four things. Never lives here: what is done about it (`messages`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from posixpath import basename
from typing import Any, Final, Literal
from urllib.parse import unquote, urlsplit

import msgspec

from esteio.engine.commands.requests import MediaRequest

BOT: Final = "123456"
"""The contact that stands for Evolution itself: what is written to it are commands."""
ECHO: Final = "WAID:"
"""Begins `source_id` of what the server put into Chatwoot itself."""
_KINDS: Final[Mapping[str, Literal["image", "video", "audio"]]] = {"image": "image", "video": "video", "audio": "audio"}
_MARKS: Final = re.compile(
    r"\*\*(?=\S)(?P<bold>[^\n*]+?)(?<=\S)\*\*"
    r"|(?<!\*)\*(?=\S)(?P<slanted>[^\n*]+?)(?<=\S)\*(?!\*)"
    r"|~~(?=\S)(?P<struck>[^\n~]+?)(?<=\S)~~"
    r"|(?<!`)`(?=\S)(?P<code>[^\n`]+?)(?<=\S)`(?!`)"
)
_AS: Final = {"bold": "*{}*", "slanted": "_{}_", "struck": "~{}~", "code": "```{}```"}


class Written(msgspec.Struct, frozen=True):
    """What an agent wrote to a contact. `id`: Chatwoot's; `chat`: a JID or `+` and digits."""

    id: str
    chat: str
    text: str | None
    author: str | None
    """Who signs it; None: nobody."""
    files: tuple[MediaRequest, ...] = ()
    answers: str | None = None
    """The provider's id of the message that it quotes."""


class Deleted(msgspec.Struct, frozen=True):
    """An agent deleted the message of this id."""

    id: str


Said = Written | Deleted | Literal["for-the-server"] | None
"""None: nothing that anybody acts on."""


def read(body: Mapping[str, Any]) -> Said:
    """One event. A command to the bot and a conversation's status are the server's own affair."""
    event = body.get("event")
    if event == "conversation_status_changed":
        return "for-the-server"
    conversation = _object(body, "conversation")
    if not conversation or body.get("private") or body.get("id") is None:
        return None
    ident = str(body["id"])
    if event == "message_updated":
        return Deleted(ident) if _object(body, "content_attributes").get("deleted") else None
    if event != "message_created" or body.get("message_type") not in ("outgoing", "template"):
        return None
    chat = _chat(conversation)
    if chat.strip("+") == BOT:
        return "for-the-server"
    last = _last(conversation, body["id"])
    if not chat or any(str(one.get("source_id") or "").startswith(ECHO) for one in (body, last)):
        return None
    return _written(ident, chat, body, last)


def whatsapp_text(markdown: str) -> str:
    """Chatwoot's Markdown in WhatsApp's marks."""
    lines = re.sub(r"\\(\r?\n)", r"\1", markdown).replace("\r\n", "\n")
    return _MARKS.sub(lambda found: _AS[str(found.lastgroup)].format(found[str(found.lastgroup)]), lines)


def _written(ident: str, chat: str, body: Mapping[str, Any], last: Mapping[str, Any]) -> Written | None:
    content = body.get("content")
    text = whatsapp_text(content) if isinstance(content, str) and content.strip() else None
    files = _files(body) or _files(last)
    if text is None and not files:
        return None
    sender, told = _object(last, "sender") or _object(body, "sender"), _object(body, "content_attributes")
    author = sender.get("available_name") or sender.get("name")
    answers = told.get("in_reply_to_external_id")
    return Written(
        ident,
        chat,
        text,
        author if isinstance(author, str) and body["message_type"] == "outgoing" else None,
        files,
        answers.removeprefix(ECHO) if isinstance(answers, str) and answers else None,
    )


def _chat(conversation: Mapping[str, Any]) -> str:
    sender = _object(_object(conversation, "meta"), "sender")
    found = sender.get("identifier") or sender.get("phone_number") or ""
    return found.strip() if isinstance(found, str) else ""


def _last(conversation: Mapping[str, Any], ident: Any) -> Mapping[str, Any]:
    """The message itself, as the conversation beside it shows it."""
    messages = conversation.get("messages")
    shown = [one for one in messages if isinstance(one, dict)] if isinstance(messages, list) else []
    return next((one for one in shown if one.get("id") in (ident, None)), {})


def _files(message: Mapping[str, Any]) -> tuple[MediaRequest, ...]:
    found = message.get("attachments")
    urls = [
        (one.get("data_url"), str(one.get("file_type")))
        for one in (found if isinstance(found, list) else ())
        if isinstance(one, dict)
    ]
    return tuple(_file(url, kind) for url, kind in urls if isinstance(url, str) and url)


def _file(url: str, kind: str) -> MediaRequest:
    name = unquote(basename(urlsplit(url).path))[:255]
    # A picture that moves is no picture to WhatsApp.
    moves = name.lower().endswith(".gif")
    return MediaRequest("document" if moves else _KINDS.get(kind, "document"), url=url, filename=name or None)


def _object(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}
