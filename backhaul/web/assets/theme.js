// Runs before the first paint, so that a dark screen never flashes white. The switch itself is in app.js.
// What a person chose for all devices comes as this cookie at the sign-in; without it the system's preference decides.
const wanted = document.cookie.match(/(?:^|; )theme=(light|dark)/)?.[1];
const dark = wanted ? wanted === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
document.documentElement.dataset.bsTheme = dark ? "dark" : "light";
