// A real VS Code workbench for tests: its server, a Chromium window, and a world of their own, all below one temporary folder.
//
// CALLBOARD_WORKBENCH names the folder that `tests/run.d/vscode.sh` installs, CALLBOARD the program, CALLBOARD_VSIX the package.
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { LONG, sleep, until, USUAL } from "./waits.mjs";
import { Window } from "./window.mjs";

export { LONG, sleep, until } from "./waits.mjs";

const wanted = (name) => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set; tests/run vscode sets it`);
  return path.resolve(value);
};
const bench = wanted("CALLBOARD_WORKBENCH");
export const program = wanted("CALLBOARD");
const { chromium } = createRequire(`${bench}/drive/`)("playwright-core");
const node = `${bench}/node/bin/node`;
const server = `${bench}/vscode/out/server-main.js`;

/** A process and all below it, by their ids. */
export function family(pid) {
  const rows = execFileSync("ps", ["-eo", "pid=,ppid="], { encoding: "utf8" }).trim().split("\n");
  const parents = rows.map((row) => row.trim().split(/\s+/));
  const all = new Set([String(pid)]);
  for (let size = 0; size !== all.size;) {
    size = all.size;
    for (const [child, parent] of parents) if (all.has(parent)) all.add(child);
  }
  return all;
}

/** The memory of a process and all below it, each page shared out, in MiB. */
export function memory(pid) {
  let total = 0;
  for (const one of family(pid)) {
    try {
      total += Number(/^Pss:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${one}/smaps_rollup`, "utf8"))?.[1] ?? 0);
    } catch {
      // It ended meanwhile.
    }
  }
  return total / 1024;
}

const SETTINGS = {
  "workbench.startupEditor": "none",
  "workbench.colorTheme": "Default Dark Modern",
  "security.workspace.trust.enabled": false,
  "telemetry.telemetryLevel": "off",
  "extensions.autoCheckUpdates": false,
  "extensions.autoUpdate": false,
  "extensions.ignoreRecommendations": true,
  "update.mode": "none",
  "chat.disableAIFeatures": true,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.tips.enabled": false,
  "workbench.enableExperiments": false,
  "git.enabled": false,
  "editor.minimap.enabled": false,
  "files.autoSave": "off",
  "editor.accessibilitySupport": "off",
  "terminal.integrated.gpuAcceleration": "off",
};

/** A machine of its own: home, workspace, editor's server. Ended by `end`. */
export class World {
  constructor(files, settings = {}) {
    this.root = fs.mkdtempSync(path.join(os.tmpdir(), "cbw-"));
    for (const name of ["home", "run", "workspace", "data", "extensions"]) fs.mkdirSync(this.of(name), { mode: 0o700 });
    // Its own root, whatever is above the folder for temporary files.
    execFileSync("git", ["init", "--quiet", this.workspace]);
    for (const [name, text] of Object.entries(files)) this.write(name, text);
    fs.mkdirSync(this.of("data/User"), { recursive: true });
    this.settings(settings);
    this.env = {
      ...process.env,
      HOME: this.of("home"),
      XDG_CONFIG_HOME: this.of("home/.config"),
      XDG_DATA_HOME: this.of("home/.local/share"),
      XDG_STATE_HOME: this.of("home/.local/state"),
      XDG_CACHE_HOME: this.of("home/.cache"),
      XDG_RUNTIME_DIR: this.of("run"),
      // As if it were started in a terminal: else the editor asks a login shell for another PATH.
      VSCODE_CLI: "1",
    };
    for (const name of ["VSCODE_IPC_HOOK_CLI", "NODE_OPTIONS"]) delete this.env[name];
    this.windows = [];
    /** Other folders with a hub. */
    this.others = [];
    this.log = "";
  }

