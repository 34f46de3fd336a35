// Neovim beside VS Code on one workspace: both show the same pause, one answers it, and the other says who did; the same with what
// is said, what is found, and a terminal that both watch.
import os from "node:os";
import { story, until, World } from "./harness.mjs";
import { Neovim } from "./neovim.mjs";

const NOTES = "# Rounds   \n\nStart at the station.\n\nMeet at six.   \n\nEnd there.\n";
const PERSON = os.userInfo().username;

const world = new World({ "notes.md": NOTES });
const neovim = new Neovim(world);

world.ear();

let window;
let channel;

/** What the hub itself says of a pause. */
const pause = (id) => world.json("inbox", "--all").find((it) => it.id === id);

await story(world, [
  [
    "both editors are attached to one workspace",
    async () => {
      world.callboard("trust", "--yes");
      await world.start();
      window = await world.window({ files: ["notes.md"] });
      await window.side();
      channel = await window.channel();
      neovim.start("notes.md");
      neovim.command("Callboard channel");
      await neovim.sees("Nothing was said here yet");
    },
  ],
  [
    "what one says the other reads",
    async () => {
      const input = channel.locator(".composer textarea");
      await input.click();
      await input.pressSequentially("good morning from the workbench");
      await window.page.keyboard.press("Enter");
      await neovim.sees("good morning from the workbench");
      neovim.command("Callboard post good morning from Neovim");
      await channel.locator(".message.person .body", { hasText: "good morning from Neovim" }).waitFor();
    },
  ],
  [
    "a pause that Neovim's run came to is shown in both, and VS Code answers it",
    async () => {
      neovim.command("Callboard run review-fix path=notes.md @lint=reviewer @autofix=fixer");
      await window.row("Inbox", "asks for changes").waitFor({ timeout: 40_000 });
      await channel.locator(".card.pause:not(.answered)").first().waitFor();
      await neovim.sees("◆ p1");
      neovim.command("Callboard inbox p1");
      await neovim.sees("approve \\a");
      await window.row("Inbox", "asks for changes").click();
      await until("the page", async () => (await window.lines()).some((it) => it.includes("**Pause**: p1")));
      await window.picture("beside-pause");
      await window.lens("Skip");
      await neovim.sees(`✓ p1 skipped by ${PERSON}`);
      await channel.locator(".card.pause.answered", { hasText: "p1" }).first().waitFor();
      // An answer that comes second is told whose was first.
      neovim.command("Callboard decide approve p1");
      await neovim.sees("answered");
      if (pause("p1").answered.decision.decision !== "skip") throw new Error("the second answer counted");
    },
  ],
  [
    "a pause is edited and answered in Neovim, and VS Code says who answered",
    async () => {
      await until("the end of the first run", () => world.callboard("runs", "--live").includes("r1") === false);
      world.write("notes.md", NOTES);
      await window.page.locator(".tab", { hasText: "notes.md" }).first().click();
      await window.shows("Meet at six.   ");
      neovim.command("Callboard run review-fix path=notes.md @lint=reviewer @autofix=fixer");
      const id = await until("the next pause", () => {
        const all = world.callboard("inbox", "--json").trim();
        return all !== "" && JSON.parse(all.split("\n").at(-1)).id;
      });
      const card = channel.locator(".card.pause:not(.answered)").first();
      await card.waitFor();
      await window.row("Inbox", "asks for changes").click();
      await until("the page", async () => (await window.lines()).some((it) => it.includes(`**Pause**: ${id}`)));
      neovim.command(`Callboard inbox ${id}`);
      await neovim.sees(`${id}.md`);
      await neovim.sees("request changes \\c");
      // The finding in line 5 is struck, and that is saved.
      neovim.types("/notes.md:5", "Enter");
      neovim.types("d", "d");
      await neovim.sees("not saved :w");
      neovim.command("write");
      await neovim.sees("approve as edited \\a");
      neovim.types("\\a");
      await neovim.sees(`✓ ${id} edited and approved by ${PERSON}`);
      const answered = channel.locator(".card.pause.answered", { hasText: id }).first();
      await answered.waitFor();
      const words = await answered.innerText();
      if (!words.includes(PERSON)) throw new Error(`the card does not say who answered: ${words}`);
      await until("only the other is fixed", () => world.read("notes.md") === NOTES.replace("Rounds   ", "Rounds"));
      await window.picture("beside-answered");
    },
  ],
  [
    "a terminal is watched in both, and typed into in Neovim",
    async () => {
      neovim.command("Callboard terminal @ear");
      await neovim.sees("@ear  not started yet");
      world.callboard("channel", "post", "@ear which way?");
      await neovim.sees("Which way?");
      await channel
        .locator("button.jump")
        .click({ timeout: 2000 })
        .catch(() => undefined);
      await channel.locator(".working button", { hasText: "Terminal" }).first().click();
      const rows = window.page.locator(".terminal-wrapper.active .xterm-rows");
      await until("its screen in VS Code", async () => (await rows.innerText()).includes("Which way?"));
      neovim.types("i");
      neovim.types("-l", "left");
      await neovim.sees("Which way? left");
      await until("the keys in VS Code", async () => (await rows.innerText()).includes("Which way? left"));
      neovim.types("Enter");
      await until("the answer", () => world.callboard("channel", "show", "--json").includes("heard left"));
    },
  ],
  [
    "Neovim ends, and nothing of it is left behind",
    async () => {
      await neovim.end();
      await channel.locator(".message.agent .body", { hasText: "heard left" }).first().waitFor();
    },
  ],
]);
