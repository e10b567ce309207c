"""PyPI `pyevolutionapi`, unchanged, told by lines what to do. Run as `python drive_pyevolutionapi.py BASE_URL KEY`.

Its own models refuse what Evolution answers to a send (`message` has no `key` of its own there) and cannot write the
address of a webhook: whoever uses it against 2.3.7 lives with the first and goes round the second as here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError
from pyevolutionapi import EvolutionClient

from tests.clients.drivers.lines import answer_lines

client = EvolutionClient(sys.argv[1], api_key=sys.argv[2])
answers: list[Any] = []


def remember(response: Any) -> None:
    response.read()
    answers.append(response.json())


client._client.event_hooks = {"response": [remember]}


def sent(send: Callable[..., Any], *args: Any, **more: Any) -> Any:
    """The answer as it came, whether or not the library can read it."""
    try:
        send(*args, **more)
    except ValidationError:
        if "key" not in answers[-1]:
            raise
    return answers[-1]


def create(name: str, webhook: Any = None) -> Any:
    client.instance.create(name, webhook=webhook)
    return answers[-1]


def connect(name: str) -> Any:
    client.instance.connect(name)
    return answers[-1]


def state(name: str) -> Any:
    return client.instance.connection_state(name)["instance"]["state"]


def instances() -> Any:
    client.instance.fetch_instances()
    return answers[-1]


def set_webhook(name: str, url: str, events: list[str]) -> Any:
    body = {"enabled": True, "url": url, "byEvents": False, "base64": False, "events": events}
    return client.request("POST", f"/webhook/set/{name}", json={"webhook": body}).json()


def find_webhook(name: str) -> Any:
    client.webhook.find_webhook(name)
    return answers[-1]


def text(name: str, number: str, words: str) -> Any:
    return sent(client.messages.send_text, name, number, words)


def image(name: str, number: str, caption: str, data: str) -> Any:
    more = {"mimetype": "image/png", "file_name": "a.png"}
    return sent(client.messages.send_media, name, number, "image", data, caption, **more)


def audio(name: str, number: str, data: str) -> Any:
    return sent(client.messages.send_audio, name, number, data)


def sticker(name: str, number: str, data: str) -> Any:
    return sent(client.messages.send_sticker, name, number, data)


def location(name: str, number: str, place: str) -> Any:
    return sent(client.messages.send_location, name, number, place, "Av. Paulista, 1000", -23.5, -46.6)


def contact(name: str, number: str, who: str) -> Any:
    card = {"fullName": who, "wuid": "5511977776666", "phoneNumber": "+55 11 97777-6666"}
    return sent(client.messages.send_contact, name, number, [card])


def poll(name: str, number: str, question: str) -> Any:
    return sent(client.messages.send_poll, name, number, question, ["sim", "não"])


def reaction(name: str, key: Any, emoji: str) -> Any:
    return sent(client.messages.send_reaction, name, key, emoji)


def messages(name: str, jid: str, key_id: str) -> Any:
    return client.chat.find_messages(name, where={"key": {"id": key_id, "remoteJid": jid}})


def presence(name: str) -> Any:
    return client.instance.set_presence(name)


def restart(name: str) -> Any:
    client.instance.restart(name)
    return answers[-1]


def logout(name: str) -> Any:
    return client.instance.logout(name)


def delete(name: str) -> Any:
    return client.instance.delete(name)


answer_lines(
    {
        verb.__name__: verb
        for verb in (
            create, connect, state, instances, set_webhook, find_webhook, text, image, audio, sticker, location,
            contact, poll, reaction, messages, presence, restart, logout, delete,
        )
    }
)  # fmt: skip
