"""The reference of the HTTP API as pages, made from its own description: routes, shapes, problems, examples.

`docs/reference/api.md` lists every route; a page below it has one group, `shapes.md` every shape. Never lives here: an
example (`api.http.openapi_samples`), what a route takes (`api.http.openapi`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from esteio.api.app import TABLE
from esteio.api.http import openapi
from esteio.api.http.problems import KINDS
from esteio.texts import catalogue

WHOLE = openapi.describe(TABLE, "0")
SCHEMAS: Mapping[str, Any] = WHOLE["components"]["schemas"]
OPERATIONS: list[tuple[str, str, Mapping[str, Any]]] = [
    (method.upper(), path, one) for path, methods in WHOLE["paths"].items() for method, one in methods.items()
]
MADE = "<!-- Made by `python -m tests.docs.write` from {}: change that. -->"
FOLDER = "docs/reference/api"
HOW = """
Every example runs as it stands once two variables are set: `ESTEIO_URL`, where the gateway is reached
(`http://127.0.0.1:8700`), and `ESTEIO_KEY`, a key ([keys.md](../how-to/keys.md)). Those in Python need
`pip install httpx`, those in Node need Node 18 or newer and a file that ends in `.mjs`. The tests of this repository
run them all.
"""


def pages() -> dict[str, str]:
    """Path in the repository → text."""
    groups = {one["name"]: one["description"] for one in WHOLE["tags"] if members(one["name"])}
    found = {f"{FOLDER}.md": index(groups), f"{FOLDER}/shapes.md": shapes()}
    return {**found, **{f"{FOLDER}/{name}.md": group(name, about) for name, about in groups.items()}}


def members(name: str) -> list[tuple[str, str, Mapping[str, Any]]]:
    return [one for one in OPERATIONS if name in one[2]["tags"]]


def index(groups: Mapping[str, str]) -> str:
    lines = [
        MADE.format("the table of routes"),
        "",
        "# The HTTP API",
        "",
        *WHOLE["info"]["description"].split("\n"),
        HOW,
    ]
    lines += [
        "A running gateway shows the same at `/docs`, and gives it to generators of clients at `/openapi.json`.",
        "",
    ]
    for name, about in groups.items():
        lines += [
            f"## [{name}](api/{name}.md)",
            "",
            f"{about}.",
            "",
            "| Route | What it does | Role |",
            "|---|---|---|",
        ]
        lines += [
            f"| [`{method} {path}`](api/{name}.md#{place(method, path)}) | {cell(one['summary'])} | {role(one)} |"
            for method, path, one in members(name)
        ]
        lines.append("")
    return "\n".join([*lines, "The documents that go in and come out: [shapes](api/shapes.md).", "", *problems()])


def problems() -> Iterator[str]:
    texts = catalogue("en")
    yield from (
        "## Problems",
        "",
        "The `code` of a refusal never changes its meaning; `detail` says more, in words.",
        "",
    )
    yield from ("| Code | Status | Title |", "|---|---|---|")
    for code, kind in KINDS.items():
        yield f"| `{code}` | {kind.status} | {cell(texts.word('title', code))} |"
    yield ""


def group(name: str, about: str) -> str:
    lines = [MADE.format("the table of routes"), "", f"# API: {name}", "", f"{about}. [All routes](../api.md).", ""]
    for method, path, one in members(name):
        lines += operation(method, path, one)
    return "\n".join(lines)


def operation(method: str, path: str, one: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"## {method} {path}", "", sentence(one["summary"]))
    if one["description"] != one["summary"]:
        yield from ("", one["description"].replace("Raises `CommandError`", "Refused"))
    yield from ("", f"Role: {role(one)}.", "")
    yield from parameters(one["parameters"])
    yield from body(one)
    yield from answers(one["responses"])
    for sample in one["x-codeSamples"]:
        yield from (f"{sample['label']}:", "", f"```{sample['lang']}", sample["source"], "```", "")


def role(one: Mapping[str, Any]) -> str:
    return f"`{one['x-role']}`" if "x-role" in one else "none, no key is asked for"


def parameters(listed: list[Mapping[str, Any]]) -> Iterator[str]:
    if not listed:
        return
    yield from ("| Parameter | Where | What |", "|---|---|---|")
    for one in listed:
        told = "; ".join(filter(None, (one.get("description", ""), kind(one["schema"], "shapes.md"))))
        yield f"| `{one['name']}` | {one['in']} | {cell(told)} |"
    yield ""


def body(one: Mapping[str, Any]) -> Iterator[str]:
    asked = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if "$ref" in asked:
        name = asked["$ref"].rpartition("/")[2]
        if SCHEMAS[name].get("properties"):
            yield from (f"Takes [{name}](shapes.md#{name.lower()}):", "", *fields(SCHEMAS[name], "shapes.md"))


def answers(responses: Mapping[str, Any]) -> Iterator[str]:
    good = [f"{status} {contents(one)}".rstrip() for status, one in responses.items() if status < "400"]
    bad = [(status, codes_of(one)) for status, one in responses.items() if status >= "400"]
    yield from (f"Answers: {', or '.join(good)}.", "")
    if refusals := "; ".join(f"{status} {codes}" for status, codes in bad if codes):
        yield from (f"Refusals: {refusals}.", "")


def contents(one: Mapping[str, Any]) -> str:
    shown = [kind(what["schema"], "shapes.md") if "$ref" in what.get("schema", {}) else f"`{media}`"
             for media, what in one.get("content", {}).items() if media != "application/problem+json"]  # fmt: skip
    return " or ".join(shown)


def codes_of(one: Mapping[str, Any]) -> str:
    return ", ".join(f"`{code}`" for code in one["description"].split(", ") if code in KINDS)


def shapes() -> str:
    lines = [MADE.format("the shapes of the API"), "", "# API: shapes", ""]
    lines += ["What goes in and comes out, by name. [All routes](../api.md).", ""]
    for name in sorted(SCHEMAS):
        lines += [f"## {name}", "", sentence(SCHEMAS[name].get("description", name)), "", *fields(SCHEMAS[name], "")]
    return "\n".join(lines)


def fields(schema: Mapping[str, Any], page: str) -> Iterator[str]:
    """The table of a shape's fields, with links into `page`."""
    listed = schema.get("properties", {})
    if "oneOf" in schema:
        yield from (f"One of {', '.join(kind(one, page) for one in schema['oneOf'])}.", "")
    if not listed:
        return
    needed = schema.get("required", ())
    always = "needed" if schema.get("additionalProperties") is False else "always there"
    yield from ("| Field | Kind | |", "|---|---|---|")
    for name, one in listed.items():
        told = "; ".join(filter(None, (always if name in needed else "", one.get("description", ""))))
        yield f"| `{name}` | {cell(kind(one, page))} | {cell(told)} |"
    yield ""


