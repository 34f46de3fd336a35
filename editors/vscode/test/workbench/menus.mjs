// The menus and what they do, in a real workbench: of files, of the editor, of each view's rows and titles; the quick pick of
// workflows and its questions; the messages at a run's end and for a pause that was answered elsewhere.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { LONG, sleep, story, until, World } from "./harness.mjs";

const NOTES = "# Rounds\n\none \ntwo\nthree \n";
const world = new World({ "notes.md": NOTES, "src/app.md": "# App\n\nHello there. \n", "old.md": "# Old\n\nkept \n" });
/** Bytes that no editor would write so: no text, no last line, ends of lines of two kinds. */
const BLOB = Buffer.from([0, 255, 10, 13, 10, 195, 40, 128, 65]);
const MIXED = "one\r\ntwo\nthree";
world.tool(
  "scribe",
  "Changes all sorts of things",
  `printf 'x\\377\\n' > blob.bin
printf 'one\\ntwo\\n' > mixed.txt
mkdir -p made/deep && echo new > made/deep/new.md
rm old.md
chmod -x tool.sh && echo 'echo more' >> tool.sh
printf '{"kind":"change","summary":"all sorts of things","files":["blob.bin"]}' > "$CALLBOARD_RESULT"
`,
  "access: write\ngood-for: [fix]\n",
);
world.own(
  "workflows/scatter.yaml",
  `title: Scatter
category: ops
roles:
  scribe: { prefer: [scribe], access: write }
steps:
  - { id: change, title: Change, role: scribe, result: change, prompt: Change. }
`,
);
world.own(
  "workflows/asks.yaml",
  `title: Asks first
category: test
inputs:
  what: { type: text, description: What is to be looked at. }
  often: { type: number, description: How often. }
  deep: { type: flag, description: Is it to look deeply? }
  loud: { type: flag, default: false, description: Not asked. }
  where: { type: list, description: Where to look. }
steps:
  - { id: stop, title: Stop, pause: { message: "{{ inputs.what }} {{ inputs.often }} times in {{ inputs.where }}" } }
`,
);

let window;
let channel;
const runs = () => world.json("runs");
const newest = () => runs().reduce((a, b) => (Number(a.id.slice(1)) > Number(b.id.slice(1)) ? a : b));
const waits = (id) => world.json("inbox").some((it) => it.id === id);
const has = (offered, ...wanted) => {
  const missing = wanted.filter((it) => !offered.includes(it));
  if (missing.length > 0) throw new Error(`${missing.join(", ")} is not among ${offered.join(" | ")}`);
};
const hasNot = (offered, ...others) => {
  const there = others.filter((it) => offered.includes(it));
  if (there.length > 0) throw new Error(`${there.join(", ")} is among ${offered.join(" | ")}`);
};
const input = () => window.page.locator(".quick-input-widget:visible input").first();
const start = (name, ...more) => {
  try {
    return world.callboard("run", name, "--detach", ...more);
  } catch (error) {
    // Paused and detached.
    if (error.status !== 3) throw error;
    return error.stdout;
  }
};
const LOOP = ["review-fix", "src", "--agent", "reviewer=lint", "--agent", "fixer=autofix"];
const openFile = async (name) => {
  await window.page.keyboard.press("Control+p");
  await window.pick(name, name.split("/").at(-1));
  await window.page.locator(".tab.active", { hasText: name.split("/").at(-1) }).waitFor();
};

