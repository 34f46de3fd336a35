// What the day leaves out, in a real workbench: the composer's memory, a change accepted and undone by itself, remarks on lines,
// stale findings, all of a file fixed after a look, unsaved text saved before a turn, tasks, and a folder below the
// repository's root.
import { LONG, sleep, story, until, World } from "./harness.mjs";

const STOPS = "# Stops\n\nThe station.\n\nA long way.\n\nThe depot.\n\nNight.\n\nHome.\n";
const world = new World({
  "stops.md": STOPS,
  "src/notes.md": "# Notes\n\none \ntwo\nthree \n",
  ".vscode/tasks.json": JSON.stringify({
    version: "2.0.0",
    tasks: [
      {
        type: "callboard",
        workflow: "review-file",
        inputs: { path: "src/notes.md" },
        roles: { reviewer: "lint" },
        label: "look at the notes",
      },
    ],
  }),
});
// An agent that changes two places of a file, and says what it was told.
world.tool(
  "scribe",
  "Changes names",
  `sed -i 's/station/harbour/; s/depot/bridge/' stops.md
printf '{"kind":"change","summary":"two names","files":["stops.md"]}' > "$CALLBOARD_RESULT"
`,
  "access: write\ngood-for: [fix]\n",
);
world.own(
  "workflows/rename.yaml",
  `title: Rename
roles:
  scribe: { prefer: [scribe], access: write }
steps:
  - { id: change, title: Change, role: scribe, result: change, prompt: Rename. }
  - { id: look, title: Look, needs: [change], pause: { show: change, message: "Keep this?" } }
`,
);
// One that changes what whoever builds has run.
world.tool(
  "baker",
  "Builds",
  `printf 'all:\\n\\techo baked\\n' > Makefile
printf '{"kind":"change","summary":"a recipe","files":["Makefile"]}' > "$CALLBOARD_RESULT"
`,
  "access: write\ngood-for: [build]\n",
);
world.own(
  "workflows/bake.yaml",
  `title: Bake
steps:
  - { id: make, title: Make, tool: baker, result: change, prompt: Bake. }
  - { id: look, title: Look, needs: [make], pause: { show: make, message: "Let it through?" } }
`,
);
world.own("config.yaml", "buffers: {before_turn: save}\n");

let window;
let channel;
const input = () => channel.locator(".composer textarea");
/** Waits until the keys go to the file in front; `reach` is tried for it. */
const hasKeys = (reach = () => undefined) =>
  until("the keys go there", async () => {
    await reach();
    return (await window.page.locator(".editor-instance .monaco-editor.focused").count()) === 1;
  });
const open = async (name) => {
  await window.page.keyboard.press("Control+p");
  await window.pick(name, name.split("/").at(-1));
  await window.page.locator(".tab.active", { hasText: name.split("/").at(-1) }).waitFor();
  // The tab is there before the text is, and the text before the keys go to it.
  await window.shows(world.read(name).split("\n")[0]);
  await hasKeys(() => window.focusEditor());
};

