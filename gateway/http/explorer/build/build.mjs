// Bundles the explorer into ../static: one script, one style sheet, one file per worker, fonts, an icon,
// manifest.json (which file is which) and LICENSES.txt. `build.sh` is the way to run it.
import { build } from "esbuild";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.join(here, "..", "static");
const source = (name) => path.join(here, "src", name);

// Module path inside node_modules -> the file that takes its place.
function replacing(table) {
  return {
    name: "replacing",
    setup(bundle) {
      for (const [module, replacement] of Object.entries(table)) {
        const filter = new RegExp(`/node_modules/${module.replaceAll(".", "\\.")}$`);
        bundle.onLoad({ filter }, async ({ path: original }) => ({
          contents: await readFile(source(replacement), "utf8"),
          loader: "js",
          resolveDir: path.dirname(original),
        }));
      }
    },
  };
}

// GraphiQL titles its icons after their components' names, which minifying takes away: the names become text.
const iconTitles = {
  name: "icon-titles",
  setup(bundle) {
    bundle.onLoad({ filter: /\/node_modules\/@graphiql\/react\/dist\/icons\/index\.js$/ }, async ({ path: file }) => {
      const original = await readFile(file, "utf8");
      const contents = original
        .replaceAll(/generateIcon\((Svg\w+)\)/g, 'generateIcon($1, "$1")')
        .replace("function generateIcon(RawComponent)", "function generateIcon(RawComponent, name)")
        .replaceAll("RawComponent.name", "name");
      if (!contents.includes('"SvgPlay"') || !contents.includes("(RawComponent, name)")) {
        throw new Error("GraphiQL names its icons in a new way: see to their titles.");
      }
      return { contents, loader: "js" };
    });
  },
};

const common = {
  absWorkingDir: here,
  outdir: out,
  bundle: true,
  minify: true,
  charset: "utf8",
  platform: "browser",
  target: ["es2022"],
  legalComments: "none",
  metafile: true,
  write: false,
  define: { "process.env.NODE_ENV": '"production"' },
  entryNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  loader: { ".ttf": "file", ".woff2": "file", ".svg": "copy" },
  logLevel: "warning",
};

const files = new Map(); // What will stand in `out`.
const inputs = new Set(); // Every file that went into it.
const names = {}; // Which of them the page and the script ask for.

async function bundle(entryPoints, options) {
  const { metafile, outputFiles } = await build({ ...common, entryPoints, ...options });
  for (const file of outputFiles) files.set(path.basename(file.path), file.contents);
  for (const input of Object.keys(metafile.inputs)) inputs.add(input);
  for (const [file, { entryPoint, cssBundle }] of Object.entries(metafile.outputs)) {
    if (!entryPoint) continue;
    const key = entryPoints.find((entry) => path.resolve(here, entryPoint) === entry.in).out;
    names[key] = path.basename(file);
    if (cssBundle) names.style = path.basename(cssBundle);
  }
}

const modules = path.join(here, "node_modules");
await bundle(
  [
    { in: path.join(modules, "monaco-editor/esm/vs/editor/editor.worker.js"), out: "editor.worker" },
    { in: path.join(modules, "monaco-editor/esm/vs/language/json/json.worker.js"), out: "json.worker" },
    { in: path.join(modules, "monaco-graphql/esm/graphql.worker.js"), out: "graphql.worker" },
  ],
  {
    format: "iife",
    // The page prettifies operations itself, so the worker's copy of prettier would never run.
    alias: {
      "prettier/standalone": source("worker-prettier.js"),
      "prettier/parser-graphql": source("worker-prettier.js"),
    },
  },
);
await bundle([{ in: source("explorer.jsx"), out: "script" }], {
  format: "esm",
  jsx: "automatic",
  define: {
    ...common.define,
    EDITOR_WORKER: JSON.stringify(names["editor.worker"]),
    JSON_WORKER: JSON.stringify(names["json.worker"]),
    GRAPHQL_WORKER: JSON.stringify(names["graphql.worker"]),
  },
  // Variables and headers are JSON: a JSON formatter does for them what prettier's JavaScript parser would.
  alias: {
    "prettier/parser-babel": source("prettier-jsonc.js"),
    "prettier/plugins/estree": source("prettier-jsonc.js"),
    "prettier/parser-graphql": "prettier/plugins/graphql",
  },
  plugins: [
    iconTitles,
    replacing({
      "monaco-editor/esm/vs/editor/edcore.main.js": "monaco-features.js",
      "monaco-editor/esm/vs/editor/browser/widget/diffEditor/diffEditorWidget.js": "monaco-no-diff.js",
      "monaco-editor/esm/vs/editor/browser/widget/multiDiffEditor/multiDiffEditorWidget.js": "monaco-no-diff.js",
    }),
  ],
});
await bundle([{ in: source("icon.svg"), out: "icon" }], {});

const { script, style, icon } = names;
files.set("manifest.json", `${JSON.stringify({ script, style, icon }, null, 2)}\n`);
files.set("LICENSES.txt", await licences());

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
for (const [name, contents] of files) await writeFile(path.join(out, name), contents);

// Every package that has at least one file in a bundle, with the licence texts it ships; equal texts stand once.
async function licences() {
  const directories = new Set();
  for (const input of inputs) {
    const found = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) directories.add(path.join(here, found[1]));
  }
  const packagesByText = new Map();
  for (const directory of [...directories].sort()) {
    const { name, version, license } = JSON.parse(await readFile(path.join(directory, "package.json"), "utf8"));
    const texts = (await readdir(directory)).filter((file) => /^(licen[cs]e|notice|thirdparty)/i.test(file)).sort();
    const text = (await Promise.all(texts.map((file) => readFile(path.join(directory, file), "utf8"))))
      .map((each) => each.replaceAll("\r\n", "\n").trim())
      .join("\n\n") || "(No text in the package.)";
    packagesByText.set(text, [...(packagesByText.get(text) ?? []), `${name} ${version} (${license})`]);
  }
  const chapters = [...packagesByText].map(([text, packages]) => `${packages.join("\n")}\n\n${text}`);
  const rule = "=".repeat(80);
  return `Licences of the packages bundled in this directory.\n\n${chapters.join(`\n\n${rule}\n\n`)}\n`;
}
