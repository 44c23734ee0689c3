// Live pages: one stream of the page tells which topics changed, and each element marked data-live="payments bills"
// asks again for itself (hx-trigger="live"). Only while the page is looked at: a browser has few connections.
const GATHER_MS = 1500; // changes come in crowds, and the server tells of a topic at most once a second
const LONGEST_WAIT_MS = 60_000;

export function startLive(htmx) {
  const address = document.querySelector("[data-events]")?.dataset.events;
  if (!address) return;
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
    });
    source.addEventListener("change", (e) => note(e.data));
    source.addEventListener("error", () => {
      missed = true;
      if (source?.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      close();
      failures += 1;
      retry = setTimeout(open, Math.min(LONGEST_WAIT_MS, 1000 * 2 ** failures));
    });
  }
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (e) => e.persisted && open());
  open();
}
