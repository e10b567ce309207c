"""`/docs`: the description as a reference with examples to copy and to try, drawn here; nothing is loaded from
anywhere else, and the only script is the one below (its hash stands in the page's content security policy).

Never lives here: what is described (`openapi`), the dashboard.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from esteio.api.http.problems import KINDS
from esteio.core.views.catalogue import Translations

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}
code,pre,textarea,input{font:14px/1.45 ui-monospace,monospace}
pre,textarea{overflow:auto;padding:.75rem;border:1px solid var(--line);border-radius:6px;background:var(--soft)}
pre,textarea{width:100%}
input{padding:.3rem .5rem;width:24rem;max-width:100%}
button{padding:.25rem .7rem;cursor:pointer}
details{border-bottom:1px solid var(--line);padding:.4rem 0}
summary{cursor:pointer}summary b{display:inline-block;min-width:4.5rem}
table{border-collapse:collapse}td,th{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top}
nav{columns:2;margin:1rem 0}small{opacity:.7}
"""
_SCRIPT = """
document.addEventListener('click', async (event) => {
  const box = event.target.closest('details');
  if (event.target.matches('[data-copy]')) {
    await navigator.clipboard.writeText(event.target.parentElement.querySelector('pre').textContent);
    event.target.textContent = '\\u2713';
  }
  if (!event.target.matches('[data-try]')) return;
  const path = box.querySelector('[data-path]').value, method = event.target.dataset.try;
  const body = box.querySelector('textarea'), out = box.querySelector('[data-out]');
  const headers = {}, key = document.getElementById('key').value;
  if (key) headers.authorization = 'Bearer ' + key;
  if (body) headers['content-type'] = 'application/json';
  try {
    const answer = await fetch(path, {method, headers, body: body ? body.value : undefined});
    const text = await answer.text();
    let shown = text;
    try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { }
    out.textContent = answer.status + ' ' + answer.statusText + '\\n' + shown.slice(0, 20000);
  } catch (error) { out.textContent = String(error); }
});
"""
_HASH = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    f"frame-ancestors 'none'; script-src 'sha256-{_HASH}'"
)
"""Content security: one script, no picture, nothing from elsewhere."""
ENDLESS = frozenset({"/v1/events"})
"""What cannot be tried here: the answer never ends."""


def documentation(description: Mapping[str, Any], texts: Translations) -> str:
    """Every address in its group, every event, shape and problem code on one page."""
    groups = description.get("tags", [])
    parts = [
        f"<h1>Esteio {escape(description['info']['version'])}</h1>",
        "<p><code>Authorization: Bearer KEY</code> · <code>apikey: KEY</code></p>",
        '<p><a href="/openapi.json">openapi.json</a></p>',
        '<p><label>Key <input id="key" type="password" autocomplete="off" placeholder="esk_…"></label></p><nav>',
        *(f'<div><a href="#group-{escape(one["name"])}">{escape(one["name"])}</a></div>' for one in groups),
        '<div><a href="#events">event types</a></div><div><a href="#problems">problems</a></div></nav>',
    ]
    for group in groups:
        name = group["name"]
        parts.append(f'<h2 id="group-{escape(name)}">{escape(name)}</h2><p>{escape(group["description"])}</p>')
        parts += [_operation(*one) for one in _operations(description["paths"]) if name in one[2]["tags"]]
    parts.append('<h2 id="events">Event types</h2>')
    parts += [_event(kind, one["post"]) for kind, one in description.get("webhooks", {}).items()]
    parts.append("<h2>Shapes</h2>")
    parts += [_shape(name, schema) for name, schema in description["components"]["schemas"].items()]
    parts.append(_problems(texts))
    return _page("Esteio API", "".join(parts), script=_SCRIPT)


