// Links and buttons marked data-panel open their page inside a dialog. The server draws the same page without its
// frame when the request says HX-Target: panel-body, so the link works as a page of its own too.
export function startPanel(on, htmx) {
  const panel = document.getElementById("panel");
  if (!panel) return;
  const body = panel.querySelector("#panel-body");

  on("click", "a[data-panel]", (e, link) => {
    if (e.ctrlKey || e.metaKey || e.shiftKey) return;
    e.preventDefault();
    link.closest("details.bh-menu")?.removeAttribute("open");
    htmx.ajax("GET", link.href, { target: body, swap: "innerHTML" }).then(() => {
      if (!body.hasChildNodes()) return;
      if (!panel.open) panel.showModal();
      body.querySelector("[autofocus], input:not([type=hidden]), select, textarea, button[type=submit]")?.focus();
    });
  });
  on("submit", "#panel-body form[method=post]", (e, form) => {
    e.preventDefault();
    htmx.ajax("POST", form.action, { source: form, values: new FormData(form, e.submitter), target: body });
  });
  on("click", "[data-panel-close]", (e) => {
    if (panel.open) {
      e.preventDefault();
      panel.close();
    }
  });
  panel.addEventListener("click", (e) => e.target === panel && panel.close());
  panel.addEventListener("close", () => body.replaceChildren());
}
