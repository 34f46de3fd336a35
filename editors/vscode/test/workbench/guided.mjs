// What leads and what is looked at, in a real workbench: the walkthrough step by step on a project that nobody trusts yet, an agent's
// terminal with its size and its past, and the picture of a run with its ways to messages, diffs and screens.
import { LONG, sleep, story, until, World } from "./harness.mjs";

const NOTES = "# Rounds\n\none \ntwo\nthree \n";
const world = new World({ "notes.md": NOTES, "src/app.md": "# App\n\nHello there. \n" });
// It fills its screen, says how large that is when it is asked, and goes on till it is told to end.
world.tool(
  "meter",
  "Says how large its terminal is",
  `past() { i=1; while [ $i -le 200 ]; do echo "$1 line $i"; i=$((i+1)); done; }
past first
while read -r word; do
  case "$word" in
    size) echo "it is $(stty size) large" ;;
    more) past second ;;
    end) break ;;
  esac
done
printf '{"kind":"text","text":"measured"}' > "$CALLBOARD_RESULT"
`,
);

let window;
let channel;
const walk = () => window.page.locator(".gettingStartedContainer");
const step = (id) => walk().locator(`[data-step-id="callboard.callboard#first#${id}"]`).first();
/** Opens a step and presses its button. */
const press = async (id, label) => {
  const button = walk().locator(".getting-started-step.expanded .monaco-button", { hasText: label }).first();
  await until(`the button ${label}`, async () => {
    if ((await button.count()) === 0) await step(id).click({ timeout: 3000 });
    await button.click({ timeout: 3000 });
    return true;
  });
};
const ticked = async (id) => {
  await until(`the tick at ${id}`, async () => (await step(id).locator(".codicon.complete").count()) > 0);
};
const again = async () => {
  await window.command("Callboard: First Review in Two Minutes");
  await step("review").waitFor();
};

