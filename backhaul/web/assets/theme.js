// Runs before the first paint, so that a dark screen never flashes white. The switch itself is in app.js.
let wanted = null;
try {
  wanted = localStorage.getItem("theme");
} catch {
  // Storage is refused (private window): the system's preference decides.
}
const dark = wanted ? wanted === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
document.documentElement.dataset.bsTheme = dark ? "dark" : "light";
