"""What a delivery adds to an event from the store: the instance it is about, and the bytes of a media.

Never lives here: a format (`core.webhooks`), the call itself (`client`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from esteio.core.model.ids import MessageId, SessionName
from esteio.core.webhooks.evolution_names import Instance, instance_of
from esteio.engine.media.stager import MediaStager
from esteio.store.ports.messages import Messages
from esteio.store.ports.sessions import Sessions


class EventDetails:
    """Reads what an event does not carry itself."""

    def __init__(self, sessions: Sessions, messages: Messages, media: MediaStager) -> None:
        self._sessions, self._messages, self._media = sessions, messages, media

    async def instance_of(self, session: str) -> Instance:
        """The session of this name in Evolution's words; one that was deleted has its name only."""
        found = await self._sessions.by_name(SessionName(session))
        return Instance(session, session) if found is None else instance_of(found)

    async def with_media(self, message_id: str, shown: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
        """The event's data with the bytes of this message's media as base64, and whether they are in it
        (`MediaStager.carried`)."""
        return await self._media.carried(await self._messages.get(MessageId(message_id)), shown)
