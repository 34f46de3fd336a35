// A day with it, in a real workbench, with tool agents: trust, mention, review, findings, a workflow from the palette and from a
// key, a pause edited and approved, a reload in the middle of a run, two windows, a terminal, a hostile message, an undo.
import { LONG, sleep, story, until, World } from "./harness.mjs";

const NOTES = "# Rounds\n\nStart at the station.\nMeet at six.   \nWalk to the depot.\nEnd there.   \n";

const world = new World({ "notes.md": NOTES, "src/app.md": "# App\n\nHello there. \n" });

world.ear();

world.keybindings([
  {
    key: "ctrl+alt+1",
    command: "callboard.run",
    args: { workflow: "review-fix", inputs: { path: "src" }, roles: { reviewer: "lint", fixer: "autofix" } },
  },
]);

const HOSTILE = [
  "<img src=x onerror='window.pwned=1'><script>window.pwned=1</script>",
  "[click me](command:workbench.action.closeWindow) and [me](javascript:window.pwned=1) and [file](../../../etc/passwd)",
  "![picture](https://example.com/x.png) \u202eevil\u202c",
  "```html\n<script>window.pwned=1</script>\n```",
  "<iframe src='https://example.com'></iframe> `<b>bold</b>` <style>body{display:none}</style>",
].join("\n\n");

let window;
let channel;
let second;

