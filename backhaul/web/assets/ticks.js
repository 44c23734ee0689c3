// A box over a group of boxes: ticks them all, and shows whether all, some or none are ticked.
const boxesOf = (group) => [...group.querySelectorAll("input[name][type=checkbox]:not(:disabled)")];

function follow(group) {
  const boxes = boxesOf(group);
  const all = group.querySelector("[data-ticks-all]");
  const ticked = boxes.filter((box) => box.checked).length;
  all.hidden = boxes.length < 2;
  all.firstElementChild.checked = ticked === boxes.length;
  all.firstElementChild.indeterminate = ticked > 0 && ticked < boxes.length;
}

export function startTicks(on) {
  on("change", "[data-ticks] input", (e, input) => {
    const group = input.closest("[data-ticks]");
    if (input.closest("[data-ticks-all]")) boxesOf(group).forEach((box) => (box.checked = input.checked));
    follow(group);
  });
  document.querySelectorAll("[data-ticks]").forEach(follow);
  on("change", "input[data-tick-all]", (e, all) => {
    const boxes = document.querySelectorAll(`input[type=checkbox][name=pick][form=${all.dataset.tickAll}]`);
    boxes.forEach((box) => (box.checked = all.checked)); // those of a list on this page
  });
}
