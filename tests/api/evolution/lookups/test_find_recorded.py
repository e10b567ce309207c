"""The recorded requests about messages, asked of messages that are there: keys in their order, and types, as recorded.

What they name (ids of a phone of that day) is replaced by what the sandbox has. `DIFFERENT`: where and why it is
otherwise here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from esteio.sim.lab import Lab
from esteio.sim.world.instance import Instance
from tests.api.evolution.door_stage import CUSTOMER, JID, Client, play, sent

RECORDINGS = Path(__file__).resolve().parents[3] / "recordings" / "evolution-2.3.7"
ITS_CUSTOMER = "5511999990001"
EXTRA = "a message of ours carries the status that it has reached, and the provider's id beside ours"
UNKNOWN = "what only the server knows of a message is not known of one that is answered without it"
DIFFERENT: dict[str, dict[str, str]] = {
    "087": {"messages.records[]{}": EXTRA},
    "089": {"[]{}": EXTRA},
    "088": {"messages.records[]{}": EXTRA, "messages.records[].contextInfo": UNKNOWN},
}


def compared(recorded: Any, got: Any, place: str = "") -> Iterator[str]:
    """The places where two documents differ in keys, their order, or types."""
    if isinstance(recorded, dict) and isinstance(got, dict):
        if list(recorded) != list(got):
            yield f"{place}{{}}"
        for name in recorded.keys() & got.keys():
            yield from compared(recorded[name], got[name], f"{place}.{name}".lstrip("."))
    elif isinstance(recorded, list) and isinstance(got, list):
        for one, other in zip(recorded[:1], got[:1], strict=False):
            yield from compared(one, other, f"{place}[]")
    elif type(recorded) is not type(got):
        yield place


def named(value: Any, names: dict[str, str]) -> Any:
    """The same with these texts in the place of others."""
    text = msgspec.json.encode(value).decode()
    for old, new in names.items():
        text = text.replace(old, new)
    return msgspec.json.decode(text)


@pytest.mark.parametrize("number", ["087", "088", "089", "096", "097", "098"])
def test_a_recorded_request_is_answered_in_its_shape(number: str) -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        ident = await sent(lab)

        async def has_arrived() -> bool:
            return (await lab.message(ident)).state in ("delivered", "read")

        await lab.until(has_arrived, 600)
        (path,) = RECORDINGS.glob(f"{number}_*.json")
        recording = msgspec.json.decode(path.read_bytes())
        request, answer = recording["request"], recording["response"]
        key = {"remoteJid": JID, "fromMe": True, "id": ident}
        if number == "097":
            await app.said(201, "DELETE", "/chat/deleteMessageForEveryone/{}", key)
        names = {ITS_CUSTOMER: CUSTOMER, "3EB06D3ED4A281F1E78257": ident, "5511988887777": CUSTOMER}
        told = await app.call(request["method"], request["path"].replace("/s1", "/{}"), named(request["body"], names))
        assert told.status_code == answer["status"], told.text
        assert set(compared(answer["body"], told.json())) == set(DIFFERENT.get(number, {}))

    play(story)
