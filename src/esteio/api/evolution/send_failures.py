"""A message that failed before its call was answered, as Evolution tells that cause (recordings 053, 060, 064, 108).

Never lives here: whether it failed (`core.messages.outbox`).
"""

from __future__ import annotations

from typing import Final

from esteio.api.evolution.answers import EvolutionError
from esteio.api.http.route import speaker
from esteio.core.model.address import jid_of
from esteio.core.model.message import Message
from esteio.core.model.state import Reason
from esteio.core.views.catalogue import Catalogue

_DOWN: Final = frozenset({"session-down", "paused", "unpaired", "instance-missing", "route-unknown", "send-server"})
_MEDIA: Final = frozenset({"media-failed", "media-is-a-page"})


def failure(message: Message, number: str, texts: Catalogue) -> EvolutionError:
    """`number`: as the client wrote it."""
    reason = message.reason or Reason("expired")
    words = reason.args.get("detail", "")
    if reason.code == "invalid-number":
        return unknown_number(jid_of(message.to or message.chat), number)
    if reason.code in _DOWN:
        return EvolutionError(400, ["Error: Connection Closed"])
    if reason.code in _MEDIA and words:
        return EvolutionError(500, [words if words.startswith("Error") else f"Error: {words}"])
    if reason.code == "request-refused" and words:
        # Evolution's own words stay; what another kind of server cannot do is said in the caller's language.
        return EvolutionError(400, [texts.translated("detail in English", words)])
    return EvolutionError(400, [speaker(texts)(reason).text])


def unknown_number(jid: str, number: str) -> EvolutionError:
    """Recording 053."""
    return EvolutionError(400, [{"jid": jid, "exists": False, "number": number}])
