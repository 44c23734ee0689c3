// Builds everything the browser loads into backhaul/web/static/dist: one stylesheet of what pages use, one script, the theme
// switch that must run before the first paint, the fonts, and a sprite of exactly the icons that pages name. Beside them
// the fonts of printed documents, whole families in two weights: a PDF carries what it uses of them.
import { build } from "esbuild";
import postcss from "postcss";
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

// A sheet without the rules for classes that no page names: a browser reads all of it before it paints anything.
function onlyUsed(sheet, isUsed) {
  const root = postcss.parse(sheet);
  root.walkRules((rule) => {
    if (rule.parent.type === "atrule" && rule.parent.name.endsWith("keyframes")) return;
    const kept = rule.selectors.filter((selector) => {
      const open = selector.replace(/\([^]*\)|\[[^\]]*\]/g, "");
      return [...open.matchAll(/\.((?:[\w-]|\\.)+)/g)].every(([, name]) => isUsed(name.replaceAll("\\", "")));
    });
    if (!kept.length) rule.remove();
    else if (kept.length < rule.selectors.length) rule.selectors = kept;
  });
  root.walkAtRules((rule) => { if (rule.nodes?.length === 0) rule.remove(); });
  return root.toString();
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
