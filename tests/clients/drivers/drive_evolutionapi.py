"""PyPI `evolutionapi`, unchanged, told by lines what to do. Run as `python drive_evolutionapi.py BASE_URL KEY`."""

from __future__ import annotations

import io
import sys
from base64 import b64decode
from typing import Any

from evolutionapi.client import EvolutionClient
from evolutionapi.models import message as shape
from evolutionapi.models.instance import InstanceConfig, WebhookConfig
from evolutionapi.models.presence import PresenceStatus

from tests.clients.drivers.lines import answer_lines

client = EvolutionClient(*sys.argv[1:3])
tokens: dict[str, str] = {}
"""What `create` answered as each instance's token; the library wants it in every later call."""


def create(name: str, webhook: Any = None) -> Any:
    config = InstanceConfig(name, integration="WHATSAPP-BAILEYS", qrcode=True)
    # As its own documentation shows, further fields are put on the object.
    config.__dict__ |= {"webhook": webhook} if webhook else {}
    # `locals()` inside the library holds these two beside its parameters.
    made = client.instances.create_instance(config)
    tokens[name] = str(made["hash"])
    return made


def connect(name: str) -> Any:
    return client.instance_operations.connect(name, tokens[name])


def state(name: str) -> Any:
    return client.instance_operations.get_connection_state(name, tokens[name])["instance"]["state"]


def instances() -> Any:
    return client.instances.fetch_instances()


def set_webhook(name: str, url: str, events: list[str]) -> Any:
    body = {"enabled": True, **WebhookConfig(url, events=events).__dict__}
    return client.post(f"webhook/set/{name}", data={"webhook": body}, instance_token=tokens[name])


def find_webhook(name: str) -> Any:
    return client.get(f"webhook/find/{name}", tokens[name])


def text(name: str, number: str, words: str) -> Any:
    return client.messages.send_text(name, shape.TextMessage(number, words, delay=10), tokens[name])


def image(name: str, number: str, caption: str, data: str) -> Any:
    picture = shape.MediaMessage(number, mediatype="image", caption=caption, mimetype="image/png", fileName="a.png")
    return client.messages.send_media(name, picture, tokens[name], io.BytesIO(b64decode(data)))


def audio(name: str, number: str, data: str) -> Any:
    sound = io.BytesIO(b64decode(data))
    return client.messages.send_whatsapp_audio(name, {"number": number}, tokens[name], sound)


def sticker(name: str, number: str, data: str) -> Any:
    return client.messages.send_sticker(name, {"number": number}, tokens[name], io.BytesIO(b64decode(data)))


def location(name: str, number: str, place: str) -> Any:
    spot = shape.LocationMessage(number, place, "Av. Paulista, 1000", -23.5, -46.6)
    return client.messages.send_location(name, spot, tokens[name])


def contact(name: str, number: str, who: str) -> Any:
    card = shape.Contact(who, "5511977776666", "+55 11 97777-6666", organization="Padaria")
    return client.messages.send_contact(name, shape.ContactMessage(number, [card]), tokens[name])


def poll(name: str, number: str, question: str) -> Any:
    return client.messages.send_poll(name, shape.PollMessage(number, question, 1, ["sim", "não"]), tokens[name])


def reaction(name: str, key: Any, emoji: str) -> Any:
    return client.messages.send_reaction(name, shape.ReactionMessage(key, emoji), tokens[name])


def listing(name: str, number: str, title: str) -> Any:
    rows = shape.ListSection("Pães", [shape.ListRow("Francês", "quente", "r1")])
    menu = shape.ListMessage(number, title, "escolha", "Ver", "obrigado", [rows])
    return client.messages.send_list(name, menu, tokens[name])


def buttons(name: str, number: str, title: str) -> Any:
    pressed = shape.ButtonMessage(number, title, "certo?", "obrigado", [shape.Button("reply", "Sim", id="sim")])
    return client.messages.send_buttons(name, pressed, tokens[name])


def messages(name: str, jid: str, key_id: str) -> Any:
    return client.chat.get_messages(name, jid, tokens[name], whatsapp_message_id=key_id)


def presence(name: str) -> Any:
    return client.instance_operations.set_presence(name, PresenceStatus.AVAILABLE, tokens[name])


def restart(name: str) -> Any:
    return client.instance_operations.restart(name, tokens[name])


def logout(name: str) -> Any:
    return client.instance_operations.logout(name, tokens[name])


def delete(name: str) -> Any:
    return client.instance_operations.delete(name, tokens[name])


def read(event: Any) -> Any:
    """What the library makes of a webhook: the text of its message."""
    message = client.convert_message(event)
    return None if message is None else client.get_message_content(event["data"])


answer_lines(
    {
        verb.__name__: verb
        for verb in (
            create, connect, state, instances, set_webhook, find_webhook, text, image, audio, sticker, location,
            contact, poll, reaction, listing, buttons, messages, presence, restart, logout, delete, read,
        )
    }
)  # fmt: skip
