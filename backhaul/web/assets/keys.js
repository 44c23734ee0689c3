// Keys for who works here all day; ? lists them. None of them acts while something is typed or a dialog is open, and
// single letters can be switched off: who dictates, or leans on the keyboard, must not be led away by them.
const GO_MS = 1500;
const OFF = "keys=off";
// The letter that a key has in Latin: on a Bangla keyboard the same keys do the same.
export function letterOf(e) {
  if (/^[ -~]+$/.test(e.key)) return e.key;
  if (e.code === "Slash") return e.shiftKey ? "?" : "/";
  return e.code.replace(/^Key/, "").toLowerCase();
}

export function startKeys(on) {
  const help = document.getElementById("keys");
  if (!help) return;
  const box = help.querySelector("[data-keys-on]");
  const search = () => document.querySelector("main .bh-filter input[type=search]");
  let going = 0; // g was pressed: until then, the next letter names a page

  box.checked = !document.cookie.split("; ").includes(OFF);
  box.addEventListener("change", () => {
    document.cookie = box.checked ? "keys=; path=/; max-age=0" : `${OFF}; path=/; max-age=31536000; samesite=lax`;
  });
  on("click", "[data-keys]", () => {
    document.querySelector("details.bh-menu[open]")?.removeAttribute("open");
    help.showModal();
  });
  on("click", "[data-keys-close]", () => help.close());
  help.addEventListener("click", (e) => e.target === help && help.close());

  // The cursor of a list is the focus itself: on the first link of a row, which Enter opens.
  function step(by) {
    const rows = [...document.querySelectorAll("main tbody tr:has(a[href])")];
    const at = rows.indexOf(document.activeElement.closest("tr"));
    const row = at < 0 ? rows[0] : rows[at + by];
    row?.querySelector("a[href]").focus();
    return Boolean(rows.length);
  }
  const acts = {
    "?": () => help.showModal(),
    "/": () => (search() ? search().select() : document.querySelector("[data-palette]").click()),
    j: () => step(1),
    k: () => step(-1),
    x: () => document.activeElement.closest("tr")?.querySelector("input[name=pick]")?.click(),
    g: () => (going = Date.now() + GO_MS),
  };

  document.addEventListener("keydown", (e) => {
    if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
    if (document.querySelector("dialog[open]")) return;
    if (e.key === "ArrowDown" && e.target === search() && step(1)) return e.preventDefault();
    if (e.target.closest("input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]")) return;
    if (e.target.matches("main tbody a") && ["ArrowDown", "ArrowUp"].includes(e.key)) {
      step(e.key === "ArrowDown" ? 1 : -1);
      return e.preventDefault();
    }
    if (!box.checked) return;
    const letter = letterOf(e);
    if (Date.now() < going) {
      going = 0;
      document.querySelector(`.bh-nav [data-key="${CSS.escape(letter)}"]`)?.click();
    } else if (Object.hasOwn(acts, letter)) {
      e.preventDefault();
      acts[letter]();
    }
  });
}
