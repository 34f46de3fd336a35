// A real VS Code workbench for tests: its server, a Chromium window, and a world of their own, all below one temporary folder.
//
// CALLBOARD_WORKBENCH names the folder that `tests/run.d/vscode.sh` installs, CALLBOARD the program, CALLBOARD_VSIX the package.
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";

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
export const artefacts = path.resolve(process.env.CALLBOARD_PICTURES ?? path.join(os.tmpdir(), "callboard-pictures"));

/** Longest waits: a loaded machine takes a minute to paint a window. */
export const LONG = 240_000;
/** What is not given a bound of its own. */
const USUAL = 90_000;

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Waits until `look` gives something true; fails by the name of what was waited for. */
export async function until(what, look, limit = USUAL) {
  const end = Date.now() + limit;
  let last;
  while (Date.now() < end) {
    try {
      last = await look();
      if (last) return last;
    } catch (error) {
      last = error.message;
    }
    await sleep(60);
  }
  throw new Error(`in vain for ${limit} ms: ${what}; last: ${typeof last === "string" ? last : JSON.stringify(last)}`);
}

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
  "callboard.server.path": program,
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

  /** Runs the real command line in this world. */
  callboard(...args) {
    return this.callboardIn(this.workspace, ...args);
  }
  callboardIn(cwd, ...args) {
    return execFileSync(program, args, { cwd, env: this.env, encoding: "utf8", timeout: LONG });
  }

  /** Waits until a run has come to its end, whichever that is. */
  async ended(run) {
    await until(`the end of ${run}`, () =>
      this.callboard("runs", "--json")
        .trim()
        .split("\n")
        .map((it) => JSON.parse(it))
        .some((it) => it.id === run && it.ended !== undefined),
    );
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

  /** Starts the editor's server; with `trust` it asks of each folder whether it is trusted, as an editor on a desk does. */
  async start({ vsix, extra = [], trust = false } = {}) {
    const base = ["--accept-server-license-terms", "--telemetry-level", "off"];
    const folders = [
      "--server-data-dir",
      this.of("data"),
      "--user-data-dir",
      this.of("data"),
      "--extensions-dir",
      this.of("extensions"),
    ];
    if (vsix !== undefined) {
      const args = [server, ...base, ...folders, "--install-extension", vsix];
      execFileSync(node, args, { env: this.env, timeout: LONG, stdio: "pipe" });
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

export class Window {
  constructor(world, context, page) {
    Object.assign(this, { world, context, page });
    this.said = [];
    page.on("console", (it) => this.said.push(`${it.type()}: ${it.text()}`));
    page.on("pageerror", (it) => this.said.push(`pageerror: ${it.message}`));
  }

  /** Runs a command by its title. A key that is pressed while the workbench starts can be lost, so it is pressed again. */
  async command(title) {
    const input = this.page.locator(".quick-input-widget:visible input").first();
    const row = this.page.locator(".quick-input-list .monaco-list-row", { hasText: title }).first();
    await until(
      `the command ${title}`,
      async () => {
        await this.page.keyboard.press("F1");
        try {
          await input.fill(`>${title}`, { timeout: 4000 });
          await row.click({ timeout: 4000 });
          return true;
        } catch (error) {
          await this.page.keyboard.press("Escape");
          throw error;
        }
      },
      LONG,
    );
  }
  /** Chooses from the list that is open. Rows far down are drawn only when the list is narrowed. */
  async pick(words, label = words) {
    const input = this.page.locator(".quick-input-widget:visible input").first();
    await input.fill(words, { timeout: USUAL });
    const row = this.page.locator(".quick-input-list .monaco-list-row", { hasText: label }).first();
    await row.click({ timeout: USUAL });
  }
  /** Types into the input box that is open. */
  async type(text) {
    const input = this.page.locator(".quick-input-widget:visible input").first();
    await input.fill(text, { timeout: USUAL });
    // A box that still looks at what was typed does not take it yet.
    await until("the box takes it", async () => {
      if (!(await input.isVisible())) return true;
      await input.press("Enter", { timeout: 2000 });
      await input.waitFor({ state: "hidden", timeout: 1500 });
      return true;
    });
  }
  toast(text) {
    return this.page.locator(".notifications-toasts .notification-list-item", { hasText: text }).first();
  }
  async answer(text, label) {
    const toast = this.toast(text);
    await toast.waitFor({ timeout: USUAL });
    await toast.hover();
    await toast.locator("a.monaco-button, .monaco-button", { hasText: label }).first().click({ timeout: USUAL });
  }
  async dialog(label) {
    const found = this.page.locator(".monaco-dialog-box .monaco-button", { hasText: label }).first();
    await found.click({ timeout: USUAL });
  }
  /** Lenses are dead until every provider has answered; a change that is taken back asks again. */
  async lens(text) {
    const lens = this.page.locator(".codelens-decoration a", { hasText: text }).first();
    await until(
      `the lens ${text}`,
      async () => {
        try {
          await lens.click({ timeout: 4000 });
          return true;
        } catch (error) {
          await this.focusEditor();
          await this.page.keyboard.press("Control+End");
          await this.page.keyboard.type(" ");
          await this.page.keyboard.press("Control+z");
          throw error;
        }
      },
      LONG,
    );
  }
  async focusEditor() {
    await this.page
      .locator(".editor-instance .view-lines")
      .first()
      .click({ position: { x: 200, y: 6 } });
  }
  async lines() {
    return this.page.$$eval(".editor-instance .view-line", (all) =>
      all
        .map((it) => [parseFloat(it.style.top || "0"), it.textContent.replace(/\u00a0/g, " ")])
        .sort((a, b) => a[0] - b[0])
        .map((it) => it[1]),
    );
  }
  /** Waits until the file in front shows a line: a file that others changed is read again when the editor hears of it. */
  async shows(line) {
    await until(`the line ${JSON.stringify(line)}`, async () => (await this.lines()).includes(line));
  }
  async codeAction(title) {
    const row = this.page.locator(".action-widget .monaco-list-row", { hasText: title }).first();
    await until(
      `the code action ${title}`,
      async () => {
        await this.page.keyboard.press("Control+.");
        try {
          await row.click({ timeout: 4000 });
          return true;
        } catch (error) {
          await this.page.keyboard.press("Escape");
          throw error;
        }
      },
      LONG,
    );
  }
  async side() {
    const tab = this.page.locator('.activitybar a[aria-label^="Callboard"]').first();
    await tab.waitFor({ timeout: LONG });
    const inbox = this.page.locator(".pane-header", { hasText: "Inbox" });
    // A window that was reloaded may be about to show it by itself, and a badge lies over the tab.
    await until(
      "the side bar",
      async () => {
        if ((await inbox.count()) > 0 && (await inbox.first().isVisible())) return true;
        await tab.click({ force: true, timeout: 3000 });
        await inbox.waitFor({ timeout: 4000 });
        return true;
      },
      LONG,
    );
    await this.expand("Findings");
  }
  /** Opens a view that is folded, or folds one. */
  async expand(name) {
    await this.fold(name, true);
  }
  async fold(name, open = false) {
    const header = this.page.locator(".pane-header", { hasText: name }).first();
    await until(`the view ${name}`, async () => {
      if ((await header.getAttribute("aria-expanded")) === String(open)) return true;
      await header.click({ timeout: 3000 });
      return false;
    });
  }
  /** Opens the menu of what the pointer is on, and waits for its entries. What is redrawn under it closes it again. */
  async menu(at) {
    const menu = this.page.locator(".monaco-menu:visible").last();
    await until("the menu", async () => {
      await at.click({ button: "right", timeout: 3000 });
      await menu.locator(".action-label").first().waitFor({ timeout: 3000 });
      return true;
    });
    return menu;
  }
  /** What the menu that is open offers. */
  async offered() {
    const labels = this.page.locator(".monaco-menu:visible .action-menu-item .action-label");
    return (await labels.allInnerTexts()).map((it) => it.trim()).filter((it) => it !== "");
  }
  /** Chooses an entry of a menu, `…` and all, by way of submenus; says what the last of them offered. */
  async choose(at, ...labels) {
    let offered = [];
    await until(
      `the entry ${labels.join(" > ")}`,
      async () => {
        try {
          await this.menu(at);
          for (const [index, label] of labels.entries()) {
            const entry = this.page
              .locator(".monaco-menu:visible .action-menu-item")
              .filter({ has: this.page.locator(".action-label", { hasText: new RegExp(`^${label}$`) }) })
              .last();
            await entry.waitFor({ timeout: 3000 });
            offered = await this.offered();
            // A menu takes no choice in the moment in which it opens.
            await sleep(250);
            if (index < labels.length - 1) await entry.hover({ timeout: 3000 });
            else await entry.click({ timeout: 3000 });
          }
          return true;
        } catch (error) {
          await this.page.keyboard.press("Escape");
          throw error;
        }
      },
      LONG,
    );
    return offered;
  }
  pane(name) {
    return this.page.locator(".pane").filter({ has: this.page.locator(".pane-header", { hasText: name }) });
  }
  rows(pane, text) {
    return this.pane(pane).locator(".monaco-list-row", { hasText: text });
  }
  row(pane, text) {
    return this.rows(pane, text).first();
  }
  async inline(row, label) {
    // A tree that is refreshed takes the row from under the pointer.
    await until(`the action ${label}`, async () => {
      await row.hover({ timeout: 3000 });
      await row.locator(`a.action-label[aria-label^="${label}"]`).first().click({ timeout: 3000 });
      return true;
    });
  }
  /** A page of ours: the frame in a webview for which `fits` holds. */
  async frame(fits, limit = LONG) {
    return until(
      "a page of ours",
      async () => {
        for (const frame of this.page.frames()) {
          const outer = frame.parentFrame();
          if (outer === null || !outer.url().includes("/webview/browser/pre/")) continue;
          if (await fits(frame).catch(() => false)) return frame;
        }
        return undefined;
      },
      limit,
    );
  }
  async channel() {
    return this.frame(async (it) => (await it.locator(".composer").count()) > 0);
  }
  /** The channel's own search by its key, which must not open the editor's too. */
  async find(channel) {
    await until("the channel's search", async () => {
      await channel.locator(".composer textarea").click({ timeout: 3000 });
      // The workbench learns within a quarter of a second that a page has the focus.
      await sleep(400);
      await this.page.keyboard.press("Control+f");
      await channel.locator(".search input").waitFor({ timeout: 3000 });
      return true;
    });
    if ((await this.page.locator(".find-widget.visible").count()) !== 0)
      throw new Error("the editor's search opened too");
  }
  async picture(name) {
    fs.mkdirSync(artefacts, { recursive: true });
    // What fades in or out is through with it.
    await sleep(350);
    const file = path.join(artefacts, `${name}.png`);
    await this.page.screenshot({ path: file });
    return file;
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
