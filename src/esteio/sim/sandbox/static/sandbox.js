// The sandbox's page where it stands alone: drawn anew every two seconds, by the dashboard's own way of putting in place
// what differs. Never here: a text.
import {morph} from './esteio.js';

const EVERY_MS = 2000;
const page = document.getElementById('sandbox');

async function draw() {
  const answer = await fetch(location.href, {cache: 'no-store'});
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById('sandbox');
  if (fresh) morph(page, document.adoptNode(fresh));
}

async function drawn() {
  if (!document.hidden) try { await draw(); } catch { /* nobody answers: the page stays as it is */ }
  setTimeout(drawn, EVERY_MS);
}

setTimeout(drawn, EVERY_MS);
