// Builds everything the browser loads into backhaul/web/static/dist: one stylesheet of what pages use, one script, the theme
// switch that must run before the first paint, the fonts, and a sprite of exactly the icons that pages name. Beside them
// the fonts of printed documents, whole families in two weights: a PDF carries what it uses of them.
import { build } from "esbuild";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync, existsSync } from "node:fs";
import { join } from "node:path";

const web = "backhaul/web";
const dist = `${web}/static/dist`;
const paper = `${web}/paper/fonts`;
const faces = {
  "noto-sans": "NotoSans", "noto-sans-bengali": "NotoSansBengali", "noto-sans-arabic": "NotoSansArabic",
};
const icons = "node_modules/@tabler/icons/icons/outline";
const iconNames = /(?:(?<!\.)\b|_)icon(?:=|\s)"([a-z0-9-]+)"/g;

function filesUnder(folder, kinds = /\.(html|py|js)$/) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return ["static", "locale", "__pycache__"].includes(entry.name) ? [] : filesUnder(path, kinds);
    return kinds.test(entry.name) ? [path] : [];
  });
}

function namedIcons() {
  const names = new Set();
  for (const path of filesUnder(web))
    for (const [, name] of readFileSync(path, "utf8").matchAll(iconNames)) {
      if (!existsSync(`${icons}/${name}.svg`)) throw new Error(`${path}: there is no icon called "${name}"`);
      names.add(name);
    }
  return [...names].sort();
}

function symbol(name) {
  const inner = readFileSync(`${icons}/${name}.svg`, "utf8").replace(/<!--[^]*?-->/g, "").match(/<svg[^>]*>([^]*)<\/svg>/)[1];
  return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" `
    + `stroke-linecap="round" stroke-linejoin="round">${inner.replace(/\s*\n\s*/g, "")}</symbol>`;
}

// Every word of pages, scripts and sheets of our own; one that ends in a dash is the beginning of names that are put together.
function wordsOfPages() {
  const words = new Set(filesUnder(web, /\.(html|py|js|css)$/).flatMap((path) => readFileSync(path, "utf8").match(/[A-Za-z_][\w-]*/g) ?? []));
  const begun = [...words].filter((word) => word.length > 2 && word.endsWith("-"));
  return (name) => words.has(name) || begun.some((beginning) => name.startsWith(beginning));
}

// The parts of a list, or of a sheet's rules, that no bracket or string holds together.
function parted(text, atEnd) {
  const parts = [];
  let begin = 0, depth = 0, quote = "";
  for (let at = 0; at < text.length; at++) {
    const sign = text[at];
    if (sign === "\\") at++;
    else if (quote) quote = sign === quote ? "" : quote;
    else if (sign === '"' || sign === "'") quote = sign;
    else if ("({[".includes(sign)) depth++;
    else if (")}]".includes(sign)) depth--;
    if (!depth && !quote && atEnd.includes(sign)) {
      parts.push(text.slice(begin, at + 1));
      begin = at + 1;
    }
  }
  return [...parts, text.slice(begin)].filter((part) => part.trim());
}

// A sheet without the rules for classes that no page names: a browser reads all of it before it paints anything.
function onlyUsed(sheet, isUsed) {
  return parted(sheet, "};").map((rule) => {
    const [, head, body] = rule.match(/^([^{]*)\{([^]*)\}$/) ?? [];
    if (body === undefined || /^@(?!media|supports|container|layer)/.test(head.trim())) return rule;
    if (head.trim().startsWith("@")) {
      const inner = onlyUsed(body, isUsed);
      return inner && `${head}{${inner}}`;
    }
    const selectors = parted(head, ",").map((one) => one.replace(/,$/, "")).filter((selector) => {
      const open = selector.replace(/\([^]*\)|\[[^\]]*\]/g, "");
      return [...open.matchAll(/\.((?:[\w-]|\\.)+)/g)].every(([, name]) => isUsed(name.replaceAll("\\", "")));
    });
    return selectors.length ? `${selectors.join(",")}{${body}}` : "";
  }).join("");
}

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
const names = namedIcons();
writeFileSync(`${dist}/sprite.svg`, `<svg xmlns="http://www.w3.org/2000/svg">${names.map(symbol).join("")}</svg>\n`);
await build({
  entryPoints: { app: `${web}/assets/app.js`, theme: `${web}/assets/theme.js` },
  outdir: dist,
  bundle: true,
  minify: true,
  target: "es2022",
  entryNames: "[name]",
  assetNames: "fonts/[name]",
  loader: { ".woff2": "file" },
  legalComments: "none",
  logLevel: "warning",
});
writeFileSync(`${dist}/app.css`, onlyUsed(readFileSync(`${dist}/app.css`, "utf8"), wordsOfPages()));
rmSync(paper, { recursive: true, force: true });
mkdirSync(paper, { recursive: true });
for (const [family, face] of Object.entries(faces))
  for (const weight of ["400Regular", "600SemiBold"])
    copyFileSync(`node_modules/@expo-google-fonts/${family}/${weight}/${face}_${weight}.ttf`, `${paper}/${face}_${weight}.ttf`);
console.log(`assets: ${names.length} icons, ${readdirSync(dist).join(", ")}`);
