// The page keeps itself true: an event of the stream says that something changed, the server draws the page anew, and
// what differs is put in its place. Never here: a text, a rule.
const EVENTS = ['session.state_changed', 'session.qr', 'session.deleted', 'session.outage_started',
  'session.outage_ended', 'server.outage_started', 'server.outage_ended', 'approval.requested', 'message.received',
  'message.edited', 'message.deleted', 'message.reaction', 'message.state_changed'];
const REST_MS = 1000; // between two drawings
const MESSAGES_MS = 5000; // messages only change a count: a busy line need not be drawn at each
const AGES_MS = 30000; // how long a shown age may stand
const live = document.getElementById('live');
const connection = document.getElementById('connection');
let source = null, timer = 0, later = 0, drawing = false, again = false, drawnAt = 0;

function draw() {
  if (drawing) { again = true; return; }
  if (!timer) timer = setTimeout(drawn, Math.max(0, drawnAt + REST_MS - Date.now()));
}

function drawLater() {
  if (!later) later = setTimeout(() => { later = 0; draw(); }, MESSAGES_MS);
}

async function drawn() {
  timer = 0;
  drawing = true;
  try { await drawNow(); } catch { told('off'); }
  drawing = false;
  drawnAt = Date.now();
  if (again) { again = false; draw(); }
}

async function drawNow() {
  const answer = await fetch(location.href, {credentials: 'same-origin', cache: 'no-store'});
  if (answer.redirected) { location.reload(); return; } // the login is over
  if (answer.status === 404 || answer.status === 403) { location.assign('/'); return; } // deleted elsewhere
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
  for (const id of ['nav', 'live']) {
    const [old, next] = [document.getElementById(id), fresh.getElementById(id)];
    if (old && next) morph(old, document.adoptNode(next));
  }
  document.dispatchEvent(new Event('drawn')); // for what a page's own script keeps
  count();
}

// Makes `old` equal to `fresh`; elements keep their place, and so the focus, by their id or their order.
function morph(old, fresh) {
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

function told(state) {
  if (!connection || connection.dataset.state === state) return;
  connection.dataset.state = state;
  connection.textContent = connection.dataset[state];
  connection.classList.toggle('off', state !== 'on');
}

function concerns(event) {
  if (live.dataset.live !== 'session') return true;
  try {
    const body = JSON.parse(event.data), data = body.data || {};
    const name = body.session || data.session || (body.type.startsWith('session.') ? data.name : '');
    return !name || name === live.dataset.session;
  } catch { return true; }
}

function listen() {
  if (source) return;
  source = new EventSource('/v1/events');
  source.onopen = () => { told('on'); draw(); };
  source.onerror = () => {
    if (source && source.readyState === EventSource.CLOSED) { // refused: not tried again by itself
      source = null;
      told('out');
      draw();
      setTimeout(() => { if (!document.hidden) listen(); }, 10000);
    } else told('off');
  };
  for (const kind of EVENTS) {
    const seen = kind.startsWith('message.') && live.dataset.live === 'fleet' ? drawLater : draw;
    source.addEventListener(kind, (event) => { if (concerns(event)) seen(); });
  }
}

// A code that is over is never shown: the page needs no word from the server for that.
function count() {
  const code = document.getElementById('code');
  if (!code || !code.dataset.expires) return;
  const left = Math.ceil((Date.parse(code.dataset.expires) - Date.now()) / 1000);
  code.classList.toggle('over', left <= 0);
  code.querySelector('[data-over]').hidden = left > 0;
  code.querySelector('[data-count]').textContent = `${Math.max(0, left)} s`;
}

// What was done is told once: not again at each drawing, not in a bookmark.
const asked = new URL(location.href);
if (asked.searchParams.has('done')) {
  asked.searchParams.delete('done');
  history.replaceState(null, '', asked);
}
// On a phone the navigation is a strip: where one is should be seen.
document.querySelector('.nav [aria-current]')?.scrollIntoView({inline: 'center', block: 'nearest'});

if (live) {
  listen();
  count();
  setInterval(count, 1000);
  setInterval(() => { if (!document.hidden) draw(); }, AGES_MS);
  // Browsers hold only six connections to one place: a page that nobody looks at gives its own back.
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) { listen(); draw(); } else if (source) { source.close(); source = null; }
  });
  for (const one of document.querySelectorAll('.filter select')) {
    one.addEventListener('change', () => one.form.requestSubmit());
  }
}
