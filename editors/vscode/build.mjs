// Builds the extension: bundles below dist/, unit tests below target/, the package with the server inside.
//
//   node build.mjs                 the bundles
//   node build.mjs --watch         the bundles, again after each change
//   node build.mjs --tests         the unit tests and the extension-host tests, below target/vscode
//   node build.mjs --package [--server FILE] [--target linux-x64] [--out FILE]
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import * as esbuild from "esbuild";
import { refusal } from "./program.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const target = path.resolve(here, "../../target/vscode");
const { values: options } = parseArgs({
  options: {
    watch: { type: "boolean" },
    tests: { type: "boolean" },
    package: { type: "boolean" },
    server: { type: "string" },
    target: { type: "string" },
    out: { type: "string" },
  },
});

const common = { absWorkingDir: here, bundle: true, sourcemap: false, logLevel: "warning", legalComments: "none" };
const forNode = { ...common, platform: "node", target: "node20", format: "cjs", external: ["vscode"] };

/** The extension and its two web pages. */
const bundles = [
  { ...forNode, entryPoints: ["src/extension.ts"], outfile: "dist/extension.js", minify: true },
  {
    ...common,
    entryPoints: { channel: "webview/channel.ts", run: "webview/run.ts" },
    outdir: "dist",
    platform: "browser",
    target: "es2022",
    format: "iife",
    minify: true,
    loader: { ".ttf": "file" },
    assetNames: "[name]",
  },
];

/** What the extension needs of other places. */
function copies() {
  const schema = fs.readFileSync(path.join(here, "../../templates/workflow.schema.json"));
  const file = path.join(here, "schemas/workflow.schema.json");
  // What is the same is left alone: somebody may be reading it.
  if (fs.existsSync(file) && fs.readFileSync(file).equals(schema)) return;
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, schema);
}

async function tests() {
  const of = (folder) =>
    fs
      .readdirSync(path.join(here, folder))
      .filter((it) => it.endsWith(".ts"))
      .map((it) => path.join(folder, it));
  await esbuild.build({
    ...forNode,
    entryPoints: of("test/unit"),
    outdir: path.join(target, "unit"),
    outExtension: { ".js": ".cjs" },
  });
  await esbuild.build({ ...forNode, entryPoints: of("test/host"), outdir: path.join(target, "host") });
}

/** Says what the package holds of others, with their licences. */
function notices() {
  const lock = JSON.parse(fs.readFileSync(path.join(here, "package-lock.json"), "utf8"));
  const roots = [
    "vscode-languageclient",
    "markdown-it",
    "lowlight",
    "highlight.js",
    "@vscode/codicons",
    "@vscode/l10n",
    "diff",
  ];
  const wanted = new Set();
  const visit = (name) => {
    const entry = lock.packages[`node_modules/${name}`];
    if (wanted.has(name) || entry === undefined) return;
    wanted.add(name);
    for (const next of Object.keys(entry.dependencies ?? {})) visit(next);
  };
  roots.forEach(visit);
  const parts = [...wanted].sort().map((name) => {
    const folder = path.join(here, "node_modules", name);
    const file = fs.readdirSync(folder).find((it) => /^licen[cs]e/i.test(it));
    const { version, license } = lock.packages[`node_modules/${name}`];
    const text = file === undefined ? "" : `\n${fs.readFileSync(path.join(folder, file), "utf8").trim()}\n`;
    return `${name} ${version} (${license ?? "see its licence"})\n${text}`;
  });
  return `This extension holds parts of:\n\n${parts.join("\n---\n\n")}`;
}

/** The README as the extension's page in the editor, which shows pictures of the web and no others: it says where they are. */
function page() {
  let where =
    "_Pictures are in the walkthrough: choose_ **Callboard: First Review in Two Minutes** _from the command palette._\n\n";
  return fs.readFileSync(path.join(here, "README.md"), "utf8").replace(/^!\[[^\]]*\]\([^)]*\)\n\n/gm, () => {
    const once = where;
    where = "";
    return once;
  });
}

