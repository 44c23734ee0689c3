// Ctrl+K: type to narrow the pages of the menu; customers, bills, receipts and resellers are looked up beside them. The
// last line looks the words up in the list of customers.
import { letterOf } from "./keys.js";

const WAIT_MS = 180;

export function startPalette(on) {
  const palette = document.getElementById("palette");
  if (!palette) return;
  const part = (name) => palette.querySelector(`[data-${name}]`);
  const input = palette.querySelector("input");
  const list = palette.querySelector("[role=listbox]");
  const found = part("found");
  const search = part("search");
  const options = () => [...list.querySelectorAll("[role=option]")];
  const shown = () => options().filter((option) => !option.hidden);
  const typed = () => input.value.trim();
  let timer = 0;
  let asking = null; // what waits for its answer; a newer one takes its place
  let chosen = false; // by the arrows: it stays while answers come in

  function mark(option) {
    options().forEach((one, n) => {
      one.id = `palette-${n}`;
      one.setAttribute("aria-selected", String(one === option));
    });
    if (option) input.setAttribute("aria-activedescendant", option.id);
    else input.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  }
  const marked = () => shown().find((option) => option.getAttribute("aria-selected") === "true");

  // Hides what the words do not find any more; of what was found before, only what holds for these words too is left.
  function narrow() {
    const words = typed().toLowerCase();
    options().forEach((option) => {
      const label = ` ${option.textContent.trim().toLowerCase()}`;
      if (option === search) option.hidden = !words;
      else if ("instead" in option.dataset) option.hidden = true;
      else if ("page" in option.dataset) option.hidden = !label.includes(` ${words}`);
      else option.hidden = !words || !option.dataset.words.toLowerCase().includes(words);
    });
    if (search) {
      search.href = `${search.dataset.search}?q=${encodeURIComponent(typed())}`;
      part("typed").textContent = typed();
    }
    settle();
  }
  function settle() {
    list.querySelectorAll("[role=group]").forEach((group) => (group.hidden = !group.querySelector("[role=option]:not([hidden])")));
    mark((chosen && marked()) || shown()[0]);
  }

  function stop() {
    clearTimeout(timer);
    asking?.abort();
    asking = null;
  }
  function ask() {
    stop();
    part("none").hidden = part("failed").hidden = true;
    part("status").textContent = "";
    palette.classList.toggle("bh-asks", Boolean(typed() && list.dataset.find));
    if (!typed()) found.replaceChildren();
    else if (list.dataset.find) timer = setTimeout(answer, WAIT_MS);
    else tellIfNone();
  }
  async function answer() {
    const mine = (asking = new AbortController());
    const address = `${list.dataset.find}?q=${encodeURIComponent(typed())}`;
    try {
      const said = await fetch(address, { headers: { "HX-Request": "true" }, signal: mine.signal });
      const leads = said.headers.get("HX-Redirect"); // signed out meanwhile
      if (leads) return location.assign(leads);
      if (!said.ok) throw new Error(said.statusText);
      const lines = await said.text();
      if (mine === asking) show(lines);
    } catch {
      if (mine !== asking) return;
      part("failed").hidden = false;
    }
    if (mine === asking) palette.classList.remove("bh-asks");
  }
  function show(lines) {
    const was = chosen && marked()?.href;
    found.innerHTML = lines;
    part("status").textContent = part("said").dataset.said;
    const again = was && shown().find((option) => option.href === was);
    if (again) mark(again);
    else chosen = false;
    settle();
    tellIfNone();
  }
  function tellIfNone() {
    const none = !shown().some((option) => option !== search);
    part("none").hidden = !none;
    if (!none || !list.dataset.find) return;
    if (search) search.hidden = true; // that list has nobody either
    if (part("instead")) part("instead").hidden = false;
    settle();
  }

  function open() {
    if (palette.open) return;
    input.value = "";
    chosen = false;
    ask();
    narrow();
    palette.showModal();
  }
  on("click", "[data-palette]", open);
  on("click", "[data-palette-close]", () => palette.close());
  document.addEventListener("keydown", (e) => {
    if ((e.ctrlKey || e.metaKey) && letterOf(e).toLowerCase() === "k") {
      e.preventDefault();
      open();
    }
  });
  input.addEventListener("input", () => {
    chosen = false;
    ask();
    narrow();
  });
  palette.addEventListener("close", stop);
  palette.addEventListener("click", (e) => e.target === palette && palette.close());
  palette.addEventListener("keydown", (e) => {
    if (e.isComposing || e.target !== input) return;
    const all = shown();
    const at = all.indexOf(marked());
    if (e.key === "ArrowDown") mark(all[(at + 1) % all.length]);
    else if (e.key === "ArrowUp") mark(all[(at - 1 + all.length) % all.length]);
    else if (e.key === "Enter") all[at]?.click();
    else return;
    chosen = true;
    e.preventDefault();
  });
}
