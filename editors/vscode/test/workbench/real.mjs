// A real CLI in the workbench, against the mock model: Claude Code answers a mention in the panel, is watched while it writes, asks
// for a permission that the panel shows and gives, is taken over in its terminal, and handed back.
//
// CALLBOARD_CLIS names the `node_modules` that `tests/run clis` installs, MOCK_MODEL the program `mock-model`.
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { LONG, story, until, World } from "./harness.mjs";

const clis = process.env.CALLBOARD_CLIS;
if (clis === undefined || !fs.existsSync(path.join(clis, ".bin/claude"))) {
  console.log("skipped: CALLBOARD_CLIS has no Claude Code; `tests/run clis` installs it");
  process.exit(0);
}
const world = new World({ "retry.rs": "loop {\n    try_again();\n}\n" });

// The model is a program of this test, and ends with its input.
const model = spawn(path.resolve(process.env.MOCK_MODEL), [], { stdio: ["pipe", "pipe", "inherit"] });
let said = "";
model.stdout.on("data", (data) => (said += data));
const url = await until("the mock model's address", () => /^(http\S+)\n/.exec(said)?.[1]);
Object.assign(world.env, {
  PATH: `${path.join(clis, ".bin")}:${process.env.PATH}`,
  ANTHROPIC_BASE_URL: url,
  ANTHROPIC_AUTH_TOKEN: "test",
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
  DISABLE_AUTOUPDATER: "1",
  CLAUDE_CODE_MAX_RETRIES: "0",
});
fs.writeFileSync(world.of("home/.claude.json"), JSON.stringify({ hasCompletedOnboarding: true, theme: "dark" }));
// Where a program sends its keys is said by a profile of the developer's own only.
const builtIn = fs.readFileSync(new URL("../../../../server/src/agent/catalog/claude.yaml", import.meta.url), "utf8");
world.own(
  "agents/claude.yaml",
  builtIn.replace(/^env:\n/m, "env:\n  - ANTHROPIC_BASE_URL\n  - CLAUDE_CODE_MAX_RETRIES\n  - DISABLE_AUTOUPDATER\n"),
);

let window;
let channel;
const say = async (text) => {
  const input = channel.locator(".composer textarea");
  await input.click();
  await input.fill(text);
  await window.page.keyboard.press("Escape");
  await input.press("Enter");
};

await story(
  world,
  [
    [
      "the workbench starts, and Claude Code is here",
      async () => {
        world.callboard("trust", "--yes");
        await world.start();
        window = await world.window({ files: ["retry.rs"] });
        await window.side();
        for (const name of ["Inbox", "Runs", "Findings"]) await window.fold(name);
        channel = await window.channel();
        await channel.locator(".composer textarea").waitFor();
      },
    ],
    [
      "a mention is answered, and what it writes is seen while it writes",
      async () => {
        await say(
          "@claude why does the loop in `retry.rs` never end? [[slow 8]] [[say Because nothing in it **breaks** it: `retry.rs:1` has no way out.]]",
        );
        await channel.locator(".working .tail", { hasText: "(3)" }).waitFor({ timeout: LONG });
        await window.picture("streaming-dark");
        await channel.locator(".message.agent .body strong", { hasText: "breaks" }).waitFor({ timeout: LONG });
        await channel.locator(".delivery.answered", { hasText: "@claude" }).first().waitFor();
      },
    ],
    [
      "a permission is a card with the whole of what would be done, and is given there",
      async () => {
        await say("@claude [[bash touch allowed.txt]] [[say done with it]]");
        const card = channel.locator(".card.pause.of-permission").last();
        await card.waitFor({ timeout: LONG });
        const shown = card.locator("pre", { hasText: "touch allowed.txt" });
        await shown.waitFor();
        if (!(await shown.evaluate((it) => it.scrollHeight <= it.clientHeight + 1)))
          throw new Error("what would be done is not in sight above the buttons");
        await window.picture("permission-dark");
        await card.locator("button", { hasText: "Allow once" }).click();
        await channel.locator(".message.agent .body", { hasText: "done with it" }).waitFor({ timeout: LONG });
        if (!fs.existsSync(path.join(world.workspace, "allowed.txt"))) throw new Error("it was allowed and not done");
        const cards = await channel.locator(".card.pause.answered").count();
        if (cards !== 1) throw new Error(`the answer shows in ${cards} cards`);
      },
    ],
    [
      "its terminal shows the session; it is taken over, typed to, and handed back",
      async () => {
        await window.expand("Agents");
        await window.choose(window.row("Agents", "@claude"), "Take Over Agent…");
        await until("it is open", () => world.callboard("agents", "--json").includes('"stage":"open"'), LONG);
        await window.page.locator(".terminal-wrapper.active .xterm-helper-textarea").waitFor({ state: "attached" });
        const rows = window.page.locator(".terminal-wrapper.active .xterm-rows");
        // A home in which it never ran: it asks its own question first, and gets its answer from the person at the keys.
        const keys = window.page.locator(".terminal-wrapper.active .xterm-helper-textarea");
        await until("its question", async () => (await rows.innerText()).includes("Yes, I trust this folder"));
        await keys.focus();
        await window.page.keyboard.press("Enter");
        await until(
          "its screen",
          async () => /Because nothing in it|done with it/.test(await rows.innerText()),
          60_000,
        );
        await until("its title", async () =>
          /@claude ✎ taken over/.test(await window.page.locator(".part.panel").first().innerText()),
        );
        await window.picture("taken-dark");
        await keys.focus();
        await window.page.keyboard.type("[[say only between us]]", { delay: 20 });
        await until("the words", async () => (await rows.innerText()).includes("between us"), LONG);
        await window.page.keyboard.press("Enter");
        await until(
          "the answer",
          async () => /●.*only between us|⏺.*only between us/.test(await rows.innerText()),
          60_000,
        );
        await window.choose(window.row("Agents", "@claude"), "Hand Agent Back");
        await until("it is back", () => !world.callboard("agents", "--json").includes('"taken"'), LONG);
        await say("@claude and now?");
        await channel.locator(".message.agent .body", { hasText: "answer" }).last().waitFor({ timeout: LONG });
      },
    ],
  ],
  () => model.stdin.end(),
);
