"""A call of a route as one would type it, from a shell, in Python and in Node, with `ESTEIO_URL` and `ESTEIO_KEY` set.

Tests run every one of them. Never lives here: what is sent (`openapi_examples`).
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NamedTuple

from esteio.api.http.openapi_examples import QUERIES, REQUESTS, words
from esteio.api.http.route import Route

ENDLESS: Final = frozenset({"/v1/events"})
"""Answers that never end: an example reads the first event."""
_WIDTH: Final = 100
_PYTHON_WORDS: Final = {"true": "True", "false": "False", "null": "None"}


class Sample(NamedTuple):
    """`language` is the word of a fenced block."""

    language: str
    label: str
    text: str


def samples(route: Route, path: str) -> tuple[Sample, ...]:
    """Of one route, whose words in `path` are `{name}`. None of what providers call, and people never."""
    if path.startswith("/in/"):
        return ()
    return (
        Sample("sh", "curl", curl(route, path)),
        Sample("python", "Python", python(route, path)),
        Sample("js", "Node", node(route, path)),
    )


def curl(route: Route, path: str) -> str:
    """For a shell; a file is kept as `media`."""
    how = "-N " if path in ENDLESS else "" if route.method == "GET" else f"-X {route.method} "
    lines = [f'curl {how}"$ESTEIO_URL{_address(route, path)}"']
    if route.role is not None:
        lines.append('-H "Authorization: Bearer $ESTEIO_KEY"')
    if route.body is not None:
        text = json.dumps(_body(route, path), ensure_ascii=False).replace("'", "'\\''")
        lines += ["-H 'Content-Type: application/json'", f"-d '{text}'"]
    if _is_file(route):
        lines.append("-o media")
    return " \\\n  ".join(lines)


def python(route: Route, path: str) -> str:
    """With httpx."""
    words = [f"f\"{{os.environ['ESTEIO_URL']}}{_address(route, path)}\""]
    if route.role is not None:
        words.append('headers={"Authorization": f"Bearer {os.environ[\'ESTEIO_KEY\']}"}')
    if route.body is not None:
        words.append(f"json={_literal(_body(route, path), 4, python=True)}")
    if route.body is not None and "wait_s" in _body(route, path):
        words.append("timeout=30")
    head = "import os\n\nimport httpx\n\n"
    if path in ENDLESS:
        call = _lines("with httpx.stream", ['"GET"', *words, "timeout=None"]) + " as answer:"
        return f'{head}{call}\n    print(next(line for line in answer.iter_lines() if line.startswith("data:")))'
    shown = 'len(answer.content), "bytes"' if _is_file(route) else "answer.text"
    return f"{head}{_lines(f'answer = httpx.{route.method.lower()}', words)}\nprint(answer.status_code, {shown})"


def node(route: Route, path: str) -> str:
    """With the `fetch` that Node has since 18."""
    key = {"Authorization": "`Bearer ${process.env.ESTEIO_KEY}`"} if route.role is not None else {}
    kind = {'"Content-Type"': '"application/json"'} if route.body is not None else {}
    options = [f'method: "{route.method}"'] if route.method != "GET" else []
    if key or kind:
        options.append(f"headers: {{ {', '.join(f'{name}: {word}' for name, word in {**key, **kind}.items())} }}")
    if route.body is not None:
        options.append(f"body: JSON.stringify({_literal(_body(route, path), 2, python=False)})")
    inside = "".join(f"\n  {option}," for option in options)
    asked = f"`${{process.env.ESTEIO_URL}}{_address(route, path)}`" + (f", {{{inside}\n}}" if inside else "")
    call = f"const answer = await fetch({asked});\n"
    if path in ENDLESS:
        return (
            f"{call}for await (const piece of answer.body) {{\n"
            "  console.log(new TextDecoder().decode(piece));\n  break; // the stream goes on for ever\n}"
        )
    shown = '(await answer.arrayBuffer()).byteLength, "bytes"' if _is_file(route) else "await answer.text()"
    return f"{call}console.log(answer.status, {shown});"


def _address(route: Route, path: str) -> str:
    known = words(path)
    filled = re.sub(r"\{(\w+)\}", lambda found: known.get(found[1], found[1]), path)
    query = QUERIES.get(f"{route.method} {path}")
    return f"{filled}?{query}" if query else filled


def _body(route: Route, path: str) -> dict[str, Any]:
    return REQUESTS.get(f"{route.method} {path}") or {}


def _is_file(route: Route) -> bool:
    return any(one.name == "Range" for one in route.parameters)


def _lines(call: str, words: list[str]) -> str:
    """A call in one line, or a line for each of its words."""
    whole = f"{call}({', '.join(words)})"
    if len(whole) <= _WIDTH and "\n" not in whole:
        return whole
    return f"{call}(" + "".join(f"\n    {word}," for word in words) + "\n)"


def _literal(value: Any, indent: int, *, python: bool) -> str:
    """JSON as a literal of the language, in one line where it is short."""
    text = json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict) and len(text) > _WIDTH - 20:
        pad = " " * indent
        step = 4 if python else 2
        inner = (
            f'{pad}{" " * step}"{name}": {_literal(one, indent + step, python=python)},' for name, one in value.items()
        )
        return "{\n" + "\n".join(inner) + f"\n{pad}}}"
    if not python:
        return text
    return re.sub(
        r'"(?:[^"\\]|\\.)*"|\b(?:true|false|null)\b', lambda found: _PYTHON_WORDS.get(found[0], found[0]), text
    )
