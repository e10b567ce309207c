// "All of them" above a list of ticks, and as many at once with the shift key. Without it each is ticked by hand.
for (const all of document.querySelectorAll('[data-all]')) {
  const box = all.querySelector('input');
  const ticks = [...all.closest('form').querySelectorAll(`input[name="${all.dataset.all}"]`)];
  let last = -1;
  const told = () => {
    const on = ticks.filter((one) => one.checked).length;
    box.checked = on === ticks.length;
    box.indeterminate = on > 0 && on < ticks.length;
  };
  all.hidden = false;
  box.addEventListener('change', () => { for (const one of ticks) one.checked = box.checked; told(); });
  ticks.forEach((one, place) => one.addEventListener('click', (event) => {
    if (event.shiftKey && last >= 0) {
      for (const between of ticks.slice(Math.min(last, place), Math.max(last, place))) between.checked = one.checked;
    }
    last = place;
    told();
  }));
  told();
}
