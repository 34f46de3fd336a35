// Measures the extension in a real workbench: activation, first paint of the channel, memory and scrolling with many messages.
// Prints a table; nothing here fails because it is slow. CALLBOARD_MESSAGES says how many (100,000).
import { spawn } from "node:child_process";
import { program, story, until, World } from "./harness.mjs";

const many = Number(process.env.CALLBOARD_MESSAGES ?? 100_000);
const world = new World({ "notes.md": "# Rounds\n" }, { "callboard.channel.pageSize": 1000 });
const rows = [];
const note = (what, value) => rows.push(`| ${what} | ${value} |`);
const middle = (all, at = 0.5) => [...all].sort((a, b) => a - b)[Math.min(all.length - 1, Math.floor(all.length * at))];

/** Posts messages as an editor would, all of them on their way at once. */
async function post(count) {
  const server = spawn(program, ["lsp"], { cwd: world.workspace, env: world.env, stdio: ["pipe", "pipe", "ignore"] });
  let answers = 0;
  let rest = Buffer.alloc(0);
  server.stdout.on("data", (data) => {
    rest = Buffer.concat([rest, data]);
    for (;;) {
      const head = rest.indexOf("\r\n\r\n");
      if (head < 0) return;
      const length = Number(/Content-Length: (\d+)/i.exec(rest.subarray(0, head).toString())?.[1]);
      if (rest.length < head + 4 + length) return;
      rest = rest.subarray(head + 4 + length);
      answers += 1;
    }
  });
  const send = (message) => {
    const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message }));
    return server.stdin.write(Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]));
  };
  send({ id: 0, method: "initialize", params: { capabilities: {}, rootUri: `file://${world.workspace}` } });
  await until("the greeting", () => answers === 1);
  send({ method: "initialized", params: {} });
  const words = "A message of usual length, with `code`, **weight** and src/app.md:12 in it. ";
  for (let at = 1; at <= count; at += 1) {
    const text = `${at}: ${words.repeat(1 + (at % 4))}${at % 7 === 0 ? "\n\n- one\n- two" : ""}`;
    send({ id: at, method: "callboard/post", params: { text } });
    if (at % 2000 === 0) await until("the hub keeps up", () => answers >= at - 1000, 60_000);
  }
  await until("all are in", () => answers > count, 120_000);
  server.kill();
}

const heap = (frame) => frame.evaluate(() => performance.memory.usedJSHeapSize / 1e6);

await story(world, [
  [
    "figures",
    async () => {
      world.callboard("trust", "--yes");
      await post(many);
      await world.start();
      const window = await world.window();
      await window.side();
      const channel = await window.channel();
      await channel.locator(".message").first().waitFor();
      const painted = await until("the paint", () =>
        channel.evaluate(() => performance.getEntriesByName("painted")[0]?.duration),
      );
      note("the channel's page begins → its first messages are painted", `${painted.toFixed(0)} ms`);
      const before = await heap(channel);
      await until(
        "all messages are in the page",
        () =>
          channel.evaluate((wanted) => {
            document.querySelector(".messages").scrollTop = 0;
            return Number(document.querySelector("article")?.getAttribute("aria-setsize")) >= wanted;
          }, many),
        300_000,
      );
      const after = await heap(channel);
      note(`memory that ${many.toLocaleString("en")} messages take in the page`, `${(after - before).toFixed(0)} MB`);
      const nodes = await channel.evaluate(() => document.querySelectorAll("*").length);
      note("elements in the page meanwhile", `${nodes}`);
      for (const [what, step] of [
        ["scrolling by 400 px a frame", 400],
        ["scrolling by 40,000 px a frame (the scroll bar dragged)", 40_000],
      ]) {
        const frames = await channel.evaluate(async (by) => {
          const box = document.querySelector(".messages");
          box.scrollTop = box.scrollHeight / 2;
          const found = [];
          let last = performance.now();
          for (let at = 0; at < 240; at += 1) {
            box.scrollTop += at < 120 ? by : -by;
            await new Promise((done) => requestAnimationFrame(done));
            const now = performance.now();
            found.push(now - last);
            last = now;
          }
          return found.slice(5);
        }, step);
        note(what, `${middle(frames).toFixed(1)} ms a frame, worst 5 % ${middle(frames, 0.95).toFixed(1)} ms`);
      }
      await window.command("Developer: Show Running Extensions");
      const row = window.page.locator(".runtime-extensions-editor .monaco-list-row", { hasText: "Callboard" }).first();
      const activation = await until("the activation", async () => /(\d+)\s*ms/.exec(await row.innerText())?.[1]);
      note("activation, as the editor counts it", `${activation} ms`);
      console.log(`| what | figure |\n|---|---|\n${rows.join("\n")}`);
    },
  ],
]);