def _operations(paths: Mapping[str, Any]) -> Iterable[tuple[str, str, Mapping[str, Any]]]:
    return [(method, path, operation) for path, methods in paths.items() for method, operation in methods.items()]


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    body = operation.get("requestBody")
    asks = f"<p>body: {_link(body['content'])}</p>" if body else ""
    samples = "".join(_sample(one["label"], one["source"]) for one in operation.get("x-codeSamples", ()))
    return (
        f'<details id="{escape(operation["operationId"])}"><summary><b>{method.upper()}</b> <code>{escape(path)}</code>'
        f" — {escape(operation['summary'])} <small>{escape(operation.get('x-role', ''))}</small></summary>"
        f"<p>{escape(operation.get('description', ''))}</p><table>{_parameters(operation)}</table>{asks}"
        f"<p>{_answers(operation['responses'])}</p>{samples}{_trial(method, path, operation)}</details>"
    )


def _parameters(operation: Mapping[str, Any]) -> str:
    return "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}</td>"
        f"<td>{escape(one.get('description', ''))} {escape(' | '.join(one['schema'].get('enum', ())))}</td></tr>"
        for one in operation["parameters"]
    )


def _answers(responses: Mapping[str, Any]) -> str:
    """The good ones with their shapes, then the problems by status."""
    good = [f"{status} {_link(one.get('content', {}))}" for status, one in responses.items() if status < "300"]
    bad = [
        f"{status} <code>{escape(one['description'])}</code>" for status, one in responses.items() if status >= "400"
    ]
    return " · ".join(good) + "<br><small>" + "<br>".join(bad) + "</small>"


def _sample(label: str, text: str) -> str:
    return f"<div><small>{escape(label)}</small><pre>{escape(text)}</pre><button data-copy>copy</button></div>"


def _trial(method: str, path: str, operation: Mapping[str, Any]) -> str:
    if path in ENDLESS or path.startswith("/in/"):
        return ""
    filled = path
    for one in operation["parameters"]:
        filled = filled.replace("{" + one["name"] + "}", str(one.get("example", one["name"])))
    text = ""
    if "requestBody" in operation:
        contents: Mapping[str, Any] = operation["requestBody"]["content"]
        body = json.dumps(contents["application/json"].get("example", {}), indent=2, ensure_ascii=False)
        text = f'<textarea rows="{body.count(chr(10)) + 1}">{escape(body)}</textarea>'
    return (
        f'<p><input data-path value="{escape(filled)}"> <button data-try="{method.upper()}">try</button></p>{text}'
        "<pre data-out></pre>"
    )


def _event(kind: str, operation: Mapping[str, Any]) -> str:
    return (
        f"<details><summary><code>{escape(kind)}</code> — {escape(operation['summary'])}</summary>"
        f"<p>{_link(operation['requestBody']['content'])}</p></details>"
    )


def _shape(name: str, schema: Mapping[str, Any]) -> str:
    text = escape(json.dumps(schema, indent=2, ensure_ascii=False))
    return f'<details id="shape-{escape(name)}"><summary>{escape(name)}</summary><pre>{text}</pre></details>'


def _problems(texts: Translations) -> str:
    """Every code with its title in every language."""
    rows = "".join(
        f'<tr id="{code}"><td><code>{code}</code></td><td>{kind.status}</td>'
        + "".join(f"<td>{escape(one.word('title', code))}</td>" for one in texts.by_language.values())
        + "</tr>"
        for code, kind in KINDS.items()
    )
    languages = "".join(f"<th>{escape(language)}</th>" for language in texts.by_language)
    head = f'<h2 id="problems">Problems</h2><table><tr><th>code</th><th>status</th>{languages}</tr>'
    return f"{head}{rows}</table>"


def _link(content: Mapping[str, Any]) -> str:
    """The shapes by name, other contents by their type."""
    parts = []
    for kind, one in content.items():
        name = escape(str(one["schema"].get("$ref", "")).rpartition("/")[2])
        parts.append(f'<a href="#shape-{name}">{name}</a>' if name else escape(kind))
    return " | ".join(parts)


def _page(title: str, body: str, *, script: str = "") -> str:
    return (
        f'<!doctype html><html lang="pt-BR"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body>{body}{f'<script>{script}</script>' if script else ''}</body></html>"
    )
