r"""Shapes as generators want them: what msgspec says of a type, put right for requests and for answers.

In a request nothing has a `default` (generators make such fields obligatory); what it would be is said in words. In an
answer everything that is always there is `required`. Times have their format; patterns are those of JavaScript, where
`\Z` is a letter. Never lives here: a route.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import inspect

REF = "#/components/schemas/{name}"
Schema = dict[str, Any]
_TIME = re.compile(r"at|since|timestamp|\w+_(?:at|until)")
"""How fields are called that hold a time (contract: RFC 3339 UTC)."""
_LITERALLY = (int, float, str, bool)


def components(requests: Iterable[type], answers: Iterable[type]) -> dict[str, Schema]:
    """The schemas of all shapes and of what they hold, by name."""
    asked, answered = set(requests), set(answers)
    ordered = sorted(asked | answered, key=lambda shape: shape.__name__)
    _, found = msgspec.json.schema_components(ordered, ref_template=REF)
    structs = _structs(ordered)
    of_requests = set(_structs(asked))
    for name, schema in found.items():
        _tidy(schema)
        for field, part in schema.get("properties", {}).items():
            _without_default(part, say=name in of_requests)
            if _TIME.fullmatch(field):
                _time(part)
        if name in structs and name not in of_requests:
            _all_required(schema, structs[name])
    return found


def literal(shape: Any) -> Schema:
    """The schema of a `Literal` as a parameter's."""
    schema: Schema = msgspec.json.schema(shape)
    _tidy(schema)
    return schema


def _structs(shapes: Iterable[Any]) -> dict[str, inspect.StructType]:
    """Every struct that they hold, themselves included, by name."""
    found: dict[str, inspect.StructType] = {}
    waiting: list[Any] = list(inspect.multi_type_info(shapes))
    while waiting:
        one = waiting.pop()
        if isinstance(one, inspect.StructType):
            if one.cls.__name__ in found:
                continue
            found[one.cls.__name__] = one
        waiting += _parts(one)
    return found


def _parts(one: Any) -> list[Any]:
    if isinstance(one, inspect.StructType):
        return [field.type for field in one.fields]
    if isinstance(one, inspect.Metadata):
        return [one.type]
    parts = [getattr(one, name, None) for name in ("item_type", "key_type", "value_type")]
    several = [*getattr(one, "types", ()), *getattr(one, "item_types", ())]
    return [part for part in (*parts, *several) if part is not None]


def _all_required(schema: Schema, struct: inspect.StructType) -> None:
    """What is left out only when it is not set stays optional."""
    if struct.cls.__struct_config__.omit_defaults:
        return
    schema["required"] = [field.encode_name for field in struct.fields if not _may_be_unset(field)]


def _may_be_unset(field: inspect.Field) -> bool:
    return not field.required and field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT


def _tidy(schema: Any) -> None:
    """In place, at any depth."""
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            schema["pattern"] = schema["pattern"].replace(r"\Z", "$")
        if isinstance(schema.get("description"), str):
            schema["description"] = " ".join(schema["description"].split())
        if isinstance(schema.get("enum"), list) and all(isinstance(word, str) for word in schema["enum"]):
            schema["type"] = "string"
        if schema.get("required") == []:
            del schema["required"]
        for part in schema.values():
            _tidy(part)
    elif isinstance(schema, list):
        for part in schema:
            _tidy(part)


def _without_default(part: Schema, *, say: bool) -> None:
    if "default" not in part:
        return
    value = part.pop("default")
    if say and isinstance(value, _LITERALLY):
        word = str(value).lower() if isinstance(value, bool) else str(value)
        part["description"] = "; ".join(text for text in (part.get("description", ""), f"default: {word}") if text)


def _time(part: Schema) -> None:
    for one in [part, *part.get("anyOf", [])]:
        if one.get("type") == "string" and "format" not in one:
            one["format"] = "date-time"
