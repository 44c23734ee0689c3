// What every console page needs beyond plain HTML: htmx, the theme switch, the side menu on a phone, menus,
// the panel that forms and confirmations open in, and the palette (Ctrl+K). Pages work without it.
import htmx from "htmx.org/dist/htmx.esm.js";
import "./app.css";
import { startBrand } from "./brand.js";
import { startConnections } from "./connections.js";
import { startDays } from "./days.js";
import { startKeys } from "./keys.js";
import { startLines } from "./lines.js";
import { startLists } from "./lists.js";
import { startLive } from "./live.js";
import { startPalette } from "./palette.js";
import { startPanel } from "./panel.js";
import { startPasskeys } from "./passkeys.js";
import { startTicks } from "./ticks.js";

Object.assign(htmx.config, {
  allowEval: false,
  includeIndicatorStyles: false,
  attributesToSettle: ["class"], // a style that a field had got would be written into its successor: no inline styles
  historyCacheSize: 0,
  refreshOnHistoryMiss: true,
  selfRequestsOnly: true,
  responseHandling: [
    { code: "204", swap: false },
    { code: "[23]..", swap: true },
    { code: "422", swap: true },
    { code: "...", swap: false, error: true },
  ],
});

// What a page asks by itself, to be up to date, does not keep the session from running out.
document.addEventListener("htmx:configRequest", (e) => {
  const begun = e.detail.triggeringEvent;
  if (!begun || begun.type === "live") e.detail.headers["X-Unattended"] = "1";
});

const root = document.documentElement;
const on = (event, selector, act) =>
  document.addEventListener(event, (e) => {
    const found = e.target instanceof Element && e.target.closest(selector);
    if (found) act(e, found);
  });

on("click", "[data-theme-toggle]", () => {
  const theme = root.dataset.bsTheme === "dark" ? "light" : "dark";
  root.dataset.bsTheme = theme;
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
});

function showSide(open) {
  root.classList.toggle("bh-side-open", open);
  document.querySelectorAll("[data-side-toggle]").forEach((b) => b.setAttribute("aria-expanded", String(open)));
}
on("click", "[data-side-toggle]", () => showSide(!root.classList.contains("bh-side-open")));
on("click", "[data-side-close]", () => showSide(false));
// A long menu stays where it was under the hand; where the place of the page is out of sight, it is brought there.
const nav = document.querySelector(".bh-nav");
if (nav) {
  const here = nav.querySelector("[aria-current]");
  const isSeen = () => here.offsetTop >= nav.scrollTop + nav.offsetTop && here.offsetTop + here.offsetHeight <= nav.scrollTop + nav.offsetTop + nav.clientHeight;
  nav.scrollTop = Number(sessionStorage.getItem("menu"));
  if (here && !isSeen()) here.scrollIntoView({ block: "center" });
  window.addEventListener("pagehide", () => sessionStorage.setItem("menu", nav.scrollTop));
}

// <details> menus: one open at a time, closed by a click elsewhere or Escape.
function closeMenus(except) {
  document.querySelectorAll("details.bh-menu[open]").forEach((menu) => menu !== except && menu.removeAttribute("open"));
}
document.addEventListener("click", (e) => closeMenus(e.target.closest("details.bh-menu")));
document.addEventListener("keydown", (e) => {
  if (e.key !== "Escape") return;
  const menu = document.querySelector("details.bh-menu[open]");
  closeMenus(null);
  menu?.querySelector("summary").focus();
  showSide(false);
});

// A row opens what it names; its own links, buttons and selected text keep their meaning.
on("click", "tr[data-href]", (e, row) => {
  if (e.target.closest("a, button, input, label, summary") || String(getSelection())) return;
  if (e.ctrlKey || e.metaKey) window.open(row.dataset.href);
  else location.assign(row.dataset.href);
});

on("click", "[data-print]", () => window.print());

// Copies the text of the element it names. Browsers keep the clipboard from pages without TLS: there it is selected.
on("click", "[data-copy]", async (e, button) => {
  const source = document.getElementById(button.dataset.copy);
  getSelection().selectAllChildren(source);
  try {
    await navigator.clipboard.writeText(source.innerText);
    tell(button.dataset.copied);
  } catch {
    tell(button.dataset.selected);
  }
});

// Paper is white: a page in dark colours prints in light ones.
let shown = root.dataset.bsTheme;
window.addEventListener("beforeprint", () => {
  shown = root.dataset.bsTheme;
  root.dataset.bsTheme = "light";
});
window.addEventListener("afterprint", () => (root.dataset.bsTheme = shown));

// A form is sent once: its buttons rest until the answer comes (the server refuses a second copy as well).
function rest(form, resting) {
  form.querySelectorAll("button[type=submit]").forEach((b) => {
    b.disabled = resting;
    b.classList.toggle("btn-loading", resting);
  });
}
// Without a network the browser would put a page of its own in place of what was filled in; a server on this very
// computer is reached all the same.
const reached = new WeakSet();
function holdBack(e) {
  e.preventDefault();
  fetch("/healthz", { method: "HEAD", cache: "no-store" }).then(
    () => reached.add(e.target) && e.target.requestSubmit(e.submitter),
    () => tell(document.getElementById("toast")?.dataset.offline),
  );
}
document.addEventListener("submit", (e) => {
  if (!navigator.onLine && !e.defaultPrevented && !reached.has(e.target)) return holdBack(e);
  setTimeout(() => e.target.method === "post" && !("download" in e.target.dataset) && rest(e.target, true));
});
document.addEventListener("htmx:afterRequest", (e) => e.target.tagName === "FORM" && rest(e.target, false));
window.addEventListener("pageshow", () => document.querySelectorAll("form").forEach((form) => rest(form, false)));

// On a phone the open tab of a page may lie outside of what is seen of the bar.
const showTab = () => document.querySelector(".bh-tabbar [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
document.addEventListener("htmx:afterSettle", showTab);
showTab();

// A button that offers a value for a field: a username that is free.
on("click", "[data-fill]", (e, button) => {
  const field = document.getElementById(button.dataset.fill);
  field.value = button.dataset.value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
});

// Amounts are grouped when the cursor leaves them: 1500000 becomes 1,500,000.00, with the decimals of the currency.
on("focusout", "input[data-money]", (e, input) => {
  const decimals = Number(input.dataset.money);
  const typed = input.value.trim();
  if (!/^(\d+|\d{1,3}(,\d{2,3})*,\d{3})(\.\d{1,3})?$/.test(typed)) return;
  const plain = typed.replaceAll(",", "");
  const [whole, part = ""] = plain.split(".");
  if (part.length > decimals) return;
  const grouped = whole.replace(/^0+(?=\d)/, "").replace(/\B(?=(\d{3})+$)/g, ",");
  input.value = decimals ? `${grouped}.${part.padEnd(decimals, "0")}` : grouped;
});

function tell(text) {
  const toast = document.getElementById("toast");
  if (!toast) return;
  toast.querySelector("[data-toast-text]").textContent = text;
  toast.hidden = false;
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => (toast.hidden = true), 8000);
}
document.addEventListener("htmx:responseError", () => tell(document.getElementById("toast").dataset.failed));
document.addEventListener("htmx:sendError", () => tell(document.getElementById("toast").dataset.offline));

startBrand();
startConnections(on);
startDays(on);
startKeys(on);
startLines(on);
startLists(on);
startLive(htmx);
startPanel(on, htmx);
startPalette(on);
startPasskeys(on, rest);
startTicks(on);