await story(world, [
  [
    "the workbench starts in a workspace that is trusted",
    async () => {
      world.callboard("trust", "--yes");
      await world.start();
      window = await world.window({ files: ["stops.md"] });
      await window.side();
      channel = await window.channel();
      await input().waitFor();
      await channel.locator(".empty", { hasText: "Nobody has said anything" }).waitFor();
    },
  ],
  [
    "commands, workflows, their inputs, and files complete; several lines, drafts and history are kept",
    async () => {
      await input().click();
      await input().pressSequentially("/ru");
      await channel.locator(".completions li", { hasText: "/run" }).waitFor();
      await window.page.keyboard.press("Enter");
      await input().pressSequentially("rename");
      await channel.locator(".completions li", { hasText: "rename" }).first().waitFor();
      await input().fill("/run review-file pa");
      await channel.locator(".completions li", { hasText: "path=" }).waitFor();
      await input().fill("");
      await input().pressSequentially("see `note");
      await channel.locator(".completions li", { hasText: "src/notes.md" }).waitFor();
      await window.page.keyboard.press("Tab");
      await until("the path", async () => (await input().inputValue()) === "see `src/notes.md");
      await input().fill("first line");
      await window.page.keyboard.press("Shift+Enter");
      await window.page.keyboard.type("second line");
      // What was typed in the last moment before a window went is not promised.
      await sleep(1000);
      await window.page.reload();
      await window.page.locator(".monaco-workbench .part.statusbar").waitFor({ timeout: LONG });
      await window.side();
      channel = await window.channel();
      await until("the draft", async () => (await input().inputValue()) === "first line\nsecond line", LONG);
      await input().click();
      await window.page.keyboard.press("Enter");
      await channel.locator(".message.person .body", { hasText: "second line" }).waitFor();
      await window.page.keyboard.press("ArrowUp");
      await until("the history", async () => (await input().inputValue()) === "first line\nsecond line");
      await input().fill("");
    },
  ],
  [
    "what came while nobody looked is marked, and search reads further back",
    async () => {
      await open("stops.md");
      await window.page.locator(".editor-instance .view-lines").first().click();
      for (let at = 1; at <= 5; at += 1) world.callboard("channel", "post", `line ${at} of the night`);
      await channel.locator(".message.first-new .body", { hasText: "line 1 of the night" }).waitFor();
      await window.command("Callboard: New Channel");
      await window.type("side-room");
      await channel.locator(".empty", { hasText: "Nobody has said anything" }).waitFor();
      await channel.locator(".channels").selectOption("main");
      await channel.locator(".message .body", { hasText: "line 5 of the night" }).waitFor();
      await window.find(channel);
      await channel.locator(".search input").fill("line 3 of");
      await channel.locator(".search [role=status]", { hasText: /m\d+/ }).waitFor();
      await window.page.keyboard.press("Escape");
      await channel.locator(".channels option", { hasText: "#side-room" }).waitFor({ state: "attached" });
    },
  ],
  [
    "a command is a line of the channel, and a change is accepted and undone by itself",
    async () => {
      await input().fill("/run rename");
      await input().press("Enter");
      await window.row("Inbox", "Keep this?").waitFor({ timeout: LONG });
      await window.command("Callboard: Show What a Run Changed");
      const diff = window.page.locator(".monaco-diff-editor").first();
      await diff.locator(".view-line", { hasText: "harbour" }).first().waitFor();
      await diff.locator(".editor.modified .view-line", { hasText: "harbour" }).first().click();
      await window.page.locator('.editor-actions a[aria-label^="Accept This Change"]').first().click();
      await diff.locator(".editor.original .view-line", { hasText: "harbour" }).first().waitFor();
      await diff.locator(".editor.modified .view-line", { hasText: "bridge" }).first().click();
      await window.picture("hunks-dark");
      await window.page.keyboard.press("Control+Alt+n");
      await until(
        "the second is taken back on disk",
        () => world.read("stops.md") === STOPS.replace("station", "harbour"),
      );
    },
  ],
  [
    "a remark beside a line goes along when changes are requested",
    async () => {
      const diff = window.page.locator(".monaco-diff-editor .editor.modified").first();
      const line = diff.locator(".view-line", { hasText: "harbour" }).first();
      await line.hover();
      await line.click();
      await window.command("Comments: Add Comment on Current Selection");
      const box = window.page.locator(".review-widget .monaco-editor").last();
      await box.waitFor();
      await window.page.keyboard.type("name the harbour");
      await window.page.locator(".review-widget .monaco-button", { hasText: "Keep Comment" }).first().click();
      await window.page.locator(".review-widget .comment-body", { hasText: "name the harbour" }).first().waitFor();
      await window.picture("remark-dark");
      await window.page.locator('.editor-actions a[aria-label^="Request Changes"]').first().click();
      await window.type("once more");
      await until("the words are in the channel", () => {
        const said = world.callboard("channel", "show", "--json");
        return said.includes("stops.md:3: name the harbour") && said.includes("once more");
      });
      await until("the next pause", () => world.callboard("inbox", "--json").includes('"id":"p2"'));
      await window.page.locator(".review-widget").first().waitFor({ state: "detached" });
      world.callboard("decide", "p2", "stop");
    },
  ],
  [
    "unsaved text is saved before a turn where the settings say so",
    async () => {
      await open("src/notes.md");
      await window.page.keyboard.press("Control+End");
      await window.page.keyboard.type("typed and not saved \n");
      await window.command("Callboard: Review This File");
      await until("it is saved", () => world.read("src/notes.md").includes("typed and not saved"));
      await until("three findings", async () => (await window.rows("Findings", "white space").count()) === 3);
    },
  ],
  [
    "a finding whose text changed is stale and shows it; all of a file are fixed after a look at them",
    async () => {
      await window.row("Findings", "white space").click();
      await window.page.locator(".tab.active", { hasText: "notes.md" }).waitFor();
      // It was in front already; the finding is reached when the keys are no longer the tree's.
      await hasKeys();
      await window.page.keyboard.press("Home");
      await window.page.keyboard.type("and ");
      await window.page.keyboard.press("End");
      await window.page.keyboard.press("Backspace");
      await until("the mark of a stale finding", async () => {
        const after = await window.page.$$eval(".view-line span", (all) =>
          all.map((it) => getComputedStyle(it, "::after").content),
        );
        return after.some((it) => it.includes("stale finding"));
      });
      await window.page.keyboard.press("Control+s");
      await window.command("Callboard: Fix All Findings of This File");
      const box = window.page.locator(".quick-input-widget:visible");
      await box.locator(".monaco-list-row", { hasText: "line" }).first().waitFor();
      await window.picture("fix-all-dark");
      await box.locator(".monaco-button", { hasText: "OK" }).first().click();
      await window.pick("@autofix");
      await until("nothing is left at a line's end", () => !/ $/m.test(world.read("src/notes.md")));
      await until("nothing is open", () => world.callboard("findings", "--json").trim() === "");
      const waiting = world.callboard("inbox", "--json").trim();
      if (waiting !== "") throw new Error(`three fixes one after the other were a clash: ${waiting}`);
    },
  ],
  [
    "a workflow of tasks.json runs as a task",
    async () => {
      await window.command("Tasks: Run Task");
      await window.pick("look at the notes");
      const rows = window.page.locator(".terminal-wrapper.active .xterm-rows");
      await until("the task's terminal", async () => /the linter has nothing to say/.test(await rows.innerText()));
    },
  ],
  [
    "each command of the palette says what it does",
    async () => {
      await window.page.keyboard.press("F1");
      const box = window.page.locator(".quick-input-widget:visible input").first();
      for (const title of ["Run Workflow", "Answer Pause Point", "Take Over Agent", "Undo Run", "Restart"]) {
        await box.fill(`>Callboard: ${title}`);
        await window.page.locator(".quick-input-list .monaco-list-row", { hasText: title }).first().waitFor();
      }
      await box.fill(">Callboard: ");
      await window.page.locator(".quick-input-list .monaco-list-row", { hasText: "Callboard: Approve" }).waitFor();
      await window.picture("palette-dark");
      await window.page.keyboard.press("Escape");
    },
  ],
  [
    "a pause whose run changed what steers programs says so, though its document is closed",
    async () => {
      world.callboard("run", "bake", "--detach");
      const card = channel.locator(".card.pause", { has: channel.locator(".steering") });
      await card.locator(".steering", { hasText: "Steers programs: Makefile (builds)" }).waitFor({ timeout: LONG });
      if (await card.locator("details").evaluate((it) => it.open)) throw new Error("the document is open");
      await window.picture("steering-dark");
      await card.getByRole("button", { name: "Look, then approve" }).click();
      await card.locator("pre", { hasText: "Steers programs" }).waitFor();
      await card.getByRole("button", { name: "Approve", exact: true }).click();
      await card.waitFor({ state: "detached" });
    },
  ],
  [
    "a folder below the repository's root has the same channel, and its findings are on their lines",
    async () => {
      world.write("src/more.md", "# More\n\nshort \n");
      const second = await world.window({ folder: "src", files: ["src/more.md"] });
      await second.side();
      await second.command("Callboard: Review This File");
      await second.page.locator(".squiggly-warning").first().waitFor({ state: "attached", timeout: LONG });
      await second.row("Findings", "more.md").waitFor();
      await second.row("Findings", "white space").click();
      await second.page.locator(".tab.active", { hasText: "more.md" }).waitFor();
      if ((await second.page.locator(".tab", { hasText: "more.md" }).count()) !== 1)
        throw new Error("another file opened");
      await second.context.close();
      world.windows.splice(world.windows.indexOf(second), 1);
    },
  ],
]);