await story(world, [
  [
    "the walkthrough opens on a project that nobody trusts yet, with nothing ticked",
    async () => {
      await world.start();
      window = await world.window({ files: ["notes.md"] });
      await window.side();
      await again();
      for (const id of ["trust", "review", "loop"]) {
        if ((await step(id).locator(".codicon.complete").count()) > 0) throw new Error(`${id} is ticked`);
      }
    },
  ],
  [
    "its first step gives trust to what is shown, and is ticked",
    async () => {
      await press("trust", "Trust This Workspace");
      await window.dialog("Trust This Workspace");
      await ticked("trust");
    },
  ],
  [
    "its second step reviews a file that is asked for, since the walkthrough itself is in front",
    async () => {
      await press("review", "Review This File");
      await window.pick("notes.md");
      await until("the findings", () => world.json("findings").length === 2, LONG);
      await ticked("review");
    },
  ],
  [
    "its third step runs the loop with the tool agents, which stops and asks",
    async () => {
      await press("loop", "Run Review–fix Loop");
      await window.row("Inbox", "asks for changes").waitFor({ timeout: LONG });
      await ticked("loop");
    },
  ],
  [
    "its last steps show what waits, and where agents are talked to",
    async () => {
      await press("decide", "Show What Waits for You");
      await ticked("decide");
      await press("talk", "Open Channel");
      await ticked("talk");
      channel = await window.channel();
      await channel.locator(".composer textarea").waitFor();
      await again();
      await step("decide").click();
      await window.frame((it) =>
        it.locator("img").evaluateAll((all) => all.length === 2 && all.every((img) => img.naturalWidth > 0)),
      );
      await window.picture("walkthrough-done-dark");
    },
  ],
  [
    "a bar and a box of a run lead to the page, the message, the diff and the prompt, by mouse and by keys",
    async () => {
      await window.command("View: Close All Editors");
      await window.command("Callboard: Show Run as Picture");
      await window.pick("r2");
      const picture = await window.frame(async (it) => (await it.locator("svg .bar").count()) > 0);
      const ways = picture.locator(".ways");
      // What waits leads to its page.
      await picture.locator("svg .bar.waiting").click();
      await ways.locator("button", { hasText: "Open" }).first().click();
      await window.page.locator(".tab.active", { hasText: "p1.md" }).waitFor();
      await window.command("View: Close Editor");
      await picture.locator("svg .bar.waiting").waitFor();
      world.callboard("decide", "p1", "approve");
      await world.ended("r2");
      await picture.locator(".status.approved").waitFor();
      // By keys alone: to a bar, to its ways on, and back.
      await picture.locator("svg .bar.work").first().focus();
      await window.page.keyboard.press("Enter");
      await until("its first way on has the focus", () =>
        picture.evaluate(() => document.activeElement?.closest(".ways") !== null),
      );
      await window.page.keyboard.press("Escape");
      await ways.waitFor({ state: "hidden" });
      await until("the bar has it again", () =>
        picture.evaluate(() => document.activeElement?.classList.contains("bar") === true),
      );
      await window.page.keyboard.press(" ");
      await ways.locator("button", { hasText: "What was sent" }).waitFor();
      await window.picture("run-chosen-dark");
      // Its message, in the thread of its run.
      await window.page.keyboard.press("Enter");
      await until("the message has the focus", () =>
        channel.evaluate(
          () => document.activeElement?.tagName === "ARTICLE" && document.activeElement.innerText.includes("finding"),
        ),
      );
      await channel.locator(".chip", { hasText: "Thread of" }).waitFor();
      await picture.locator("svg .box", { hasText: "Fix" }).first().focus();
      await window.page.keyboard.press("Enter");
      await ways.locator(".what", { hasText: "Fix" }).waitFor();
      // The fixer's bar, which stays when a later round had nothing for it.
      await picture.locator('svg .bar.work[aria-label^="Fix"]').first().click();
      await ways.locator("button", { hasText: "Show diff" }).click();
      await window.page.locator(".monaco-diff-editor .view-line", { hasText: "three" }).first().waitFor();
      await window.command("View: Close Editor");
      await ways.locator("button", { hasText: "What was sent" }).click();
      await window.page.locator(".view-line", { hasText: "What @autofix was sent" }).first().waitFor();
      await window.command("View: Revert and Close Editor");
      await ways.locator("button", { hasText: "Terminal" }).click();
      await window.page.locator(".terminal-wrapper.active .xterm-rows").waitFor();
      await window.command("View: Close All Editors");
      await window.command("Terminal: Kill All Terminals");
    },
  ],
  [
    "a terminal's program learns its size, and what left its screen is above it",
    async () => {
      world.callboard("channel", "post", "@meter how large?");
      await until("it waits", () => world.json("agents").some((it) => JSON.stringify(it).includes('"working"')), LONG);
      await window.command("Callboard: Open Agent's Terminal");
      await window.pick("@meter");
      const terminal = window.page.locator(".terminal-wrapper.active");
      const rows = terminal.locator(".xterm-rows");
      const text = async () => (await rows.innerText()).replace(/\u00a0/g, " ");
      await until("its last line", async () => (await text()).includes("first line 200"));
      const keys = terminal.locator(".xterm-helper-textarea");
      const measure = async () => {
        await keys.focus();
        await window.page.keyboard.type("size\n");
      };
      const said = async () => [...(await text()).matchAll(/it is (\d+) (\d+) large/g)].at(-1)?.slice(1).map(Number);
      /** What the program says is what is drawn here. */
      const fits = async (but) => {
        let last;
        await until("it is as large as the terminal here", async () => {
          await measure();
          await sleep(300);
          last = await said();
          return (
            last !== undefined &&
            last[0] === (await rows.locator("> div").count()) &&
            (but === undefined || (last[0] !== but[0] && last[1] !== but[1]))
          );
        });
        return last;
      };
      const first = await fits();
      await window.page.setViewportSize({ width: 1000, height: 640 });
      await window.command("View: Toggle Maximized Panel");
      const second = await fits(first);
      if (second[1] >= first[1]) throw new Error(`a narrower window gave ${second} for ${first}`);
      await window.command("View: Toggle Maximized Panel");
      await window.page.setViewportSize({ width: 1360, height: 860 });
      await fits(second);
      await keys.focus();
      await window.page.keyboard.type("more\n");
      await until("more of it", async () => (await text()).includes("second line 200"));
      const seen = async (line) => {
        await terminal.hover();
        await until(`${line}, further up`, async () => {
          await window.page.mouse.wheel(0, -100);
          await sleep(60);
          return (await text()).split("\n").some((it) => it.trim() === line);
        });
      };
      // What left the screen while it was looked at, and what had left it before.
      await seen("second line 150");
      await seen("second line 3");
      await seen("first line 199");
      await seen("first line 1");
      await window.picture("scrolled-dark");
      await keys.focus();
      await window.page.keyboard.type("end\n");
      await until("its answer", () => world.callboard("channel", "show", "--json").includes("measured"));
    },
  ],
]);
