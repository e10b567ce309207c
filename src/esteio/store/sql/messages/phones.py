"""Which phones a session knows: one row a line, with the spelling it is filed under and WhatsApp's own.

A chat has one name in a session whatever spelling it comes in, so that lanes, look-ups and pages need no other rule.
What was filed is known for good, until it is erased. Never lives here: which spellings are one line
(`core.model.address`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from esteio.core.model.address import kind_of, line_of, spellings
from esteio.core.model.ids import SessionId
from esteio.store.sql import rows
from esteio.store.sql.db import Db, row_each


async def resolve_chat(db: Db, session_id: SessionId, address: str) -> str:
    """The name under which the session files this chat: the phone behind a `@lid` where it is known, and of two
    spellings the one that came first."""
    if address.endswith("@lid"):
        address = await db.value("contact_lid", {"session_id": session_id, "lid": address}) or address
    if kind_of(address) != "phone":
        return address
    filed = await db.row("phone_filed", {"session_id": session_id, "line": line_of(address)})
    return address if filed is None else str(filed.phone)


async def file_chats(db: Db, chats: Sequence[tuple[SessionId, str]]) -> list[str]:
    """The names under which sessions file these chats; each that is a phone is known to its session from now on."""
    named = await _without_lids(db, chats)
    lines: dict[tuple[SessionId, str], str] = {}
    for session_id, chat in named:
        if kind_of(chat) == "phone":
            lines.setdefault((session_id, line_of(chat)), chat)
    keys = [{"session_id": session_id, "line": line} for session_id, line in lines]
    new = []
    for place, key, filed in zip(list(lines), keys, await row_each(db, "phone_filed", keys), strict=True):
        if filed is None:
            new.append({**key, "phone": lines[place], "spelled": None})
        else:
            lines[place] = str(filed.phone)
    if new:
        await db.put_each("phone_file", new)
    return [lines.get((session_id, line_of(chat)), chat) for session_id, chat in named]


async def spellings_of(db: Db, recipients: Sequence[tuple[SessionId, str]]) -> list[str | None]:
    """How WhatsApp itself writes each recipient's line, where it did."""
    phones = {
        place: {"session_id": session_id, "line": line_of(address)}
        for place, (session_id, address) in enumerate(recipients)
        if kind_of(address) == "phone"
    }
    spelled: list[str | None] = [None] * len(recipients)
    for place, row in zip(phones, await row_each(db, "phone_spelled", list(phones.values())), strict=True):
        if row is not None:
            spelled[place] = str(row.spelled)
    return spelled


async def _without_lids(db: Db, chats: Sequence[tuple[SessionId, str]]) -> list[tuple[SessionId, str]]:
    """The same with the phone in place of each `@lid` whose phone is known."""
    lids = [chat for chat in dict.fromkeys(chats) if chat[1].endswith("@lid")]
    keys = [{"session_id": session_id, "lid": lid} for session_id, lid in lids]
    found = zip(lids, await row_each(db, "contact_lid", keys), strict=True)
    phones = {chat: (chat[0], str(row.phone)) for chat, row in found if row is not None and row.phone}
    return [phones.get(chat, chat) for chat in chats]


async def file_phone(db: Db, session_id: SessionId, address: str, *, spelled: bool = False) -> None:
    """Remember a phone that was met; `spelled`: WhatsApp itself wrote it so."""
    if kind_of(address) != "phone":
        return
    key = {"session_id": session_id, "line": line_of(address)}
    filed = await db.row("phone_filed", key)
    if filed is None or (spelled and filed.spelled != address):
        await db.put("phone_file", {**key, "phone": address, "spelled": address if spelled else None})


async def all_addresses(db: Db, session_id: SessionId, addresses: Iterable[str]) -> list[str]:
    """Everything that names the same persons in this session: each phone in all spellings, and their LIDs."""
    found = set(addresses)
    for lid in [one for one in found if one.endswith("@lid")]:
        if phone := await db.value("contact_lid", {"session_id": session_id, "lid": lid}):
            found.add(phone)
    found |= {spelling for one in found for spelling in spellings(one)}
    listed = {"session_id": session_id, "listed": rows.to_text(sorted(found))}
    return sorted(found | set(await db.values("contact_lids_of", listed)))
