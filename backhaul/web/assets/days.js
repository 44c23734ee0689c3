// The day that a field holds, as the console writes days: the browser writes it in its own way, 11/10 or 10/11.
import { inReadersDigits } from "./lines.js";

function say(input) {
  const said = input.parentElement.querySelector("output[data-months]");
  if (!said) return;
  const [year, month, day] = input.value.split("-").map(Number);
  said.textContent = day ? `${inReadersDigits(`${day}`)} ${said.dataset.months.split("|")[month - 1]} ${inReadersDigits(`${year}`)}` : "";
}

export function startDays(on) {
  on("input", "input[type=date]", (e, input) => say(input));
  const all = (part) => part.querySelectorAll("input[type=date]").forEach(say);
  document.addEventListener("htmx:load", (e) => all(e.detail.elt)); // what opens in the panel
  window.addEventListener("pageshow", () => all(document)); // a form that was gone back to holds what it held
}
