// Live pages: one stream of the page tells which topics changed, and each element marked data-live="payments bills"
// asks again for itself (hx-trigger="live"). Only while the page is looked at: a browser has few connections.
const GATHER_MS = 1500; // changes come in crowds, and the server tells of a topic at most once a second
const LONGEST_WAIT_MS = 60_000;

export function startLive(htmx) {
  const shell = document.querySelector("[data-events]");
  if (!shell) return;
  const address = shell.dataset.events;
  const over = document.querySelector("[data-over]");
  let source = null;
  let failures = 0;
  let missed = false; // whether something may have changed while nobody listened
  let retry = 0;
  let gathering = 0;
  const changed = new Set();

  function refresh() {
    gathering = 0;
    document.querySelectorAll("[data-live]").forEach((element) => {
      const topics = element.dataset.live.split(" ");
      if (changed.has("all") || topics.some((topic) => changed.has(topic))) htmx.trigger(element, "live");
    });
    changed.clear();
  }
  function note(topic) {
    changed.add(topic);
    gathering ||= setTimeout(refresh, GATHER_MS);
  }
  // Whether the page still stands for whoever opened it: a session may have ended, or a visit to another operator. Where
  // it does (again), its forms get the token that holds by now; where not, they keep what was typed and send nothing.
  async function look() {
    const answer = await fetch(location.href, { headers: { "X-Unattended": "1" } }).catch(() => null);
    if (!answer || answer.status >= 400) return; // says nothing of who asks: broken, or an address that is only sent to
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    over.hidden = page.querySelector("[data-seat]")?.dataset.seat === shell.dataset.seat;
    const token = page.querySelector("[name=csrfmiddlewaretoken]")?.value;
    if (!over.hidden || !token) return;
    document.querySelectorAll("[name=csrfmiddlewaretoken]").forEach((field) => (field.value = token));
  }
  function close() {
    source?.close();
    source = null;
    clearTimeout(retry);
    missed = true;
  }
  function open() {
    if (source || document.hidden) return;
    source = new EventSource(address);
    source.addEventListener("open", () => {
      failures = 0;
      if (missed) note("all");
      missed = false;
      if (!over.hidden) look();
    });
    source.addEventListener("change", (e) => note(e.data));
    source.addEventListener("error", () => {
      missed = true;
      if (source?.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      close();
      look();
      failures += 1;
      retry = setTimeout(open, Math.min(LONGEST_WAIT_MS, 1000 * 2 ** failures));
    });
  }
  document.addEventListener(
    "submit",
    (e) => {
      if (over.hidden || e.target.method !== "post") return;
      e.preventDefault();
      e.stopImmediatePropagation();
      over.scrollIntoView();
    },
    true,
  );
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (e) => e.persisted && open());
  open();
}
