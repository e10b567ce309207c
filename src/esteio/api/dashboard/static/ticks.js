// One tick for all of a group: a checkbox that only a script can serve is shown by the script.
function arm() {
  for (const line of document.querySelectorAll('[data-all][hidden]')) line.hidden = false;
}

document.addEventListener('change', ({target}) => {
  const group = target.closest('[data-ticks]');
  if (!group) return;
  const all = group.querySelector('[data-all] input'), each = [...group.querySelectorAll('tbody input[type=checkbox]')];
  if (target === all) for (const one of each) one.checked = all.checked;
  else if (all) all.checked = each.every((one) => one.checked);
});
document.addEventListener('drawn', arm);
arm();
