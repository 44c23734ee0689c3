// The way back to a list leads to it as it was left: its filters, its order, its page. Kept by this tab, for this person
// at this operator.
const kept = (seat, path) => `list ${seat} ${path}`;

function keep() {
  const filters = document.querySelector("form.bh-filter");
  if (filters) sessionStorage.setItem(kept(filters.dataset.seat, location.pathname), location.search);
}

export function startLists(on) {
  keep();
  document.addEventListener("htmx:pushedIntoHistory", keep);
  on("click", "a[data-back]", (e, link) => {
    const search = sessionStorage.getItem(kept(link.dataset.back, link.pathname));
    if (search && !link.search) link.search = search;
  });
}
