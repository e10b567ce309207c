"""Ids of messages in JSON that goes to an Evolution server, and in what it answers.

To a client of the door a message that went out is named by our id for ever, one that came in by the provider's; the
server knows the provider's only. Values go in, values come out; what is given is not changed. Never lives here: which
messages a session has (the caller asks the store, for that session only).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from esteio.core.model.message import Message

Json = Any
NAMES: Final = frozenset({"id", "keyId", "messageId", "stanzaId"})
"""Where a message's id stands, at any depth."""


def to_provider(messages: Iterable[Message]) -> dict[str, str]:
    """Our ids and the provider's in their place; without those that the provider has not named yet."""
    return {one.id: one.provider_id for one in messages if one.provider_id}


def to_ours(messages: Iterable[Message]) -> dict[str, str]:
    """The provider's ids of what went out, and ours in their place. Of two with one id the first is meant."""
    names: dict[str, str] = {}
    for one in messages:
        if one.direction == "out" and one.provider_id:
            names.setdefault(one.provider_id, one.id)
    return names


def ids_in(value: Json) -> frozenset[str]:
    """All texts that stand where a message's id may stand."""
    return frozenset(
        word for node in _nodes(value) for name, word in node.items() if name in NAMES and isinstance(word, str)
    )


def asked(value: Json, names: Mapping[str, str]) -> Json:
    """A request's body with these ids replaced, and nothing else."""
    return _renamed(value, names, heed_author=False)


def answered(value: Json, names: Mapping[str, str], instance: str) -> Json:
    """An answer with these ids replaced, the old one beside it as `providerId` in a message or an update of one, and
    with `instance` (`evolution_names.instance_id`) as its `instanceId`. A key that is not from us keeps its id, for a
    stranger may use one of ours."""
    return _renamed(value, names, heed_author=True, instance=instance)


def _nodes(value: Json) -> Iterator[dict[str, Json]]:
    """All objects in it. Not by recursion: how deep it is, is a stranger's choice."""
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _renamed(value: Json, names: Mapping[str, str], *, heed_author: bool, instance: str = "") -> Json:
    root = [value]
    waiting: list[Any] = [root]
    while waiting:
        box = waiting.pop()
        places = box.items() if isinstance(box, dict) else enumerate(box)
        for place, part in places:
            if isinstance(part, dict):
                # guard: stranger-with-our-id-keeps-it
                if heed_author and part.get("fromMe") is False:
                    box[place] = dict(part)
                else:
                    box[place] = _one(part, names, beside=heed_author)
                if instance and isinstance(part.get("instanceId"), str):
                    box[place]["instanceId"] = instance
                waiting.append(box[place])
            elif isinstance(part, list):
                box[place] = list(part)
                waiting.append(box[place])
    return root[0]


def _one(node: dict[str, Json], names: Mapping[str, str], *, beside: bool) -> dict[str, Json]:
    """One object: its own ids, and what the provider calls the message that it is about."""
    said = {
        name: names.get(word, word) if name in NAMES and isinstance(word, str) else word for name, word in node.items()
    }
    if beside:
        theirs = _provider_id(node)
        if theirs in names:
            said["providerId"] = theirs
    return said


def _provider_id(node: dict[str, Json]) -> str:
    """What a message, or an update of one, is called; "" for anything else."""
    key = node.get("key") if "message" in node else {"id": node.get("keyId")}
    named = key.get("id") if isinstance(key, dict) and key.get("fromMe") is not False else None
    return named if isinstance(named, str) else ""
