"""Bodies as providers send them, made wrong in every way that a seed can think of.

Whole bodies come from the recordings (Evolution) and from the inputs that were handed to us (all dialects); a mutant
differs in one to four places of its JSON, and sometimes in its bytes. Own code: the same seed gives the same bodies on
every machine.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent.parent
KINDS = ("evolution", "baileys", "wapi")
RAW = "\x01raw:"
"""Marks a string that is written into the JSON as it is, without quotes."""
NUMBERS = ("1e999", "-1e999", "NaN", "Infinity", "9" * 400, "9223372036854775808", "-9223372036854775809", "1e308",
           "0", "-1", "1.5", "4294967296", "18446744073709551615")  # fmt: skip
WORDS = (
    "", " ", "\x00", "a\x00b", "\ud83d", "x \udc00 y", "\ufeff", "\u2028", "\u202e", "é" * 300, "REVOKE", "open",
    "close",
    "5511977770001@s.whatsapp.net", "123456@lid", "120363000000000001@g.us", "status@broadcast", "x@newsletter",
    "5511977770001:12@s.whatsapp.net", "@", "@s.whatsapp.net", "2026-11-29T10:00:00Z", "0001-01-01T00:00:00+14:00",
    "9" * 300, "1e999", "data:image/png;base64,AAAA", '{"id":', "' OR 1=1 --", "../../etc/passwd", "ERROR",
    "SERVER_ACK",
    "messages.upsert", "message.received", "true", "null", "\\ud83d",
)  # fmt: skip
NODES: tuple[Any, ...] = (
    None, True, False, [], {}, [[]], [None], {"": None}, {"low": 1e308, "high": 1e308}, {"low": -1, "high": 5},
    {"low": {"low": {"low": 1}}}, 0, 1, -1, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 0.1, 1e300, 1795247408,
    1795247408000, 99999999999999999,
)  # fmt: skip
WRAPPERS = ("ephemeralMessage", "viewOnceMessageV2", "editedMessage", "associatedChildMessage", "deviceSentMessage")
CONTENTS: tuple[Any, ...] = (
    {"conversation": "oi"},
    {"locationMessage": {"degreesLatitude": -23.5, "degreesLongitude": -46.6}},
    {"imageMessage": {"mimetype": "image/png", "fileLength": "7"}, "base64": "iVBORw0KGgo="},
    {"contactMessage": {"displayName": "Ana", "vcard": "TEL;waid=5511977770001:+55"}},
    {"pollCreationMessageV3": {"name": "Q", "options": [{"optionName": "a"}], "selectableOptionsCount": 1}},
    {"reactionMessage": {"key": {"id": "T"}, "text": "x"}},
    {"orderMessage": {"orderId": "1", "itemCount": 2, "totalAmount1000": "100"}},
    {"productMessage": {"product": {"productId": "1", "priceAmount1000": 5}}},
    {"protocolMessage": {"type": 0, "key": {"id": "T"}}},
    {"protocolMessage": {"type": 14, "key": {"id": "T"}, "editedMessage": {"conversation": "novo"}}},
    {"secretEncryptedMessage": {"secretEncType": 2, "targetMessageKey": {"id": "T"}}},
    {"interactiveResponseMessage": {"nativeFlowResponseMessage": {"paramsJson": '{"id":"a"}'}}},
    {"interactiveMessage": {"carouselMessage": {"cards": [{"body": {"text": "x"}}]}}},
    {"senderKeyDistributionMessage": {}},
    {"unheardOfMessage": {"a": [1, {"b": "c"}]}},
)


def bodies(kind: str) -> list[Any]:
    """Whole webhook bodies of this dialect."""
    found: list[Any] = []
    if kind == "evolution":
        hooks = TESTS / "recordings" / "evolution-2.3.7" / "webhooks"
        found += [json.loads(path.read_text(encoding="utf-8"))["body"] for path in sorted(hooks.glob("*.json"))]
    for path in sorted((TESTS / "inputs").glob("*.json")):
        given = json.loads(path.read_text(encoding="utf-8"))
        found += [body for whose, body in given.get("webhooks", ()) if whose == kind]
    return [*found, *_EXTRA[kind]]


_EXTRA: dict[str, list[Any]] = {
    "evolution": [{"event": "messages.set", "instance": "loja", "data": []}],
    "baileys": [
        {"event": "qr.update", "session": "b", "payload": {"qrCode": "2@x"}},
        {"event": "session.status", "session": "b", "payload": {"status": "WORKING", "me": {"id": "551195@c.us"}}},
        {"event": "session.status", "session": "b", "payload": {"status": "limbo"}},
    ],
    "wapi": [
        {"event": "webhookStatus", "instanceId": "w", "messageId": "A", "status": "DELIVERY_ACK", "moment": 1795247408},
        {"event": "webhookConnected", "instanceId": "w", "connectedPhone": "5511955550003", "moment": 1795247408},
        {"event": "webhookQRCode", "instanceId": "w", "qrcode": "2@y"},
    ],
}  # fmt: skip


class Mutator:
    """Mutants of one dialect's bodies, for ever. `line` is what the provider calls the session; `now` dates them."""

    def __init__(self, kind: str, seed: int, line: str) -> None:
        self.dice = random.Random(f"{seed}:{kind}")
        self._kind, self._line, self._bodies = kind, line, bodies(kind)
        self._made = 0

    def body(self, now: float) -> bytes:
        """The next one, as bytes."""
        tree = self._dated(copy.deepcopy(self.dice.choice(self._bodies)), now)
        if self.dice.random() < 0.9:
            try:
                for _ in range(self.dice.randint(1, 4)):
                    tree = self._changed(tree)
            except RecursionError:
                # Deep enough.
                pass
        text = self._written(tree)
        return self._bytes(text) if self.dice.random() < 0.2 else text.encode("utf-8", "replace")

    def _dated(self, tree: Any, now: float) -> Any:
        """As if it came for this line just now, under an id of its own."""
        self._made += 1
        if isinstance(tree, dict):
            for name, value in list(tree.items()):
                if name in ("instance", "session", "instanceId") and isinstance(value, str):
                    tree[name] = self._line if self.dice.random() < 0.97 else value
                elif name in ("messageTimestamp", "timestamp", "moment"):
                    tree[name] = int(now) - self.dice.randint(0, 30)
                elif name in ("id", "messageId", "keyId") and isinstance(value, str) and "@" not in value:
                    tree[name] = f"{value}{self._made % 4000}"
                else:
                    tree[name] = self._dated(value, now)
        return tree

    # -- one change ------------------------------------------------------------------------------------------------

    def _changed(self, tree: Any) -> Any:
        places = list(_places(tree))
        if not places:
            return self._node()
        holder, key = self.dice.choice(places)
        match self.dice.randrange(9):
            case 0:
                del holder[key]
            case 1:
                holder[key] = [holder[key]] * self.dice.choice((0, 1, 2, 30))
            case 2:
                holder[key] = {self.dice.choice(WRAPPERS): {"message": holder[key]}}
            case 3:
                holder[key] = _deep(holder[key], self.dice.choice((3, 30, 80)))
            case 4 if isinstance(holder, dict):
                holder[str(key).swapcase()] = holder.pop(key)
            case 5:
                holder[key] = copy.deepcopy(self.dice.choice(CONTENTS))
            case 6:
                other, there = self.dice.choice(places)
                holder[key] = copy.deepcopy(other[there])
            case _:
                holder[key] = self._node()
        return tree

    def _node(self) -> Any:
        match self.dice.randrange(4):
            case 0:
                return RAW + self.dice.choice(NUMBERS)
            case 1:
                return self.dice.choice(WORDS)
            case 2:
                return self.dice.choice(WORDS) * self.dice.choice((1, 2, 40))
            case _:
                return copy.deepcopy(self.dice.choice(NODES))

    # -- as bytes --------------------------------------------------------------------------------------------------

    def _written(self, tree: Any) -> str:
        try:
            text = json.dumps(tree, ensure_ascii=self.dice.random() < 0.5)
        except RecursionError:
            return "[" * 2000
        for number in NUMBERS:
            text = text.replace(f'"\\u0001raw:{number}"', number)
        return text

    def _bytes(self, text: str) -> bytes:
        data = text.encode("utf-8", "replace")
        match self.dice.randrange(10):
            case 0:
                return b"\xef\xbb\xbf" + data
            case 1:
                return text.encode("utf-16", "replace")
            case 2:
                return text.encode("latin-1", "replace")
            case 3:
                return data[: self.dice.randrange(len(data) + 1)]
            case 4:
                return data + self.dice.choice((b"\x00", b"\n\n", b",", b"}", b"<!-- x -->"))
            case 5:
                return b"[" + data + b"," + data + b"]"
            case 6:
                return self.dice.choice(
                    (b"", b"<html></html>", b"null", b"[]", b"0", b"\xff\xfe", b"\x00" * 9, b"[" * 9000)
                )
            case 7:
                return self.dice.randbytes(self.dice.randrange(1, 400))
            case _:
                for _ in range(self.dice.randint(1, 8)):
                    at = self.dice.randrange(len(data) + 1)
                    data = data[:at] + self.dice.randbytes(1) + data[at + self.dice.randint(0, 1) :]
                return data


def _places(tree: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    if depth > 12:
        return
    keys = list(tree) if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        yield tree, key
        yield from _places(tree[key], depth + 1)


def _deep(value: Any, levels: int) -> Any:
    for level in range(levels):
        value = [value] if level % 2 else {"message": value}
    return value
