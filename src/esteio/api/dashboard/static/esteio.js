// The page keeps itself true: an event of the stream says that something changed, the server draws the page anew, and
// what differs is put in its place. Never here: a text, a rule.
const REST_MS = 1000; // between two drawings; a code to scan is drawn at once
const MESSAGES_MS = 5000; // messages only change a count of the fleet: a busy line need not be drawn at each
const AGES_MS = 30000; // how long a shown age may stand
const SOON_MS = 3000; // and how long what is being done now, which no event tells of
const SENDING_MS = 5000; // so long the answer to a form is waited for
const live = document.getElementById('live');
const connection = document.getElementById('connection');
let line = null, timer = 0, later = 0, drawing = false, again = false, hurry = false, restedAt = 0, drawnAt = performance.timeOrigin;

function draw(atOnce = false) {
  if (drawing) { again = true; hurry ||= atOnce; return; }
  if (timer && !atOnce) return;
  clearTimeout(timer);
  timer = setTimeout(drawn, atOnce ? 0 : Math.max(0, restedAt - Date.now()));
}

function drawLater() {
  if (!later) later = setTimeout(() => { later = 0; draw(); }, MESSAGES_MS);
}

async function drawn() {
  timer = 0;
  drawing = true;
  try { await drawNow(); } catch { told('off'); }
  drawing = false;
  restedAt = Date.now() + REST_MS;
  const [next, atOnce] = [again, hurry];
  again = hurry = false;
  if (next) draw(atOnce);
}

async function drawNow() {
  const answer = await fetch(location.href, {credentials: 'same-origin', cache: 'no-store', headers: {'x-redraw': '1'}});
  if (answer.redirected && new URL(answer.url).pathname === '/login') { told('out'); return; }
  if (answer.status === 404 || answer.status === 403) { anew(); return; } // gone: the gateway's page says so
  if (!answer.ok) { told('off'); return; }
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
  for (const id of ['nav', 'live']) {
    const [old, next] = [document.getElementById(id), fresh.getElementById(id)];
    if (old && next) morph(old, document.adoptNode(next));
  }
  drawnAt = Date.now();
  document.dispatchEvent(new Event('drawn')); // for what a page's own script keeps
}

// Makes `old` equal to `fresh`; elements keep their place, and so the focus, by their id or their order.
export function morph(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeType !== Node.ELEMENT_NODE) { old.nodeValue = fresh.nodeValue; return; }
  for (const one of [...old.attributes]) {
    const opened = one.name === 'open' && old.nodeName === 'DETAILS'; // by who reads; the server does not know
    if (!fresh.hasAttribute(one.name) && !opened) old.removeAttribute(one.name);
  }
  for (const one of [...fresh.attributes]) if (old.getAttribute(one.name) !== one.value) old.setAttribute(one.name, one.value);
  const known = new Map([...old.children].filter((one) => one.id).map((one) => [one.id, one]));
  let at = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    const next = child.id ? known.get(child.id) : at && !at.id ? at : null;
    if (!next || next.nodeName !== child.nodeName) { old.insertBefore(child, at); continue; }
    if (next === at) at = at.nextSibling; else old.insertBefore(next, at);
    morph(next, child);
  }
  while (at) { const gone = at; at = at.nextSibling; gone.remove(); }
}

// Whether what is shown is true: 'on', 'off' (and since when it may not be), 'out': the login is over.
function told(state) {
  if (!connection || connection.dataset.state === state) return;
  if (connection.dataset.state === 'out' && state === 'on') { anew(); return; } // its forms are another login's
  connection.dataset.state = state;
  connection.classList.toggle('off', state !== 'on');
  const time = new Date(drawnAt).toLocaleTimeString(document.documentElement.lang);
  connection.textContent = connection.dataset[state].replace('{time}', time);
  if (state === 'out') {
    const link = document.createElement('a');
    link.href = `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
    link.textContent = connection.dataset.login;
    connection.append(' ', link);
  }
}

// Asked for, never sent again: it may be a form's answer, which a reload would send once more.
function anew() { location.replace(location.pathname + location.search); }

function heard({state, changed}) {
  if (state === 'off') told('off');
  else if (state === 'refused') draw(); // the answer says why
  else if (state === 'on') { told('on'); draw(); }
  else if (!changed.sessions || !live.dataset.session || changed.sessions.includes(live.dataset.session)) see(changed.kinds);
}

function see(kinds) {
  const fleet = live.dataset.live === 'fleet';
  if (fleet && kinds.every((kind) => kind.startsWith('message.') || kind === 'session.qr')) drawLater();
  else draw(!fleet && kinds.includes('session.qr'));
}

// The pages of one login share a connection; without shared workers each has its own.
function listen() {
  if (line || document.hidden) return;
  const script = new URL(`live.js${new URL(import.meta.url).search}`, import.meta.url);
  const login = document.querySelector('[action="/logout"] [name=form]')?.value;
  if (!globalThis.SharedWorker) { listenAlone(script); return; }
  const worker = new SharedWorker(script, {type: 'module', name: login});
  worker.onerror = () => { if (line === worker.port) listenAlone(script); };
  line = worker.port;
  line.onmessage = ({data}) => heard(data);
  line.postMessage('here');
}

async function listenAlone(script) {
  const alone = line = {postMessage() {}};
  const {follow} = await import(script);
  if (line === alone) alone.postMessage = follow(heard);
}

function leave() {
  line?.postMessage('away');
  line?.close?.();
  line = null;
}

// What was done is told once: not again at each drawing, not in a bookmark.
const asked = new URL(location.href);
if (asked.searchParams.has('done')) {
  asked.searchParams.delete('done');
  history.replaceState(null, '', asked);
}
// A form is sent once: a second click while the first is on its way is none.
const sentAt = new WeakMap();
document.addEventListener('submit', (event) => {
  const form = event.target;
  if (form.method !== 'post') return;
  if (Date.now() - (sentAt.get(form) ?? 0) < SENDING_MS) event.preventDefault(); else sentAt.set(form, Date.now());
});
addEventListener('pageshow', (event) => { if (event.persisted) for (const form of document.forms) sentAt.delete(form); });
// On a phone the navigation is a strip: where one is should be seen.
document.querySelector('.nav [aria-current]')?.scrollIntoView({inline: 'center', block: 'nearest'});

if (live) {
  listen();
  setInterval(() => { if (!document.hidden) draw(); }, AGES_MS);
  setInterval(() => { if (!document.hidden && live.querySelector('[data-soon]')) draw(); }, SOON_MS);
  // A page that nobody looks at gives the connection back, and draws nothing.
  document.addEventListener('visibilitychange', () => { if (document.hidden) leave(); else { listen(); draw(); } });
  addEventListener('pagehide', leave);
  addEventListener('pageshow', (event) => { if (event.persisted) { listen(); draw(); } });
  for (const one of document.querySelectorAll('.filter select')) {
    one.addEventListener('change', () => one.form.requestSubmit());
  }
}
