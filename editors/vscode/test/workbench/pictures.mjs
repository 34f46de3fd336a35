// Takes the pictures of the documents: the channel, a pause point and a run, in a dark and a light theme and in both of high contrast.
// The agents in them are scripts that are told apart from nothing else: what is shown is how the editor looks, not what a model says.
//
//   node test/workbench/pictures.mjs       with what harness.mjs wants in its environment; they go to CALLBOARD_PICTURES
import { LONG, story, until, World } from "./harness.mjs";

const RETRY = `import { sleep } from "./sleep.js";

/** Does the work again until it succeeds. */
export async function retry(work, { attempts = 5, wait = 200 } = {}) {
  let failures = 0;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      console.warn(error);
      await sleep(wait);
    }
  }
}
`;
const FIXED = RETRY.replace(
  "      console.warn(error);\n      await sleep(wait);\n",
  "      failures += 1;\n      if (failures === attempts) throw error;\n      await sleep(wait * 2 ** failures);\n",
);
const world = new World(
  {
    "src/retry.js": RETRY,
    "src/sleep.js": "export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));\n",
    "src/retry.test.js":
      'import assert from "node:assert";\nimport test from "node:test";\nimport { retry } from "./retry.js";\n\n' +
      'test("gives what the work gives", async () => assert.equal(await retry(() => 7), 7));\n',
    "package.json": JSON.stringify({ name: "parcels", type: "module", scripts: { test: "node --test" } }, undefined, 2),
  },
  { "workbench.colorTheme": "Dark Modern", "editor.fontSize": 13 },
);
const agent = (name, title, access, goodFor, script) =>
  world.tool(name, title, `set -e\n${script}`, `access: ${access}\ngood-for: [${goodFor}]\n`);
const give = (result) => `cat > "$CALLBOARD_RESULT" <<'END'\n${JSON.stringify(result)}\nEND\n`;
const finding = (severity, line, text) => ({ severity, text, place: { path: "src/retry.js", line } });
agent(
  "ada",
  "Reads and explains",
  "read",
  "explain",
  give({
    kind: "text",
    text: "`failures` is never counted, so `attempts` has no effect: `src/retry.js:10` catches **every** error and goes round again.\n\n```js\nfailures += 1;\nif (failures === attempts) throw error;\n```\n\nWith these two lines it ends.",
  }),
);
agent(
  "reviewer",
  "Reviews",
  "read",
  "review",
  `sleep 1.4
if grep -q 'failures += 1' src/retry.js; then
${give({ kind: "review", verdict: "approved", summary: "It ends, and says why." })}else
${give({
  kind: "review",
  verdict: "changes_requested",
  summary: "The loop never ends.",
  findings: [
    finding("error", 10, "The loop never ends: `failures` is not counted, so `attempts` has no effect."),
    finding("warning", 12, "Each attempt waits as long as the one before; let the wait grow."),
    finding("info", 11, "A warning for each attempt is noise to whoever calls this."),
  ],
})}fi
`,
);
world.own("agents/fixed.js", FIXED);
agent(
  "fixer",
  "Fixes",
  "write",
  "fix",
  `sleep 1.8
cp "$(dirname "$0")/fixed.js" src/retry.js
${give({ kind: "change", summary: "It counts, gives up after `attempts`, and waits longer each time.", files: ["src/retry.js"] })}`,
);

const THEMES = [
  ["dark", "Dark Modern", "vscode-dark"],
  ["light", "Light Modern", "vscode-light"],
  ["contrast", "Dark High Contrast", "vscode-high-contrast"],
  ["contrast-light", "Light High Contrast", "vscode-high-contrast-light"],
];
let window;
let channel;

async function inEachTheme(name) {
  for (const [short, theme, kind] of THEMES) {
    await window.command("Preferences: Color Theme");
    await window.pick(theme);
    await channel.locator(`body.${kind}`).waitFor({ timeout: LONG });
    await window.command("Notifications: Clear All Notifications");
    // Where nothing says what it is under the pointer.
    await window.page.mouse.move(1000, 640);
    await window.picture(`vscode-${name}-${short}`);
  }
}

/** Draws the sidebar's edge to where a channel is read with ease. */
async function widen(to) {
  const sash = await window.page.locator(".monaco-sash.vertical").evaluateAll((all) => {
    const places = all.map((it) => it.getBoundingClientRect()).filter((it) => it.height > 300 && it.x > 150);
    return places.map((it) => ({ x: it.x + it.width / 2, y: it.y + 200 })).sort((a, b) => a.x - b.x)[0];
  });
  await window.page.mouse.move(sash.x, sash.y);
  await window.page.mouse.down();
  await window.page.mouse.move(to, sash.y, { steps: 8 });
  await window.page.mouse.up();
  await window.page.mouse.move(700, 400);
}

await story(world, [
  [
    "a question and its answer",
    async () => {
      world.callboard("trust", "--yes");
      await world.start();
      window = await world.window({ files: ["src/retry.js"], size: { width: 1240, height: 760 } });
      await window.side();
      for (const name of ["Inbox", "Findings", "Runs"]) await window.fold(name);
      await widen(430);
      channel = await window.channel();
      await channel.locator(".composer textarea").waitFor();
      world.callboard("channel", "post", "@ada why does the retry loop in `src/retry.js` never end?", "--wait");
      await channel.locator(".message.agent .body", { hasText: "With these two lines it ends" }).waitFor();
      await inEachTheme("channel");
    },
  ],
  [
    "a pause point",
    async () => {
      const roles = ["--agent", "reviewer=reviewer", "--agent", "fixer=fixer"];
      try {
        world.callboard("run", "review-fix", "src", "--detach", ...roles);
      } catch (error) {
        // Paused and detached.
        if (error.status !== 3) throw error;
      }
      await channel.locator(".card.pause:not(.answered)").first().waitFor();
      await window.command("Callboard: Open Pause Point");
      await until("the page", async () => (await window.lines()).some((it) => it.includes("**Pause**: p1")));
      await window.page.locator(".codelens-decoration a", { hasText: "Approve" }).first().waitFor();
      await inEachTheme("pause");
    },
  ],
  [
    "the run as a picture",
    async () => {
      world.callboard("decide", "p1", "approve");
      await world.ended("r1");
      await window.command("Callboard: Show Run as Picture");
      const picture = await window.frame(async (it) => (await it.locator("svg .bar").count()) > 0);
      await picture.locator(".status.approved").waitFor();
      await picture.locator('svg .bar.work[aria-label^="Fix"]').first().click();
      await inEachTheme("run");
    },
  ],
]);
