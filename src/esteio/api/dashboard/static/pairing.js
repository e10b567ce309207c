// A pairing page: what stands in #view is drawn by the server and pushed with every change. The browser itself knows only
// the time that is left of a code, and that a code is covered while nobody can say whether it is still good: when its
// time is over, when the connection is lost, when nobody looks. Never here: a text, a rule.
const box = document.getElementById('view');
const told = document.getElementById('told');
const connection = document.getElementById('connection');
const AWAY_MS = 4000; // between success and the session's own page
const AGAIN_MS = 3000; // between two tries where a stream was refused
const SILENT_MS = 12000; // the gateway says every 5 s that it is there
let source = null, ends = 0, left = 0, tag = '', heardAt = 0;

function said(state) {
  if (!connection || connection.dataset.state === state) return;
  connection.dataset.state = state;
  connection.textContent = state === 'on' ? connection.dataset.on : box.dataset.lost;
  connection.classList.toggle('off', state !== 'on');
}

// The time left is counted from when it was told: this machine's clock may be wrong.
function lasts(seconds) {
  left = Number(seconds) || 0;
  ends = left ? Date.now() + left * 1000 : 0;
}

function count() {
  if (source && Date.now() - heardAt > SILENT_MS) { pause(); said('off'); listen(); }
  if (!ends) return;
  const now = Math.max(0, Math.ceil((ends - Date.now()) / 1000));
  for (const one of box.querySelectorAll('[data-count]')) one.textContent = `${now} s`;
  for (const one of box.querySelectorAll('progress')) one.value = now;
  if (!now) cover();
}

function cover() { box.classList.add('covered'); }

function shown(drawn) {
  const before = box.dataset.kind;
  if (drawn.tag !== tag) put(drawn.html);
  tag = drawn.tag;
  box.dataset.kind = drawn.kind;
  if (told.textContent !== drawn.said) told.textContent = drawn.said;
  lasts(drawn.left);
  box.classList.remove('covered');
  count();
  if (drawn.kind === 'connected' && before !== 'connected') finished();
}

// The focus stays where it was, by the id of what had it; so does what was typed, and what was opened.
function put(html) {
  const id = box.contains(document.activeElement) ? document.activeElement.id : '';
  const typed = [...box.querySelectorAll('input[id]')].map((one) => [one.id, one.value]);
  const open = [...box.querySelectorAll('details[open][id]')].map((one) => one.id);
  const fresh = new DOMParser().parseFromString(html, 'text/html').body;
  box.replaceChildren(...[...fresh.childNodes].map((one) => document.adoptNode(one)));
  for (const [field, value] of typed) if (box.querySelector(`#${field}`)) box.querySelector(`#${field}`).value = value;
  for (const one of open) box.querySelector(`#${one}`)?.setAttribute('open', '');
  if (id) document.getElementById(id)?.focus();
  copies();
}

function finished() {
  for (const one of document.querySelectorAll('[data-until-linked]')) one.hidden = true;
  const title = document.querySelector('h1');
  title.tabIndex = -1;
  title.focus();
  for (const one of box.querySelectorAll('[data-leaving]')) one.hidden = false;
  if (box.dataset.then) setTimeout(() => location.assign(box.dataset.then), AWAY_MS);
}

function copies() {
  for (const one of document.querySelectorAll('[data-copy]')) {
    one.hidden = false;
    one.onclick = async () => {
      const from = document.getElementById(one.dataset.copy);
      await copied(from);
      if (one.dataset.copied) one.textContent = one.dataset.copied;
    };
  }
}

async function copied(from) {
  try { await navigator.clipboard.writeText(from.value ?? from.textContent); return; } catch { /* only over TLS */ }
  if (from.select) from.select(); else getSelection().selectAllChildren(from);
  document.execCommand('copy');
}

function listen() {
  if (source || !box.dataset.stream) return;
  source = new EventSource(box.dataset.stream);
  heardAt = Date.now();
  source.addEventListener('alive', () => { heardAt = Date.now(); });
  source.addEventListener('drawn', (event) => {
    heardAt = Date.now();
    said('on');
    shown(JSON.parse(event.data));
  });
  source.addEventListener('over', () => { cover(); anew(); });
  source.onerror = () => {
    cover();
    said('off');
    heardAt = Date.now();
    if (source && source.readyState === EventSource.CLOSED) refused();
  };
}

// Not tried again by itself: perhaps the login or the link is over, which the page itself says.
async function refused() {
  source = null;
  try {
    const answer = await fetch(location.href, {cache: 'no-store'});
    if (new URL(answer.url).pathname === '/login' || answer.status === 404) { anew(); return; }
  } catch { /* nobody answers */ }
  setTimeout(() => { if (!document.hidden) listen(); }, AGAIN_MS);
}

// Asked for, never sent again: it may be a form's answer, which a reload would send once more.
function anew() { location.replace(location.pathname + location.search); }

function pause() {
  cover();
  if (source) { source.close(); source = null; }
}

if (box) {
  tag = box.dataset.tag;
  lasts(box.dataset.left);
  copies();
  count();
  setInterval(count, 500);
  if (document.hidden) cover(); else listen();
  document.addEventListener('visibilitychange', () => { if (document.hidden) pause(); else listen(); });
  addEventListener('pagehide', pause);
  addEventListener('pageshow', (event) => { if (event.persisted) listen(); });
}

// An address that was made for somebody elsewhere begins as this page's own does.
for (const one of document.querySelectorAll('[data-path]')) one.value = location.origin + one.dataset.path;

// Of a new session only what its server's kind asks for.
const server = document.getElementById('server');
function asked() {
  const kind = server.selectedOptions[0]?.dataset.kind ?? '';
  for (const one of document.querySelectorAll('[data-kind-of]')) {
    one.hidden = one.dataset.kindOf !== kind;
    for (const field of one.querySelectorAll('input')) field.disabled = one.hidden;
  }
  for (const one of document.querySelectorAll('[data-only]')) one.hidden = !one.dataset.only.split(' ').includes(kind);
}
if (server) { server.addEventListener('change', asked); asked(); }
