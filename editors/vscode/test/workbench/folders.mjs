// A window with two folders: two hubs, and a panel that shows one of them at a time.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { LONG, story, until, World } from "./harness.mjs";

const ALPHA = "# Alpha\n\nlong \nlonger \n";
const world = new World({ "alpha.md": ALPHA });
const other = world.of("other");
const inOther = (...args) => world.callboardIn(other, ...args);
world.others.push(other);
fs.mkdirSync(other);
execFileSync("git", ["init", "--quiet", other]);
fs.writeFileSync(path.join(other, "beta.md"), "# Beta\n\nshort \n");
fs.writeFileSync(
  world.of("two.code-workspace"),
  JSON.stringify({ folders: [{ path: "workspace" }, { path: "other" }] }),
);

let window;
const status = (name) =>
  window.page.locator(".part.statusbar .statusbar-item", { hasText: `Callboard: ${name}` }).first();

await story(world, [
  [
    "the first folder is shown, by its name",
    async () => {
      world.callboard("trust", "--yes");
      inOther("trust", "--yes");
      world.callboard("channel", "post", "said in alpha");
      inOther("channel", "post", "said in beta");
      await world.start();
      window = await world.window({ workspace: world.of("two.code-workspace"), files: ["../other/beta.md"] });
      await window.side();
      await status("workspace").waitFor({ timeout: LONG });
      const channel = await window.channel();
      await channel.locator(".message .body", { hasText: "said in alpha" }).waitFor();
    },
  ],
  [
    "what is done to a file of the other is done there, and shown",
    async () => {
      await window.page.locator(".tab.active", { hasText: "beta.md" }).waitFor();
      await window.command("Callboard: Review This File");
      await window.page.locator(".squiggly-warning").first().waitFor({ state: "attached", timeout: LONG });
      await window.row("Findings", "beta.md").waitFor();
      await status("other").waitFor();
      const channel = await window.channel();
      await channel.locator(".message .body", { hasText: "said in beta" }).waitFor();
      const [here, there] = [world.callboard("findings", "--json"), inOther("findings", "--json")];
      if (here.trim() !== "" || !there.includes("beta.md")) throw new Error(`whose is it? ${here} ${there}`);
      await window.picture("folders-dark");
    },
  ],
  [
    "a folder is chosen, and what waits in the one that is not shown is said and leads there",
    async () => {
      await window.command("Callboard: Choose Folder");
      await window.pick("workspace");
      await status("workspace").waitFor();
      const channel = await window.channel();
      await channel.locator(".message .body", { hasText: "said in alpha" }).waitFor();
      await window.row("Findings", "beta.md").waitFor({ state: "detached" });
      // Its problems stay: they are the language server's, which has both folders.
      await window.page.locator(".squiggly-warning").first().waitFor({ state: "attached" });
      await window.page.locator('.part.statusbar a[aria-label="Warnings: 1"]').waitFor();
      const run = ["run", "review-fix", "--detach", "--agent", "reviewer=lint", "--agent", "fixer=autofix"];
      try {
        inOther(...run);
      } catch (error) {
        // Paused and detached.
        if (error.status !== 3) throw error;
      }
      await window.answer("other: p1 waits for you", "Open");
      await until("its page", async () => (await window.lines()).some((it) => it.includes("**Pause**: p1")));
      await status("other").waitFor();
      await window.row("Inbox", "asks for changes").waitFor();
      inOther("decide", "p1", "stop");
      await window.row("Inbox", "asks for changes").waitFor({ state: "detached" });
    },
  ],
]);