  of(name) {
    return path.join(this.root, name);
  }
  get workspace() {
    return this.of("workspace");
  }
  write(name, text) {
    const file = path.join(this.workspace, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  }
  read(name) {
    return fs.readFileSync(path.join(this.workspace, name), "utf8");
  }
  settings(more) {
    this.chosen = { ...SETTINGS, ...this.chosen, ...more };
    fs.writeFileSync(this.of("data/User/settings.json"), JSON.stringify(this.chosen, undefined, 1));
  }
  keybindings(all) {
    fs.writeFileSync(this.of("data/User/keybindings.json"), JSON.stringify(all));
  }

  /** Writes a file of the developer's own configuration. */
  own(name, text, mode) {
    const file = this.of(path.join("home/.config/callboard", name));
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text, { mode });
  }
  /** Has an agent that is a script of the shell; `more` are further lines of its profile. */
  tool(name, title, script, more = "") {
    this.own(`agents/${name}.sh`, `#!/bin/sh\n${script}`, 0o755);
    this.own(`agents/${name}.yaml`, `name: ${name}\ntitle: ${title}\ndriver: tool\n${more}command: [./${name}.sh]\n`);
  }
  /** Has an agent that asks its terminal something and says what was typed. */
  ear() {
    const said = `'{"kind":"text","text":"heard %s"}' "$way"`;
    this.tool(
      "ear",
      "Listens to its terminal",
      `printf 'Which way? '\nread -r way\nprintf ${said} > "$CALLBOARD_RESULT"\n`,
    );
  }

  /** Runs the real command line in this world. */
  callboard(...args) {
    return this.callboardIn(this.workspace, ...args);
  }
  callboardIn(cwd, ...args) {
    return execFileSync(program, args, { cwd, env: this.env, encoding: "utf8", timeout: LONG });
  }

  /** What it says with `--json`: a value for each line. */
  json(...args) {
    const lines = this.callboard(...args, "--json").split("\n");
    return lines.filter((it) => it.trim() !== "").map((it) => JSON.parse(it));
  }

  /** Waits until a run has come to its end, whichever that is. */
  async ended(run) {
    const is = (it) => it.id === run && it.ended !== undefined;
    await until(`the end of ${run}`, () => this.json("runs").some(is));
  }

  /** What the hub has to say, for a part that failed. */
  state() {
    const ask = (...args) => {
      try {
        return `$ callboard ${args.join(" ")}\n${this.callboard(...args).slice(-4000)}`;
      } catch (error) {
        return `$ callboard ${args.join(" ")}: ${error.message}`;
      }
    };
    return [ask("runs"), ask("inbox"), ask("findings", "--all"), ask("agents"), ask("channel", "show")].join("\n");
  }

  /** Starts the editor's server, with the package unless it is not wanted; with `trust` it asks of each folder whether it is trusted, as an editor on a desk does. */
  async start({ packed = true, extra = [], trust = false } = {}) {
    const base = ["--accept-server-license-terms", "--telemetry-level", "off"];
    const folders = [
      "--server-data-dir",
      this.of("data"),
      "--user-data-dir",
      this.of("data"),
      "--extensions-dir",
      this.of("extensions"),
    ];
    if (packed) {
      const args = [server, ...base, ...folders, "--install-extension", wanted("CALLBOARD_VSIX")];
      execFileSync(node, args, { env: this.env, timeout: LONG, stdio: "pipe" });
    } else {
      // The package has the program inside. Without it the machine's settings say where it is: a user's are the window's own.
      fs.mkdirSync(this.of("data/Machine"), { recursive: true });
      fs.writeFileSync(this.of("data/Machine/settings.json"), JSON.stringify({ "callboard.server.path": program }));
    }
    const args = ["--host", "127.0.0.1", "--port", "0", "--without-connection-token"];
    if (!trust) args.push("--disable-workspace-trust");
    const options = { env: this.env, stdio: ["ignore", "pipe", "pipe"], detached: true };
    this.server = spawn(node, [server, ...base, ...folders, ...args, ...extra], options);
    for (const stream of [this.server.stdout, this.server.stderr]) stream.on("data", (data) => (this.log += data));
    const port = await until("the workbench's server listens", () => /listening on (\d+)/.exec(this.log)?.[1]);
    this.host = `127.0.0.1:${port}`;
  }

