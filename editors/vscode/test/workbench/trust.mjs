// Restricted Mode: a window on a folder that nobody trusts. Nothing is started, nothing is read, what the folder sets is left out,
// each view says what to do; and trust makes it work without a reload.
import fs from "node:fs";
import path from "node:path";
import { family, LONG, program, sleep, story, until, World } from "./harness.mjs";

// What a hostile repository would bring: a program to start, and a workflow.
const FILES = {
  "notes.md": "# Rounds\n\none \n",
  ".callboard/workflows/theirs.yaml":
    "title: Theirs\nroles:\n  worker: { access: read }\nsteps:\n  - { id: one, title: One, role: worker, prompt: Hello. }\n",
};
const world = new World(FILES, {
  "security.workspace.trust.enabled": true,
});
const mark = world.of("started.txt");
const witness = world.of("witness.sh");
fs.writeFileSync(witness, `#!/bin/sh\necho "$THEIR_WORD $*" >> ${mark}\nexec ${program} "$@"\n`, { mode: 0o755 });
world.write(
  ".vscode/settings.json",
  JSON.stringify({ "callboard.server.path": witness, "callboard.server.env": { THEIR_WORD: "theirs" } }),
);

let window;
/** Whatever there is of Callboard on this machine: processes, sockets, state, and files in the workspace. */
function traces() {
  const found = [];
  for (const pid of family(world.server.pid)) {
    try {
      const [file] = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      if (file === program || file.endsWith("witness.sh") || path.basename(file) === "callboard") found.push(file);
    } catch {
      // It ended meanwhile.
    }
  }
  const below = (folder) => fs.readdirSync(folder, { recursive: true }).map((it) => path.join(folder, it));
  for (const it of [...below(world.of("run")), ...below(world.of("home"))]) {
    if (/callboard/i.test(it.slice(world.root.length))) found.push(it);
  }
  if (fs.existsSync(mark)) found.push(fs.readFileSync(mark, "utf8"));
  for (const it of fs.readdirSync(world.workspace, { recursive: true })) {
    if (it.startsWith(".git/") || it === ".git" || fs.statSync(path.join(world.workspace, it)).isDirectory()) continue;
    if (!(it in FILES) && it !== ".vscode/settings.json") found.push(it);
  }
  return found;
}

const untouched = (when) => {
  const found = traces();
  if (found.length > 0) throw new Error(`${when} there is: ${found.join(", ")}`);
};

await story(world, [
  [
    "a folder that is not trusted opens, and nothing is started or read",
    async () => {
      await world.start({ trust: true });
      window = await world.window({ files: ["notes.md"] });
      await window.page.locator(".part.statusbar", { hasText: "Restricted Mode" }).waitFor({ timeout: LONG });
      await window.side();
      await window.page.evaluate(() => (globalThis.sameWindow = true));
      await window.page.locator(".part.statusbar .statusbar-item", { hasText: "Callboard" }).first().waitFor();
      untouched("in a window that just opened");
    },
  ],
  [
    "each view says so, and what to do",
    async () => {
      const channel = await window.frame(async (it) => (await it.locator(".off").count()) > 0);
      await channel.locator(".off", { hasText: "Restricted Mode" }).waitFor();
      await channel.locator(".off button", { hasText: "Manage Workspace Trust" }).waitFor();
      for (const name of ["Inbox", "Runs", "Findings", "Agents"]) {
        await window.expand(name);
        await window.pane(name).locator(".welcome-view", { hasText: "Restricted Mode" }).waitFor();
        await window.pane(name).locator(".welcome-view a", { hasText: "Manage Workspace Trust" }).first().waitFor();
      }
      await window.picture("restricted-dark");
    },
  ],
  [
    "no command starts anything, and what needs the server is not offered",
    async () => {
      const box = window.page.locator(".quick-input-widget:visible input").first();
      const rows = window.page.locator(".quick-input-list .monaco-list-row");
      await until("the palette", async () => {
        await window.page.keyboard.press("F1");
        await box.fill(">Callboard: ", { timeout: 3000 });
        await rows.filter({ hasText: "Restart the Language Server" }).first().waitFor({ timeout: 3000 });
        return true;
      });
      const offered = (await rows.allInnerTexts()).join("\n");
      for (const title of ["Run Workflow", "Review This File", "Open Channel", "Trust This Workspace"]) {
        if (offered.includes(title)) throw new Error(`${title} is offered: ${offered}`);
      }
      await window.page.keyboard.press("Escape");
      await window.command("Callboard: Restart the Language Server");
      await window.toast("Restricted Mode").waitFor();
      await window.page.keyboard.press("Control+Alt+c");
      await window.command("Tasks: Run Task");
      await sleep(1000);
      await window.page.keyboard.press("Escape");
      await window.page.keyboard.press("Escape");
      untouched("after all of that");
    },
  ],
  [
    "what the folder sets for the program is left out, and the editor says so",
    async () => {
      const channel = await window.frame(async (it) => (await it.locator(".off").count()) > 0);
      await channel.locator(".off button", { hasText: "Manage Workspace Trust" }).click();
      await window.page.locator(".workspace-trust-editor").getByText("You are in Restricted Mode").waitFor();
      untouched("when trust is looked at");
      await window.command("Preferences: Open Workspace Settings");
      const settings = window.page.locator(".settings-editor");
      await settings.locator(".suggest-input-container").first().click();
      await window.page.keyboard.type("callboard.server");
      for (const name of ["Path", "Env"]) {
        const one = settings.locator(".setting-item-contents", { hasText: `Server: ${name}` }).first();
        await one.getByText("Requires workspace trust").first().waitFor();
      }
      await window.picture("restricted-settings-dark");
      untouched("when its settings are looked at");
      await window.command("Workspaces: Manage Workspace Trust");
    },
  ],
  [
    "trust makes it work in the same window",
    async () => {
      await window.page
        .locator(".workspace-trust-editor .monaco-button", { hasText: /^Trust$/ })
        .first()
        .click();
      await until("the program that the folder names is started now", () => {
        const said = fs.existsSync(mark) ? fs.readFileSync(mark, "utf8") : "";
        return said.includes("theirs lsp");
      });
      // The page on trust lies over all else.
      await window.page.locator(".monaco-modal-editor-block").click({ position: { x: 20, y: 400 } });
      await window.page.locator(".workspace-trust-editor").waitFor({ state: "detached" });
      await window.pane("Inbox").locator(".welcome-view a", { hasText: "Trust This Workspace" }).first().click();
      await window.dialog("Trust This Workspace");
      await window.row("Agents", "@lint").waitFor({ timeout: LONG });
      const channel = await window.channel();
      await channel.locator(".composer textarea").waitFor();
      await window.page.locator(".tab", { hasText: "notes.md" }).first().click();
      await window.command("Callboard: Review This File");
      await window.row("Findings", "white space").waitFor({ timeout: LONG });
      const lost = window.said.find((it) => it.includes("Client got disposed"));
      if (lost !== undefined) throw new Error(`a client that ended is still asked: ${lost}`);
      if (!(await window.page.evaluate(() => globalThis.sameWindow))) throw new Error("the window was loaded again");
    },
  ],
]);