def kind(schema: Mapping[str, Any], page: str) -> str:
    """What a schema asks for, in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}]({page}#{name.lower()})"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return (" and " if several == "allOf" else " or ").join(kind(one, page) for one in schema[several])
    if "enum" in schema:
        return " ".join(f"`{word}`" for word in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    match schema.get("type"):
        case "array":
            return f"list of {kind(schema.get('items', {}), page)}{bounds(schema, 'Items')}"
        case "object" if "additionalProperties" in schema:
            return f"object of {kind(schema['additionalProperties'] or {}, page)}"
        case "string" if schema.get("format") == "date-time":
            return "time"
        case "string":
            return f"string{bounds(schema, 'Length')}"
        case "integer" | "number" as plain:
            return f"{plain}{bounds(schema, 'imum')}"
        case None:
            return "anything"
        case other:
            return str(other)


def bounds(schema: Mapping[str, Any], what: str) -> str:
    least, most = schema.get(f"min{what}"), schema.get(f"max{what}")
    if what == "imum" and least is None and "exclusiveMinimum" in schema:
        return f" (more than {schema['exclusiveMinimum']}, at most {most})"
    if what == "Length" and least == 1:
        least = None
    if least is None and most is None:
        return ""
    if least is None:
        return f" (at most {most})"
    return f" ({least} to {most})" if most is not None else f" (at least {least})"


def place(method: str, path: str) -> str:
    """The anchor of a route's heading, as hosting pages make it."""
    return re.sub(r"[^\w\- ]", "", f"{method} {path}".lower()).replace(" ", "-")


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def sentence(text: str) -> str:
    """A summary as a sentence: a line of its own, with its stop."""
    plain = " ".join(text.split())
    return plain if plain.endswith((".", "…")) else f"{plain}."
