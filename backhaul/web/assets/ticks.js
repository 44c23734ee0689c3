// A box that ticks all boxes of a form on this page.
export function startTicks(on) {
  on("change", "input[data-tick-all]", (e, all) => {
    document.querySelectorAll(`input[type=checkbox][name=pick][form=${all.dataset.tickAll}]`).forEach((box) => (box.checked = all.checked));
  });
}
