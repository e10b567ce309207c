// The one connection on which the gateway tells that something changed. A browser holds six to one place, so its pages
// share one, in a shared worker where there is such a thing. Never here: what a page does with what it hears.
const SILENT_MS = 40000; // the gateway says at least every 15 s that it is there
const AGAIN_MS = 5000; // after a refusal: browsers do not try again by themselves then

// Tells `heard` {state: 'on' | 'off' | 'refused'} and {changed: {kinds, sessions}}; returns what ends it.
export function follow(heard) {
  let source, timer;
  function open() {
    source?.close();
    source = new EventSource('/live');
    source.onopen = () => { awake(); heard({state: 'on'}); };
    source.onmessage = (event) => { awake(); heard({changed: JSON.parse(event.data)}); };
    source.addEventListener('alive', awake);
    source.onerror = () => {
      const refused = source.readyState === EventSource.CLOSED;
      heard({state: refused ? 'refused' : 'off'});
      if (refused) { clearTimeout(timer); timer = setTimeout(open, AGAIN_MS); }
    };
  }
  function awake() {
    clearTimeout(timer);
    timer = setTimeout(() => { heard({state: 'off'}); open(); }, SILENT_MS);
  }
  open();
  return () => { clearTimeout(timer); source.close(); };
}

// In the worker: the pages say 'here' and 'away'; with the last of them the connection goes.
if ('onconnect' in globalThis) {
  const pages = new Set();
  let end = null, state = null;
  const tell = (told) => {
    if (told.state) state = told.state;
    for (const page of pages) page.postMessage(told);
  };
  globalThis.onconnect = ({ports: [page]}) => {
    page.onmessage = ({data}) => {
      if (data === 'away') {
        pages.delete(page);
        if (!pages.size) { end?.(); end = state = null; }
        return;
      }
      pages.add(page);
      if (!end) end = follow(tell);
      else if (state) page.postMessage({state});
    };
  };
}