/** Puts the documents' pictures that the walkthrough shows beside it: what is outside of the package leads nowhere. */
function walkthrough(folder) {
  for (const name of fs.readdirSync(folder)) {
    const page = path.join(folder, name);
    const text = fs.readFileSync(page, "utf8").replace(/\]\(([^)]*\/)([\w-]+\.png)\)/g, (_, from, picture) => {
      fs.copyFileSync(path.join(here, "walkthrough", from, picture), path.join(folder, picture));
      return `](${picture})`;
    });
    fs.writeFileSync(page, text);
  }
}

/** Puts together what the package holds, apart from the sources. */
function stage(server) {
  const folder = path.join(target, "package");
  fs.rmSync(folder, { recursive: true, force: true });
  for (const name of ["dist", "l10n", "media", "schemas", "walkthrough", "package.json", "package.nls.json"]) {
    fs.cpSync(path.join(here, name), path.join(folder, name), { recursive: true });
  }
  walkthrough(path.join(folder, "walkthrough"));
  fs.writeFileSync(path.join(folder, "README.md"), page());
  // All that is here is for the package; without this file it would be asked whether that is so.
  fs.writeFileSync(path.join(folder, ".vscodeignore"), "");
  fs.writeFileSync(path.join(folder, "THIRD-PARTY.txt"), notices());
  fs.copyFileSync(path.join(here, "../../LICENSE-MIT"), path.join(folder, "LICENSE.txt"));
  if (server !== undefined) {
    const file = path.join(folder, "server", platform.startsWith("win32-") ? "callboard.exe" : "callboard");
    fs.mkdirSync(path.dirname(file));
    fs.copyFileSync(server, file);
    fs.chmodSync(file, 0o755);
  }
  return folder;
}

/** The platform that a package is for, where it has a server inside. */
const own = process.arch === "arm" ? `${process.platform}-armhf` : `${process.platform}-${process.arch}`;
const platform = options.target ?? own;

/** Says why no package can be made of these options; nothing where one can. */
function complaint() {
  if (options.server !== undefined) {
    if (!fs.statSync(options.server, { throwIfNoEntry: false })?.isFile()) {
      return `error: there is no file ${options.server}\nhelp: name the program that is to be inside with --server`;
    }
    return refusal(fs.readFileSync(options.server), options.server, platform);
  }
  if (options.target === undefined) return undefined;
  return `error: a package for ${options.target} needs its server\nhelp: name it with --server, or leave out --target: a package without a server is for every platform`;
}

function pack() {
  const folder = stage(options.server);
  const version = JSON.parse(fs.readFileSync(path.join(here, "package.json"), "utf8")).version;
  const name = options.server === undefined ? `callboard-${version}.vsix` : `callboard-${platform}-${version}.vsix`;
  const out = path.resolve(options.out ?? path.join(target, name));
  fs.mkdirSync(path.dirname(out), { recursive: true });
  const arguments_ = [
    "package",
    "--no-dependencies",
    "--skip-license",
    "--allow-missing-repository",
    "--no-rewrite-relative-links",
    "--out",
    out,
  ];
  if (options.server !== undefined) arguments_.push("--target", platform);
  execFileSync(path.join(here, "node_modules/.bin/vsce"), arguments_, {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const size = (fs.statSync(out).size / 1e6).toFixed(1);
  console.log(
    `${path.relative(process.cwd(), out)}: ${size} MB${options.server === undefined ? ", without a server" : ""}`,
  );
}

const wrong = options.package ? complaint() : undefined;
if (wrong !== undefined) {
  console.error(wrong);
  process.exit(2);
}
copies();
if (options.watch) {
  for (const bundle of bundles) await (await esbuild.context(bundle)).watch();
} else {
  fs.rmSync(path.join(here, "dist"), { recursive: true, force: true });
  for (const bundle of bundles) await esbuild.build(bundle);
  if (options.tests) await tests();
  if (options.package) pack();
}
