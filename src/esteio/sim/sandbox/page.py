"""The sandbox's page for people: phones, sessions, the truth beside the claim, and buttons.

One static page that reads `/_sandbox/truth` every two seconds; no template, nothing from outside. Its texts are in
`locales/*/sandbox.po`. Never lives here: the calls behind the buttons.
"""

from __future__ import annotations

import msgspec

from esteio.core.views.catalogue import Catalogue

STYLE = """
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin-bottom: 2rem; }
th, td { text-align: left; padding: .4rem .6rem;
  border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
.good { color: #18794e; } .bad { color: #cd2b31; font-weight: 600; }
button, select { font: inherit; margin: 0 .25rem .25rem 0; }
#said { min-height: 1.5em; font-family: ui-monospace, monospace; }
"""

SCRIPT = """
const el = (tag, text, cls) => { const e = document.createElement(tag); if (text != null) e.textContent = text;
  if (cls) e.className = cls; return e; };
const said = document.getElementById('said');
async function call(name, body) {
  const r = await fetch('/_sandbox/' + name, {method: 'POST', headers: {'content-type': 'application/json'},
    body: JSON.stringify(body)});
  said.textContent = name + ' → ' + JSON.stringify(await r.json()); show();
}
function button(label, fn) { const b = el('button', label); b.onclick = fn; return b; }
function verdict(s) {
  if (!s.linked) return [W.unlinked, 'bad'];
  if (!s.alive) return [W.dead, 'bad'];
  if (!s.can_receive) return [W.deaf, 'bad'];
  if (!s.can_send) return [W.mute, 'bad'];
  return [W.alive, 'good'];
}
const chosen = {};
function picker(key, kinds) {
  const pick = el('select');
  for (const kind of kinds) { const spec = KINDS[kind];
    for (const variant of spec.variants && spec.variants.length ? spec.variants : [null]) {
      const o = el('option', kind + (variant ? ': ' + variant : '')); o.value = JSON.stringify(
        variant ? {kind, variant} : {kind}); o.title = spec.text; pick.append(o); } }
  if (chosen[key]) pick.value = chosen[key];
  pick.onchange = () => { chosen[key] = pick.value; };
  return pick;
}
function row(cells) { const tr = el('tr'); for (const c of cells) { const td = el('td');
  if (!Array.isArray(c)) td.textContent = c ?? '';
  else if (c[0] instanceof Node) td.append(...c);
  else { td.textContent = c[0]; td.className = c[1]; }
  tr.append(td); } return tr; }
function head(names) { const tr = el('tr'); for (const n of names) tr.append(el('th', n)); return tr; }
async function show() {
  if (document.activeElement && document.activeElement.tagName === 'SELECT') return;
  const t = await (await fetch('/_sandbox/truth')).json();
  const servers = document.getElementById('servers'); servers.replaceChildren(head([W.server, 'URL', '', '']));
  const sk = Object.keys(KINDS).filter(k => KINDS[k].scope !== 'session');
  for (const s of t.servers) { const pick = picker('server ' + s.name, sk);
    servers.append(row([s.name + ' (' + s.kind + ' ' + s.version + ')', s.base_url,
      [s.up ? W.up : W.down, s.up ? 'good' : 'bad'],
      [button(W.restart, () => call('restart-server', {server: s.name})), pick,
       button(W.break, () => call('fault', {server: s.name, ...JSON.parse(pick.value)})),
       button(W.heal, () => call('heal', {server: s.name}))]])); }
  const box = document.getElementById('sessions');
  box.replaceChildren(head([W.session, W.phone, W.claim, W.registry, W.truth, W.faults, '']));
  document.getElementById('none').hidden = t.sessions.length > 0;
  const lk = Object.keys(KINDS).filter(k => KINDS[k].scope !== 'server');
  for (const s of t.sessions) { const id = {server: s.server, session: s.session};
    const pick = picker('session ' + s.server + '/' + s.session, lk);
    const acts = [pick, button(W.break, () => call('fault', {...id, ...JSON.parse(pick.value)})),
      button(W.heal, () => call('heal', id)),
      button(W.write, () => call('contact-sends', {to: s.phone, text: 'oi ' + new Date().toLocaleTimeString()})),
      button(W.unlink, () => call('unlink', id))];
    if (s.qr) acts.unshift(button(W.scan, () => call('scan', id)));
    const name = s.server + ' / ' + s.session;
    box.append(row([name, s.phone, s.claim, s.registry, verdict(s), s.faults.join(', '), acts])); }
}
show(); setInterval(show, 2000);
"""


def page(texts: Catalogue, kinds: object) -> str:
    """The page in the language of `texts`; `kinds` is the faults' vocabulary."""
    words = {key: texts.word("sandbox", key) for key in texts.keys("sandbox")}
    data = f"const W = {_embed(words)}; const KINDS = {_embed(kinds)};"
    return (
        f'<!doctype html><html lang="{texts.language}"><head><meta charset="utf-8"><title>{words["title"]}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>'
        f"<h1>{words['title']}</h1><p>{words['intro']}</p><p id=said role=status></p>"
        f"<h2>{words['servers']}</h2><table id=servers></table><h2>{words['sessions']}</h2>"
        f"<p id=none>{words['none']}</p><table id=sessions></table><script>{data}{SCRIPT}</script></body></html>"
    )


def _embed(value: object) -> str:
    """JSON that cannot close the script it stands in."""
    return msgspec.json.encode(value).decode().replace("</", "<\\/")


def tongue_of(accept_language: str) -> str:
    """`pt-BR` when the browser asks for any Portuguese before English, otherwise `en`."""
    for part in accept_language.lower().split(","):
        if part.strip().startswith("pt"):
            return "pt-BR"
        if part.strip().startswith("en"):
            return "en"
    return "pt-BR"
