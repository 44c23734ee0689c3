// Builds everything the browser loads into backhaul/web/static/dist: one stylesheet, one script, the theme
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

function filesUnder(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return ["static", "locale", "__pycache__"].includes(entry.name) ? [] : filesUnder(path);
    return /\.(html|py|js)$/.test(entry.name) ? [path] : [];
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
rmSync(paper, { recursive: true, force: true });
mkdirSync(paper, { recursive: true });
for (const [family, face] of Object.entries(faces))
  for (const weight of ["400Regular", "600SemiBold"])
    copyFileSync(`node_modules/@expo-google-fonts/${family}/${weight}/${face}_${weight}.ttf`, `${paper}/${face}_${weight}.ttf`);
console.log(`assets: ${names.length} icons, ${readdirSync(dist).join(", ")}`);