await story(world, [
  [
    "the workbench starts in a workspace that is trusted",
    async () => {
      fs.writeFileSync(path.join(world.workspace, "blob.bin"), BLOB);
      fs.writeFileSync(path.join(world.workspace, "mixed.txt"), MIXED);
      fs.writeFileSync(path.join(world.workspace, "tool.sh"), "#!/bin/sh\n", { mode: 0o755 });
      world.callboard("trust", "--yes");
      await world.start();
      window = await world.window({ files: ["notes.md"] });
      await window.side();
      channel = await window.channel();
      await channel.locator(".composer textarea").waitFor();
    },
  ],
  [
    "a file's menu in the explorer reviews it, a folder's runs a workflow on it",
    async () => {
      await window.command("View: Show Explorer");
      const row = (name) => window.page.locator(".explorer-folders-view .monaco-list-row", { hasText: name }).first();
      has(await window.choose(row("notes.md"), "Review This File"), "Review This File", "Run Workflow…");
      await until("its findings", () => world.json("findings").length === 2);
      const offered = await window.choose(row("src"), "Run Workflow…");
      hasNot(offered, "Review This File");
      await window.pick("Review–fix loop");
      await until("the run on that folder", () => waits("p1"), LONG);
      const document = world.json("inbox")[0].document;
      if (!document.includes("src/app.md") || document.includes("notes.md")) throw new Error(`it is about ${document}`);
      world.callboard("decide", "p1", "stop");
      await world.ended(newest().id);
      await window.side();
    },
  ],
  [
    "the editor's menu has Callboard's own, which asks about what is selected",
    async () => {
      await openFile("src/app.md");
      const line = window.page.locator(".editor-instance .view-line", { hasText: "Hello there" }).first();
      await line.click();
      await window.page.keyboard.press("Home");
      await window.page.keyboard.press("Shift+End");
      const offered = await window.choose(line, "Callboard", "Ask an Agent About This…");
      has(offered, "Review This File", "Run Workflow…", "Fix All Findings of This File…");
      await window.pick("@lint");
      await until("the composer", async () =>
        (await channel.locator(".composer textarea").inputValue()).startsWith("@lint about `src/app.md:3`"),
      );
      await channel.locator(".composer textarea").fill("");
      await window.choose(line, "Callboard", "Review This File");
      await until("its finding", () => world.json("findings").some((it) => it.place?.path === "src/app.md"));
    },
  ],
  [
    "a finding's menu settles it, a file's row fixes all of it",
    async () => {
      const file = () => window.row("Findings", "notes.md");
      await file().waitFor();
      const finding = () => window.row("Findings", "white space");
      const before = world.json("findings").length;
      has(await window.choose(finding(), "Accept the Risk"), "Accept the Risk", "Dismiss…");
      await until("it is accepted", () => world.json("findings").length === before - 1);
      await window.choose(finding(), "Dismiss…");
      // Never mind.
      await input().waitFor();
      await window.page.keyboard.press("Escape");
      await input().waitFor({ state: "hidden" });
      if (world.json("findings").length !== before - 1) throw new Error("a dismissal that was given up settled it");
      await window.inline(file(), "Fix All Findings of This File");
      await window.page.locator(".quick-input-widget:visible .monaco-button", { hasText: "OK" }).first().click();
      await window.pick("@autofix");
      await until("it is fixed", () => world.json("findings").every((it) => it.place?.path !== "notes.md"));
    },
  ],
  [
    "an inbox row's menu answers it, with what its decisions are",
    async () => {
      world.write("src/app.md", "# App\n\nHello there. \n");
      start(...LOOP);
      // The row of what was answered before may still be there.
      const row = (pause) => window.row("Inbox", `${pause} ·`);
      await row("p2").waitFor({ timeout: LONG });
      const offered = await window.choose(row("p2"), "Request Changes…");
      has(offered, "Answer Pause Point…", "Reject…", "Show What a Run Changed");
      await window.type("once more");
      await until("the next pause", () => waits("p3"));
      await window.choose(row("p3"), "Answer Pause Point…");
      await window.pick("Reject");
      await window.type("no");
      await world.ended(newest().id);
      if (newest().status !== "rejected") throw new Error("it was not rejected");
    },
  ],
  [
    "the page of a pause has its decisions above it",
    async () => {
      start(...LOOP);
      await until("the page", async () => {
        if ((await window.lines()).some((it) => it.includes("**Pause**: p4"))) return true;
        await window.row("Inbox", "p4 ·").click({ timeout: 3000 });
        await sleep(500);
        return false;
      });
      const actions = window.page.locator(".editor-actions a.action-label");
      const labels = async () =>
        (await actions.evaluateAll((all) => all.map((it) => it.getAttribute("aria-label")))).join("|");
      await until("the decisions", async () => {
        const said = await labels();
        return ["Approve", "Request Changes…", "Reject…", "Show What a Run Changed"].every((it) => said.includes(it));
      });
      await window.page.locator('.editor-actions a[aria-label^="Reject"]').first().click();
      await window.type("not now");
      await world.ended(newest().id);
      await window.page.locator(".tab", { hasText: "p4.md" }).waitFor({ state: "detached" });
    },
  ],
  [
    "a run's menu stops it, shows it, and undoes it; its steps have menus of their own",
    async () => {
      start(...LOOP);
      await window.row("Inbox", "p5 ·").waitFor({ timeout: LONG });
      const offered = await window.choose(window.row("Runs", `${newest().id} ·`), "Stop Run…");
      has(offered, "Show Run as Picture");
      hasNot(offered, "Undo Run…", "Show What a Run Changed");
      await window.dialog("Stop the Run");
      await world.ended(newest().id);
      start(...LOOP);
      await until("its pause", () => waits("p6"));
      world.callboard("decide", "p6", "approve");
      await world.ended(newest().id);
      if (world.read("src/app.md").includes(". \n")) throw new Error("it was not fixed");
      const changed = window.rows("Runs", `${newest().id} ·`).first();
      await until("its changes are known", async () => {
        await window.menu(changed);
        const labels = await window.offered();
        await window.page.keyboard.press("Escape");
        return (
          labels.includes("Show What a Run Changed") && labels.includes("Undo Run…") && !labels.includes("Stop Run…")
        );
      });
      await window.choose(changed, "Show What a Run Changed");
      await window.page.locator(".monaco-diff-editor .view-line", { hasText: "Hello there." }).first().waitFor();
      await window.choose(changed, "Show Run as Picture");
      await window.frame(async (it) => (await it.locator("svg .bar").count()) > 0);
      await window.choose(changed, "Undo Run…");
      await window.dialog("Undo");
      await until("it is undone", () => world.read("src/app.md") === "# App\n\nHello there. \n");
      await window.command("View: Close All Editors");
    },
  ],
  [
    "an agent's menu opens its terminal, and the titles of views have theirs",
    async () => {
      await window.expand("Agents");
      await window.choose(window.row("Agents", "@lint"), "Open Agent's Terminal");
      await window.page.locator(".terminal-wrapper.active").waitFor();
      await window.command("View: Hide Panel");
      /** Chooses from the menu of a view's title, and says what that offered. A menu that something closed is opened again. */
      const more = async (pane, label) => {
        const header = window.pane(pane).locator(".pane-header");
        const entry = window.page.locator(".monaco-menu:visible .action-menu-item", { hasText: label }).first();
        return until(
          `${label} of ${pane}`,
          async () => {
            try {
              await header.hover({ timeout: 3000 });
              await header.locator('a[aria-label="More Actions..."]').first().click({ timeout: 3000 });
              await entry.waitFor({ timeout: 3000 });
              const offered = await window.offered();
              await sleep(250);
              await entry.click({ timeout: 3000 });
              return offered;
            } catch (error) {
              await window.page.keyboard.press("Escape");
              throw error;
            }
          },
          LONG,
        );
      };
      has(await more("Agents", "Remembered Permissions…"), "Remembered Permissions…");
      await window.toast("No permission is remembered").waitFor();
      const offered = await more("Channel", "New Channel…");
      has(offered, "New Channel…", "Show Log", "Restart the Language Server");
      hasNot(offered, "Choose Folder…");
      await window.type("side-room");
      await until("the channel", () => world.callboard("channel", "list", "--json").includes("side-room"));
      await channel.locator(".channels").selectOption("main");
    },
  ],
  [
    "workflows are offered by what they are for",
    async () => {
      await window.command("Callboard: Run Workflow");
      const list = window.page.locator(".quick-input-list .monaco-list-row");
      await list.filter({ hasText: "Review–fix loop" }).first().waitFor();
      const shelves = await window.page.locator(".quick-input-list .quick-input-list-separator").allInnerTexts();
      has(
        shelves.map((it) => it.trim()),
        "Review",
        "Build",
      );
      await window.picture("workflows-dark");
      await input().fill("scatter");
      await list.filter({ hasText: "Scatter" }).first().waitFor();
      await window.page.keyboard.press("Escape");
      await input().waitFor({ state: "hidden" });
    },
  ],
  [
    "what a workflow needs is asked one by one, and Escape at any point starts nothing",
    async () => {
      const before = runs().length;
      const title = window.page.locator(".quick-input-widget:visible .quick-input-title");
      const asked = async (name) => title.filter({ hasText: `Asks first: ${name}` }).waitFor();
      const said = async (name, text) => {
        await asked(name);
        await until(`${name} is taken`, async () => {
          if ((await title.filter({ hasText: `Asks first: ${name}` }).count()) === 0) return true;
          await input().fill(text, { timeout: 3000 });
          await input().press("Enter", { timeout: 3000 });
          await title.filter({ hasText: `Asks first: ${name}` }).waitFor({ state: "detached", timeout: 1500 });
          return true;
        });
      };
      const answers = [
        ["what", async () => said("what", "the depot")],
        ["often", async () => said("often", "3")],
        ["deep", async () => window.pick("Yes")],
        ["where", async () => undefined],
      ];
      // Given up at the list, and then at each question.
      for (let stop = -1; stop < answers.length; stop += 1) {
        await window.command("Callboard: Run Workflow");
        await window.page.locator('.quick-input-widget:visible input[aria-label="Which workflow?"]').waitFor();
        if (stop >= 0) {
          await window.pick("Asks first");
          for (const [name, give] of answers.slice(0, stop)) {
            await asked(name);
            await give();
          }
          await asked(answers[stop][0]);
        }
        await window.page.keyboard.press("Escape");
        await input().waitFor({ state: "hidden" });
      }
      await window.command("Callboard: Run Workflow");
      await window.pick("Asks first");
      await asked("what");
      await input().press("Enter");
      await window.page.getByText("It must be said; there is no default.").first().waitFor();
      await said("what", "the depot");
      await asked("often");
      await input().fill("three");
      await window.page.getByText("A whole number.").first().waitFor();
      await said("often", "3");
      await asked("deep");
      await window.pick("Yes");
      await asked("where");
      const one = async (value) => {
        await input().fill(value);
        await input().press("Enter");
      };
      await one("src");
      await window.page.getByText("1 so far; an empty line is the end.").first().waitFor();
      await one("notes.md");
      await window.page.getByText("2 so far; an empty line is the end.").first().waitFor();
      await input().press("Enter");
      await window.row("Inbox", "the depot 3 times").waitFor({ timeout: LONG });
      const told = world.json("inbox")[0];
      if (!/src[^]*notes\.md/.test(told.title)) throw new Error(`it was told ${told.title}`);
      if (runs().length !== before + 1) throw new Error(`${runs().length - before} runs were started`);
    },
  ],
  [
    "a message for a pause that was answered elsewhere says so when it is chosen",
    async () => {
      const { id } = world.json("inbox")[0];
      const toast = window.toast(`${id} in`);
      await toast.waitFor();
      world.callboard("decide", id, "approve");
      await window.row("Inbox", "the depot").waitFor({ state: "detached" });
      await window.answer(`${id} in`, "Open");
      await window.toast(`${id} was answered: approved by`).waitFor();
      if ((await window.page.locator(".tab", { hasText: `${id}.md` }).count()) !== 0) throw new Error("a page opened");
    },
  ],
  [
    "the message at a run's end shows the diff, and undoes all of it byte for byte",
    async () => {
      await window.command("Notifications: Clear All Notifications");
      const state = () =>
        execFileSync(
          "sh",
          [
            "-c",
            "find . -path ./.git -prune -o -type f -print | sort | xargs stat -c '%a %n' && find . -path ./.git -prune -o -type f -print | sort | xargs sha256sum && find . -path ./.git -prune -o -type d -print | sort",
          ],
          { cwd: world.workspace, encoding: "utf8" },
        );
      const before = state();
      await window.command("Callboard: Run Workflow");
      await window.pick("Scatter");
      await window.toast("Scatter (").waitFor({ timeout: LONG });
      if (state() === before) throw new Error("it changed nothing");
      await window.picture("ended-dark");
      await window.answer("Scatter (", "Show Diff");
      for (const name of ["blob.bin", "new.md", "mixed.txt", "old.md", "tool.sh"]) {
        await window.page.locator(".part.editor").getByText(name, { exact: true }).first().waitFor();
      }
      await window.picture("ended-diff-dark");
      world.callboard("undo", newest().id);
      await until("as it was by the shell", () => state() === before);
      await window.command("Notifications: Clear All Notifications");
      await window.command("Callboard: Run Workflow");
      await window.pick("Scatter");
      await window.answer("Scatter (", "Undo Run");
      await window.dialog("Undo");
      await window.toast("put back").waitFor();
      const after = state();
      if (after !== before) throw new Error(`it is not as it was:\n${before}\n${after}`);
    },
  ],
]);
