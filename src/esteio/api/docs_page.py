"""`/docs` and `/`: the description as a page, drawn here; nothing is loaded from anywhere else.

Never lives here: what is described (`openapi`), the dashboard.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from esteio.api.problems import KINDS

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Content security: no script at all, no picture, nothing from elsewhere."""
_STYLE = """
:root{color-scheme:light dark;--line:#8884}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code,pre{font:14px/1.45 ui-monospace,monospace}
pre{overflow:auto;padding:.75rem;border:1px solid var(--line);border-radius:6px}
details{border-bottom:1px solid var(--line);padding:.4rem 0}
summary{cursor:pointer}summary b{display:inline-block;min-width:4.5rem}
table{border-collapse:collapse}td,th{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top}
small{opacity:.7}
"""


def front() -> str:
    """The page at the root, until the dashboard stands there."""
    return _page(
        "Esteio",
        "<h1>Esteio</h1><p>O gateway está no ar. / The gateway is up.</p><ul>"
        '<li><a href="/docs">API</a></li><li><a href="/openapi.json">openapi.json</a></li>'
        '<li><a href="/readyz">readyz</a></li><li><a href="/metrics">metrics</a></li></ul>',
    )


def documentation(description: Mapping[str, Any]) -> str:
    """Every address, shape and problem code on one page."""
    parts = [
        f"<h1>Esteio {escape(description['info']['version'])}</h1>",
        "<p><code>Authorization: Bearer KEY</code> · <code>apikey: KEY</code></p>",
        '<p><a href="/openapi.json">openapi.json</a></p>',
    ]
    for path, methods in description["paths"].items():
        parts += [_operation(method, path, operation) for method, operation in methods.items()]
    parts.append("<h2>Shapes</h2>")
    for name, schema in description["components"]["schemas"].items():
        text = escape(json.dumps(schema, indent=2, ensure_ascii=False))
        parts.append(f'<details id="shape-{escape(name)}"><summary>{escape(name)}</summary><pre>{text}</pre></details>')
    parts.append("<h2>Problems</h2><table><tr><th>code</th><th>status</th><th>pt-BR</th><th>en</th></tr>")
    parts += [
        f'<tr id="{code}"><td><code>{code}</code></td><td>{kind.status}</td><td>{escape(kind.pt[0])}</td>'
        f"<td>{escape(kind.en[0])}</td></tr>"
        for code, kind in KINDS.items()
    ]
    parts.append("</table>")
    return _page("Esteio API", "".join(parts))


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    rows = [
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}</td>"
        f"<td>{escape(one.get('description', ''))}</td></tr>"
        for one in operation["parameters"]
    ]
    body = operation.get("requestBody")
    asks = f"<p>body: {_link(body['content'])}</p>" if body else ""
    answers = " · ".join(
        f"{status} {_link(one['content']) if 'content' in one else ''}"
        for status, one in operation["responses"].items()
        if status < "300"
    )
    return (
        f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code> — {escape(operation['summary'])} "
        f"<small>{escape(operation.get('x-role', ''))}</small></summary><table>{''.join(rows)}</table>{asks}"
        f"<p>{answers}</p></details>"
    )


def _link(content: Mapping[str, Any]) -> str:
    reference = next(iter(content.values()))["schema"].get("$ref", "")
    name = escape(reference.rpartition("/")[2])
    return f'<a href="#shape-{name}">{name}</a>'


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="pt-BR"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body>{body}</body></html>"
    )