await story(world, [
  [
    "the workbench starts with the package",
    async () => {
      await world.start();
      window = await world.window({ files: ["notes.md"] });
      await window.side();
    },
  ],
  [
    "nothing happens before trust, and trust is given to what is shown",
    async () => {
      await window.row("Agents", "@").waitFor({ state: "detached", timeout: LONG });
      await window.command("Callboard: Trust This Workspace");
      const text = await window.page.locator(".monaco-dialog-box").innerText();
      if (!text.includes("Callboard would here"))
        throw new Error(`the dialog does not say what would be done: ${text}`);
      await window.dialog("Trust This Workspace");
      channel = await window.channel();
      await channel.locator(".composer textarea").waitFor();
    },
  ],
  [
    "a mention is completed, posted and answered",
    async () => {
      const input = channel.locator(".composer textarea");
      await input.click();
      await input.pressSequentially("@li");
      await channel.locator(".completions li", { hasText: "@lint" }).waitFor();
      await window.page.keyboard.press("Enter");
      await window.page.keyboard.type("look at src/app.md");
      await window.page.keyboard.press("Enter");
      await channel.locator(".delivery.answered").waitFor();
      await channel.locator(".message.agent .body", { hasText: "1 finding" }).waitFor();
      if ((await input.inputValue()) !== "") throw new Error("the composer is not empty after the post");
    },
  ],
  [
    "review is a code action, and findings are problems, rows and cards",
    async () => {
      await window.page.locator(".editor-instance .view-lines").first().click();
      const entry = window.page
        .locator(".action-widget .monaco-list-row", { hasText: "Review this file with @lint" })
        .first();
      await until("the code action", async () => {
        await window.command("Source Action...");
        try {
          await entry.click({ timeout: 4000 });
          return true;
        } catch (error) {
          await window.page.keyboard.press("Escape");
          throw error;
        }
      });
      await window.page.locator(".squiggly-warning").first().waitFor({ state: "attached", timeout: LONG });
      await window.row("Findings", "notes.md").waitFor();
      await channel.locator(".findings .finding", { hasText: "white space" }).first().waitFor();
    },
  ],
  [
    "a quick fix fixes one finding, a dismissal with its reason settles another",
    async () => {
      await window.row("Findings", "white space").click();
      await window.page.locator(".editor-instance .cursor").first().waitFor();
      await window.codeAction("Fix f");
      await until("one line fixed on disk", () => {
        const both = world.read("notes.md") + world.read("src/app.md");
        return (both.match(/ +$/gm) ?? []).length === 2;
      });
      await until("two findings left", async () => {
        const found = world.json("findings");
        return found.length === 2;
      });
      await until("two rows", async () => (await window.rows("Findings", "white space").count()) === 2);
      await window.inline(window.row("Findings", "white space"), "Dismiss");
      await window.type("it is meant so");
      await until("the reason is kept", () =>
        world.callboard("findings", "--all", "--json").includes("it is meant so"),
      );
      world.write("notes.md", NOTES);
      world.write("src/app.md", "# App\n\nHello there. \n\nBye. \n");
      await window.page.locator(".tab", { hasText: "notes.md" }).first().click();
      await window.shows("End there.   ");
    },
  ],
  [
    "a workflow from the palette stops at its pause point, with a message that leads there",
    async () => {
      await window.command("Callboard: Run Workflow");
      await window.pick("Review–fix loop");
      await window.answer("waits for you", "Open");
      await until("the page", async () => (await window.lines()).some((it) => it.includes("**Pause**: p1")));
      await window.page.locator(".part.statusbar", { hasText: "Review–fix loop (r2): waits for you at p1" }).waitFor();
      await window.picture("pause-dark");
    },
  ],
  [
    "what is struck and saved is what goes on",
    async () => {
      const before = world.read("src/app.md");
      const row = window.page.locator(".editor-instance .view-line", { hasText: "warning notes.md:4" }).first();
      await row.click();
      await window.page.locator(".editor-instance .monaco-editor.focused").waitFor();
      await window.page.keyboard.press("Home");
      for (let at = 0; at < 3; at += 1) await window.page.keyboard.press("ArrowRight");
      await window.page.keyboard.press("Delete");
      await window.page.keyboard.type(" ");
      await until("it is struck", async () => (await window.lines()).some((it) => /^- \[ \] .*notes\.md:4/.test(it)));
      await window.page.keyboard.press("Control+s");
      await window.page.locator(".tab.active:not(.dirty)", { hasText: "p1.md" }).waitFor();
      await window.lens("Approve as edited");
      await until("the others are fixed", () => world.read("src/app.md") === before.replace(/ +$/gm, ""));
      const notes = world.read("notes.md").split("\n");
      if (notes[3] !== "Meet at six.   ") throw new Error(`what was struck was touched: ${JSON.stringify(notes)}`);
      await until(
        "the page is closed",
        async () => (await window.page.locator(".tab", { hasText: "p1.md" }).count()) === 0,
      );
      const answered = channel.locator(".card.pause.answered", { hasText: "p1" }).first();
      await answered.waitFor();
    },
  ],
  [
    "changes can be requested with words, and the pause comes again",
    async () => {
      await window.row("Inbox", "asks for changes").waitFor({ state: "detached", timeout: LONG });
      // It goes on for a round: what is written under it meanwhile would be one more thing that it finds, or a clash.
      await world.ended("r2");
      world.write("notes.md", `${NOTES}\nAnd home again. \n`);
      await window.page.locator(".tab", { hasText: "notes.md" }).first().click();
      await window.shows("And home again. ");
      await window.command("Callboard: Run Workflow");
      await window.pick("Review–fix loop");
      await window.row("Inbox", "asks for changes").waitFor({ timeout: LONG });
      await window.row("Inbox", "asks for changes").click();
      await until("the page", async () => (await window.lines()).some((it) => it.includes("**Pause**: p2")));
      await window.page.locator('.editor-actions a[aria-label^="Request Changes"]').first().click();
      await window.type("look again, please");
      await until("the next pause", () => world.callboard("inbox", "--json").includes('"id":"p3"'));
    },
  ],
  [
    "a reload in the middle of a run loses nothing",
    async () => {
      await window.page.reload();
      await window.page.locator(".monaco-workbench .part.statusbar").waitFor({ timeout: LONG });
      await window.side();
      await window.row("Inbox", "asks for changes").waitFor({ timeout: LONG });
      channel = await window.channel();
      await channel.locator(".card.pause:not(.answered)").first().waitFor();
    },
  ],
  [
    "two windows: what one answers is settled in the other",
    async () => {
      second = await world.window();
      await second.side();
      await second.row("Inbox", "asks for changes").waitFor({ timeout: LONG });
      const card = channel.locator(".card.pause:not(.answered)").first();
      await card.locator("button", { hasText: "Stop the run" }).click();
      await window.dialog("Stop the Run");
      await second.row("Inbox", "asks for changes").waitFor({ state: "detached", timeout: LONG });
      await second.context.close();
      world.windows.splice(world.windows.indexOf(second), 1);
    },
  ],
  [
    "a workflow on a key, approved from the card that shows it",
    async () => {
      await window.page.locator(".part.editor").click({ position: { x: 300, y: 300 } });
      world.write("src/app.md", "# App\n\nHello there. \n");
      const card = channel.locator(".card.pause:not(.answered)").first();
      await until("the key starts it", async () => {
        await window.page.keyboard.press("Control+Alt+1");
        await card.waitFor({ timeout: 8000 });
        return true;
      });
      await card.locator("button.primary").click();
      await card.locator("pre", { hasText: "src/app.md" }).waitFor();
      await card.locator("button.primary", { hasText: "Approve" }).click();
      await until("it is fixed", () => world.read("src/app.md") === "# App\n\nHello there.\n");
    },
  ],
  [
    "the run's picture, its diff, and its undo",
    async () => {
      await window.answer("approved after", "Show Diff");
      await window.page.locator(".monaco-diff-editor .view-line", { hasText: "Hello there." }).first().waitFor();
      await window.picture("diff-dark");
      await window.command("Callboard: Show Run as Picture");
      await window.pick("r4");
      const picture = await window.frame(async (it) => (await it.locator("svg .bar").count()) > 0);
      await picture.locator("svg .box", { hasText: "Review" }).first().waitFor();
      await window.picture("run-dark");
      await picture.locator("button", { hasText: "Show as list" }).click();
      await picture.locator("td", { hasText: "@autofix" }).first().waitFor();
      await picture.locator("button", { hasText: "Undo…" }).click();
      await window.dialog("Undo");
      await until("it is as it was", () => world.read("src/app.md") === "# App\n\nHello there. \n");
    },
  ],
  [
    "a terminal is watched and typed into",
    async () => {
      world.callboard("channel", "post", "@ear which way?");
      await until("the agent waits", () => world.callboard("agents", "--json").includes('"is":"working"'));
      await channel.locator(".working button", { hasText: "Terminal" }).first().click();
      const rows = window.page.locator(".terminal-wrapper.active .xterm-rows");
      await until("its screen", async () => (await rows.innerText()).includes("Which way?"));
      await window.page.locator(".terminal-wrapper.active .xterm-helper-textarea").focus();
      await window.page.keyboard.type("left\n");
      await until("the answer", () => world.callboard("channel", "show", "--json").includes("heard left"));
      // The pointer went up to the card before, so what came since is below.
      await channel.locator("button.jump").click();
      await channel.locator(".message.agent .body", { hasText: "heard left" }).first().waitFor();
      await window.picture("terminal-dark");
    },
  ],
  [
    "a hostile message is words and nothing else",
    async () => {
      world.callboard("channel", "post", HOSTILE);
      const message = channel.locator(".message", { hasText: "click me" }).first();
      await message.waitFor();
      await sleep(500);
      const seen = await message.evaluate((it) => ({
        made: it.querySelectorAll("img, script, iframe, style, object, embed, form, [onerror], [style*='url']").length,
        links: [...it.querySelectorAll("a")].map((a) => a.getAttribute("href")),
        text: it.querySelector(".body").innerText,
        pwned: globalThis.pwned,
      }));
      if (seen.made !== 0 || seen.pwned !== undefined) throw new Error(`it became markup: ${JSON.stringify(seen)}`);
      if (seen.links.some((it) => it !== "#")) throw new Error(`a link leads somewhere: ${seen.links}`);
      for (const words of ["<img src=x", "<script>", "⟨202E⟩", "<iframe"]) {
        if (!seen.text.includes(words)) throw new Error(`${words} is not shown as it is: ${seen.text}`);
      }
      // Even a script that got into the page would not run.
      const ran = await channel.evaluate(async () => {
        let stopped = 0;
        document.addEventListener("securitypolicyviolation", () => (stopped += 1));
        const script = document.createElement("script");
        script.textContent = "globalThis.pwned = 1";
        document.body.append(script);
        const image = document.createElement("img");
        image.src = "https://example.com/x.png";
        document.body.append(image);
        await new Promise((done) => setTimeout(done, 300));
        script.remove();
        image.remove();
        return { pwned: globalThis.pwned, stopped };
      });
      if (ran.pwned !== undefined || ran.stopped < 2)
        throw new Error(`the content policy let it run: ${JSON.stringify(ran)}`);
      const link = message.locator("a", { hasText: "file" }).first();
      await link.click();
      await window.toast("no file of this workspace").waitFor();
    },
  ],
  [
    "the keyboard alone reads and writes",
    async () => {
      const input = channel.locator(".composer textarea");
      await input.click();
      await window.page.keyboard.press("Shift+Tab");
      await channel.locator(".messages").focus();
      await window.page.keyboard.press("End");
      await window.page.keyboard.press("ArrowUp");
      const at = await channel.evaluate(() => document.activeElement.getAttribute("aria-posinset"));
      const all = await channel.evaluate(() => document.activeElement.getAttribute("aria-setsize"));
      if (Number(at) !== Number(all) - 1) throw new Error(`the arrow keys lead to ${at} of ${all}`);
      // What a screen reader says of each thing that can be used.
      const nameless = await channel.evaluate(() =>
        [...document.querySelectorAll("button, a, input, select, textarea, [role=feed], article")]
          .filter((it) => !(it.getAttribute("aria-label") || it.title || it.textContent.trim()))
          .map((it) => it.outerHTML.slice(0, 80)),
      );
      if (nameless.length > 0) throw new Error(`no name for a screen reader: ${nameless}`);
      await window.page.keyboard.press("r");
      await channel.locator(".chip", { hasText: "Thread of" }).waitFor();
      await input.click();
      await window.page.keyboard.type("a reply\n");
      await channel.locator(".message.person .body", { hasText: "a reply" }).first().waitFor();
      await channel.locator(".chip button").click();
      await channel.locator(".chip").waitFor({ state: "hidden" });
      await window.find(channel);
      await channel.locator(".search input").fill("heard left");
      await channel.locator(".search [role=status]", { hasText: /m\d+/ }).waitFor();
      await window.page.keyboard.press("Escape");
    },
  ],
  [
    "it looks right in the light and in high contrast",
    async () => {
      await window.command("Notifications: Clear All Notifications");
      await window.picture("channel-dark");
      for (const [name, theme, kind] of [
        ["channel-light", "Light Modern", "vscode-light"],
        ["channel-contrast", "Dark High Contrast", "vscode-high-contrast"],
      ]) {
        await window.command("Preferences: Color Theme");
        await window.pick(theme);
        await channel.locator(`body.${kind}`).waitFor({ timeout: LONG });
        await sleep(600);
        await window.picture(name);
      }
    },
  ],
]);
