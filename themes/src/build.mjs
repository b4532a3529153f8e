// Builds stylesheet, scripts, icons and fonts into default/assets/dist, each under a name that holds a hash
// of its content; manifest.json says which. Nothing is fetched: all sources are npm packages or files here.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const target = join(root, "default/assets/dist");
// Written beside the place and moved there at the end, so that a Go build meanwhile finds a whole folder.
const dist = join(root, `node_modules/.dist-${process.pid}`);
mkdirSync(join(dist, "fonts"), { recursive: true });

const manifest = {};
function put(name, body) {
  const hash = createHash("sha256").update(body).digest("hex").slice(0, 10);
  const hashed = name.replace(/(\.[a-z0-9]+)$/, `.${hash}$1`);
  writeFileSync(join(dist, hashed), body);
  manifest[name] = hashed;
}

for (const font of readdirSync(join(here, "fonts")).filter(f => f.endsWith(".woff2")).sort()) {
  put(`fonts/${font}`, readFileSync(join(here, "fonts", font)));
}

const names = readFileSync(join(here, "icons.txt"), "utf8").split(/\s+/).filter(Boolean);
const symbols = [...new Set(names)].sort().map(name => {
  const svg = readFileSync(join(root, "node_modules/lucide-static/icons", `${name}.svg`), "utf8");
  const inner = svg.replace(/<!--.*?-->/gs, "").match(/<svg[^>]*>(.*)<\/svg>/s)[1].replace(/\s+/g, " ").trim();
  return `<symbol id="i-${name}" viewBox="0 0 24 24">${inner}</symbol>`;
});
put("icons.svg", `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`);

const tailwind = join(root, "node_modules/@tailwindcss/cli/dist/index.mjs");
const css = join(dist, "app.css");
execFileSync(process.execPath, [tailwind, "-i", join(here, "app.css"), "-o", css, "--minify"], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
let sheet = readFileSync(css, "utf8");
rmSync(css);
for (const [name, hashed] of Object.entries(manifest)) sheet = sheet.replaceAll(`url(${name})`, `url(${hashed})`).replaceAll(`url("${name}")`, `url("${hashed}")`);
put("app.css", sheet);

for (const script of ["app.js", "charts.js"]) {
  const out = await build({ entryPoints: [join(here, script)], bundle: true, minify: true, write: false, format: "iife", target: "es2022", legalComments: "none" });
  put(script, out.outputFiles[0].contents);
}

writeFileSync(join(dist, "manifest.json"), JSON.stringify(manifest, null, 1) + "\n");
const old = `${dist}-old`;
if (existsSync(target)) renameSync(target, old);
renameSync(dist, target);
rmSync(old, { recursive: true, force: true });
