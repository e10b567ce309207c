// What only the browser knows of a session's page: how long is left until a moment, and its reader's own clock.
const WORDS = new Intl.NumberFormat(document.documentElement.lang, {style: 'unit', unit: 'second', unitDisplay: 'short'});
const CLOCK = new Intl.DateTimeFormat(document.documentElement.lang, {dateStyle: 'medium', timeStyle: 'medium'});

function count() {
  for (const one of document.querySelectorAll('time[data-left]')) {
    const left = Math.max(0, Math.ceil((Date.parse(one.dateTime) - Date.now()) / 1000));
    if (left < 120) one.textContent = WORDS.format(left);
  }
}

function localize() {
  for (const one of document.querySelectorAll('#live time')) one.title = CLOCK.format(new Date(one.dateTime));
  count();
}

localize();
document.addEventListener('drawn', localize);
setInterval(count, 1000);
