"""What the API's description says of providers: which kinds there are, and what each needs in `credentials` and `ref`.

Made from the declarations of the adapters that are installed. Never lives here: a kind, a field's name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from esteio.core.views.catalogue import Catalogue
from esteio.providers.declaration import SESSION, Declaration, Field

Schema = dict[str, Any]
_KINDS = ("ServerRequest", "DeclaredServer")
_REFS = ("SessionRequest", "DeclaredSession", "SessionChange")


def describe_kinds(schemas: Mapping[str, Schema], declared: Mapping[str, Declaration], texts: Catalogue) -> None:
    """Put the kinds and their fields into the schemas of requests, in place."""
    credentials = "; ".join(_told(kind, one.credentials, "credentials", texts) for kind, one in declared.items())
    ref = "; ".join(_told(kind, one.ref, "ref", texts) for kind, one in declared.items())
    for name in _KINDS:
        properties = schemas[name]["properties"]
        properties["kind"] = {"type": "string", "enum": sorted(declared)}
        properties["credentials"]["description"] = credentials
    for name in _REFS:
        schemas[name]["properties"]["ref"]["description"] = ref


def _told(kind: str, fields: Sequence[Field], place: str, texts: Catalogue) -> str:
    shown = [_field(kind, field, place, texts) for field in fields if not field.learned]
    return f"{kind}: {', '.join(shown) or 'none'}"


def _field(kind: str, field: Field, place: str, texts: Catalogue) -> str:
    default = "the session's own name" if field.default == SESSION else field.default
    more = (
        texts.find(f"field {kind}", f"{place}.{field.name}") or field.text,
        "" if field.required else "optional",
        f"default: {default}" if default else "",
    )
    return f"`{field.name}` ({'; '.join(one for one in more if one)})"
