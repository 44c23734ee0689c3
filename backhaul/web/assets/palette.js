// Ctrl+K: type to narrow the pages of the menu; the last line looks the words up among the customers.
export function startPalette(on) {
  const palette = document.getElementById("palette");
  if (!palette) return;
  const input = palette.querySelector("input");
  const entries = () => [...palette.querySelectorAll("[data-entry]")];
  const shown = () => entries().filter((entry) => !entry.hidden);
  const search = palette.querySelector("[data-search]");

  function mark(entry) {
    entries().forEach((one) => one.classList.toggle("active", one === entry));
    entry?.scrollIntoView({ block: "nearest" });
  }
  function narrow() {
    const words = input.value.trim().toLowerCase();
    entries().forEach((entry) => {
      entry.hidden = entry === search ? !words : !entry.textContent.toLowerCase().includes(words);
    });
    if (search) {
      search.href = `${search.dataset.search}?q=${encodeURIComponent(input.value.trim())}`;
      search.querySelector("[data-words]").textContent = input.value.trim();
    }
    mark(shown()[0]);
  }
  function open() {
    input.value = "";
    narrow();
    palette.showModal();
  }
  on("click", "[data-palette]", open);
  document.addEventListener("keydown", (e) => {
    if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "k") {
      e.preventDefault();
      open();
    }
  });
  input.addEventListener("input", narrow);
  palette.addEventListener("click", (e) => e.target === palette && palette.close());
  palette.addEventListener("keydown", (e) => {
    const list = shown();
    const at = list.findIndex((entry) => entry.classList.contains("active"));
    if (e.key === "ArrowDown") mark(list[(at + 1) % list.length]);
    else if (e.key === "ArrowUp") mark(list[(at - 1 + list.length) % list.length]);
    else if (e.key === "Enter") list[at]?.click();
    else return;
    e.preventDefault();
  });
}