  async window({
    size = { width: 1360, height: 860 },
    files = [],
    payload = [],
    prepare,
    folder = ".",
    workspace,
  } = {}) {
    const profile = this.of(`browser-${this.windows.length}`);
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      headless: true,
      viewport: size,
      timeout: LONG,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--enable-precise-memory-info",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
      ],
    });
    const page = context.pages()[0] ?? (await context.newPage());
    page.setDefaultTimeout(USUAL);
    await prepare?.(page);
    const window = new Window(this, context, page);
    this.windows.push(window);
    const url = new URL(`http://${this.host}/`);
    if (workspace === undefined) url.searchParams.set("folder", path.join(this.workspace, folder));
    else url.searchParams.set("workspace", workspace);
    const open = files.map((name) => ["openFile", `vscode-remote://${this.host}${path.resolve(this.workspace, name)}`]);
    if (open.length + payload.length > 0) url.searchParams.set("payload", JSON.stringify([...open, ...payload]));
    await page.goto(url.href, { waitUntil: "domcontentloaded", timeout: LONG });
    await page.locator(".monaco-workbench .part.statusbar").waitFor({ timeout: LONG });
    return window;
  }

  async end() {
    for (const window of this.windows) await window.context.close().catch(() => undefined);
    if (this.server !== undefined) {
      const gone = new Promise((done) => this.server.once("exit", done));
      // The server is the leader of its own group, which it was started with.
      process.kill(-this.server.pid, "SIGTERM");
      await Promise.race([gone, sleep(5000)]);
    }
    for (const folder of [this.workspace, ...this.others]) {
      try {
        this.callboardIn(folder, "hub", "stop");
      } catch {
        // None ran.
      }
    }
    fs.rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** What the workbench says of parts that it has not and that nothing here needs. */
const NOISE =
  /bindings file|watchdog|404|ServiceWorker|%c INFO|web worker|ERR_NAME_NOT_RESOLVED|ENOTFOUND|open-vsx|AccountPolicyGate|allow-same-origin|github/;

/** The end of what the extension logged, in whichever window did so last. */
function extensionLog(world) {
  const found = fs
    .readdirSync(world.of("data"), { recursive: true })
    .filter((it) => it.endsWith("Callboard.log"))
    .map((it) => world.of(path.join("data", it)));
  return found.map((it) => fs.readFileSync(it, "utf8").slice(-1500)).join("\n");
}

/** Runs named parts one after the other, each with its time; the first that fails ends it with what is to be seen. */
export async function story(world, parts, after = () => undefined) {
  const began = Date.now();
  let passed = 0;
  let failed;
  for (const [name, part] of parts) {
    const from = Date.now();
    try {
      await part();
      passed += 1;
      console.log(`ok ${name} (${((Date.now() - from) / 1000).toFixed(1)} s)`);
    } catch (error) {
      failed = error;
      console.log(`FAILED ${name}: ${error.stack}`);
      for (const [index, window] of world.windows.entries()) {
        const file = await window
          .picture(`failed-${path.basename(process.argv[1], ".mjs")}-${index}`)
          .catch((other) => other.message);
        console.log(
          `  window ${index}: ${file}\n  ${window.said
            .filter((it) => !NOISE.test(it))
            .slice(-12)
            .join("\n  ")
            .slice(0, 3000)}`,
        );
      }
      console.log(extensionLog(world));
      console.log(world.state());
      break;
    }
  }
  await world.end();
  after();
  const seconds = ((Date.now() - began) / 1000).toFixed(0);
  console.log(`${passed} passed, ${failed === undefined ? 0 : 1} failed in ${seconds} s`);
  process.exit(failed === undefined ? 0 : 1);
}
