// The page of the brand shows what is typed and chosen before anything is saved: the colour everywhere, the name and the
// mark in the three small pages beside the form.
const COLOUR = /^#[0-9a-f]{6}$/;

export function startBrand() {
  document.addEventListener("input", (e) => {
    if (e.target.matches?.("[data-brand-pick]")) pickColour(e.target);
    if (e.target.matches?.("[data-brand-colour]")) showColour(e.target.value.trim().toLowerCase());
    if (e.target.matches?.('.bh-halves [name="display_name"]'))
      document.querySelectorAll("[data-brand-name]").forEach((name) => (name.textContent = e.target.value));
  });
  document.addEventListener("change", (e) => {
    const file = e.target.matches?.('[type="file"][name="mark"], [type="file"][name="logo"]') && e.target.files[0];
    if (file) showPicture(file, e.target.name);
  });
}

function pickColour(palette) {
  const field = document.getElementById(palette.dataset.brandPick);
  field.value = palette.value;
  showColour(palette.value);
}

function showColour(colour) {
  if (!COLOUR.test(colour)) return;
  const palette = document.querySelector("[data-brand-pick]");
  if (palette) palette.value = colour;
  let sheet = document.querySelector("link[data-brand-colours]");
  if (!sheet) {
    sheet = Object.assign(document.createElement("link"), { rel: "stylesheet" });
    sheet.dataset.brandColours = "";
    document.head.append(sheet);
  }
  sheet.href = `/brand/${colour.slice(1)}.css`;
}

function showPicture(file, name) {
  const mark = document.querySelector('[type="file"][name="mark"]');
  if (name === "logo" && mark?.files.length) return; // the mark was chosen by itself
  const reader = new FileReader();
  reader.addEventListener("load", () => {
    document.querySelectorAll(".bh-look .bh-mark").forEach((old) => {
      const picture = Object.assign(document.createElement("img"), { className: "bh-mark", alt: "", src: reader.result });
      old.replaceWith(picture);
    });
  });
  reader.readAsDataURL(file);
}
