// A public status page that stays open is asked for again, gently. Never here: a login, a stream.
const shown = document.getElementById('status');
const overall = document.getElementById('overall');

async function again() {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href);
    if (answer.status === 404) { location.reload(); return; }
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
    shown.replaceChildren(...document.adoptNode(fresh.getElementById('status')).childNodes);
    const told = fresh.getElementById('overall');
    overall.className = told.className;
    if (overall.textContent !== told.textContent) overall.textContent = told.textContent; // said aloud only when it changed
  } catch { /* what is shown says how old it is */ }
}

setInterval(again, 3000 * Number(shown.dataset.every));
document.addEventListener('visibilitychange', again);
