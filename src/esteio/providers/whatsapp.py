"""WhatsApp's own message shapes, as every server built on Baileys passes them on: JIDs, keys and contents.

Shared by the dialects that hand WhatsApp's message through (Evolution, W-API). Field names are compared without case.
Total: a shape that is not known becomes `kind="unknown"`, with whatever text it has. Never lives here: an envelope, an
event name, a URL of a provider.
"""

from __future__ import annotations

import re

import msgspec

from esteio.core.model import address
from esteio.core.model.evidence import Evidence, seen
from esteio.providers.classify import Heard
from esteio.providers.parsing import Json, at, first, text

QUESTION_S = 5.0
"""How long we wait for what a closed socket refuses: it refuses at once. A half-open one keeps us waiting for a minute,
at every look, in one of the places that a server's looks share."""

_TIMED_OUT = re.compile(r'"(?:error: )?timed out"')  # guard: timeout-words-are-exact


def timed_out(words: str) -> bool:
    """Whether these (lower-case) words are Baileys' own error: WhatsApp did not answer it in time. The whole error and
    no more; a database pool says "Timed out fetching a new connection …"."""
    return _TIMED_OUT.search(words) is not None


def questioned(
    heard: Heard, exists: Json, claims: tuple[Evidence, ...], now: float, *, refused: bool
) -> tuple[Evidence, ...]:
    """`claims`, and what is learned from a question that WhatsApp could answer (does our own number exist?), asked
    right after them. A closed socket refuses it; an answer may come from a cache; what else is said may be of the path,
    or of somebody in between. A refusal stands before the claim that it refutes."""
    asked = seen("question_asked", now, "probe")
    if refused:  # guard: whatsapp-refusal-words
        return (asked, seen("socket_closed", now, "probe"), *claims)  # guard: refutation-before-claim
    if isinstance(exists, bool):
        return (*claims, asked, seen("question_answered", now, "probe"))
    if heard.kind in _UNANSWERABLE or "rate-overlimit" in heard.words:
        return (*claims, asked, seen("question_unanswerable", now, "probe"))
    if heard.kind in ("late", "cut"):
        return (*claims, asked, seen("question_unanswered", now, "probe"))
    return (*claims, asked)


_UNANSWERABLE = frozenset({"ok", "no", "router", "limited"})
"""Words of the server itself. A page for people, a 5xx or silence may be of somebody in between, and pass."""


# -- who ---------------------------------------------------------------------------------------------------------


def phone_of(jid: Json) -> str | None:
    """The digits of a phone's JID (`5511…:12@s.whatsapp.net`, `5511…@c.us`) or of bare digits; None for all others."""
    return address.phone_of_jid(jid) if isinstance(jid, str) else None


def chat_of(jid: str) -> str:
    """The address that a JID or bare digits mean."""
    return address.of_jid(jid)


def person_of(jid: str, *others: Json) -> str:
    """The address of a person who is named by a LID or a phone, and perhaps by more JIDs beside it: the phone where
    one of them is one. Digits equal to those of a LID beside them are that LID's, and no phone."""
    named = [address.of_jid(one) for one in (jid, *others) if isinstance(one, str) and one]
    lids = {one.partition("@")[0]: one for one in named if one.endswith("@lid")}
    found = [lids.get(one, one) for one in named]  # guard: lid-is-no-phone
    return next((one for one in found if address.kind_of(one) == "phone"), found[0])


def lid_of(*jids: Json) -> str | None:
    """The first LID among these, without its device."""
    found = (address.of_jid(one) for one in jids if isinstance(one, str))
    return next((one for one in found if one.endswith("@lid")), None)


class Origin(msgspec.Struct, frozen=True):
    """The chat and the author of a message. `author`: the JID in WhatsApp's own key, None in a direct chat."""

    chat: str
    sender: str
    author: str | None = None


def origin_of(chat: str, participant: str | None, others: tuple[Json, ...], *, from_me: bool) -> Origin:
    """A message that came by a broadcast list is a direct message of its sender. `others`: more names of them."""
    if participant is None or not address.has_many_authors(chat):
        return Origin(chat, chat)
    sender = person_of(participant, *others)
    if address.kind_of(chat) == "list" and not from_me:
        return Origin(sender, sender)
    return Origin(chat, sender, address.jid_of(chat_of(participant)))


class Key(msgspec.Struct, frozen=True):
    """Whose message it is. `chat` and `sender` are digits where any of the named JIDs is a phone."""

    id: str
    chat: str
    sender: str
    from_me: bool
    chat_lid: str | None = None
    author: str | None = None


def key_of(key: Json) -> Key | None:
    """A WhatsApp message key; None without an id and a chat."""
    message_id, remote = text(at(key, "id")), text(at(key, "remoteJid"))
    if message_id is None or remote is None:
        return None
    alternative, mine = first(key, "remoteJidAlt", "senderPn"), at(key, "fromMe") is True
    chat, lid = chat_of(remote), lid_of(remote, alternative, at(key, "senderLid"))
    if address.kind_of(chat) in ("phone", "lid"):
        chat = person_of(remote, alternative, lid)
    others = (first(key, "participantAlt", "participantPn"), at(key, "participantLid"))
    participant = text(at(key, "participant"))
    if participant is None and address.kind_of(chat) == "list":
        participant = alternative
    origin = origin_of(chat, participant, others, from_me=mine)
    if origin.chat != chat:
        lid = lid_of(participant, *others)
    return Key(message_id, origin.chat, origin.sender, mine, lid, origin.author)
