// The past of a terminal: asked for only when there is more of it, and each row of it given once.

import assert from "node:assert/strict";
import { test } from "node:test";
import { above, Past, wrapped } from "../../src/past";
import type { TerminalFrame, TerminalScrollback, TerminalScrollbackParams } from "../../src/protocol";

/** A hub with one terminal, whose rows leave when it is told so. */
class Program {
  terminal = 1;
  lines: string[] = [];
  scrolled = 0;
  /** How many of the first lines are no longer kept. */
  dropped = 0;
  /** The most that it gives at once. */
  most = 1000;
  readonly asked: TerminalScrollbackParams[] = [];
  readonly past = new Past("claude", (params) => Promise.resolve(this.answer(params)));

  leave(...lines: string[]): void {
    this.lines.push(...lines);
    this.scrolled += lines.length;
  }

  /** A row of the last line leaves after its others. */
  grow(row: string): void {
    this.lines.push(`${this.lines.pop() ?? ""}${row}`);
    this.scrolled += 1;
  }

  after(more: Partial<TerminalFrame> = {}): Promise<string[]> {
    const { terminal, scrolled } = this;
    return this.past.after({ terminal, scrolled, ...more } as TerminalFrame);
  }

  private answer(params: TerminalScrollbackParams): TerminalScrollback {
    this.asked.push(params);
    const total = this.lines.length;
    const first = Math.min(Math.max(params.from ?? total - (params.count ?? 200), this.dropped, 0), total);
    return { terminal: this.terminal, first, lines: this.lines.slice(first, first + this.most), total };
  }
}

test("nothing is asked for without a row that left", async () => {
  const program = new Program();
  assert.deepEqual(await program.past.begin(), []);
  program.asked.length = 0;
  assert.deepEqual([await program.after(), await program.after({ raw: "x" })], [[], []]);
  assert.equal(program.asked.length, 0, "nothing has left yet");
  program.leave("one", "two");
  assert.deepEqual(await program.after(), ["one", "two"]);
  for (let frame = 0; frame < 9; frame += 1) assert.deepEqual(await program.after(), []);
  assert.equal(program.asked.length, 1);
  program.leave("three");
  assert.deepEqual(await program.after(), ["three"]);
  assert.equal(program.asked.length, 2);
});

test("the rest of a line that wraps comes when it leaves, without what is above already", async () => {
  const program = new Program();
  await program.past.begin();
  program.leave("one", "a line of ");
  assert.deepEqual(await program.after(), ["one", "a line of "]);
  program.grow("three rows");
  assert.deepEqual(await program.after(), ["three rows"]);
  program.grow(" in all");
  program.leave("", "next");
  assert.deepEqual(await program.after(), [" in all", "", "next"]);
  program.leave("");
  assert.deepEqual(await program.after(), [""], "an empty line is a row");
  program.leave("last");
  assert.deepEqual(await program.after(), ["last"], "and is above once");
});

test("what was above before the first frame is not put there again", async () => {
  const program = new Program();
  program.leave("one", "the begin");
  assert.deepEqual(await program.past.begin(), ["one", "the begin"]);
  assert.deepEqual(await program.after(), []);
  program.grow("ning");
  assert.deepEqual(await program.after(), ["ning"]);
  assert.deepEqual(await program.past.begin(), [], "the connection was lost, the hub is the same");
});

test("another program, or another hub, begins anew", async () => {
  const program = new Program();
  program.leave("one", "two");
  await program.past.begin();
  Object.assign(program, { terminal: 2, lines: ["first"], scrolled: 1 });
  assert.deepEqual(await program.after(), ["first"]);
  Object.assign(program, { lines: [], scrolled: 0 });
  assert.deepEqual(await program.past.begin(), []);
  program.leave("of another hub");
  assert.deepEqual(await program.after(), ["of another hub"], "though it counts its terminals alike");
  // An answer of a terminal that the frame is not of is none.
  program.leave("late");
  assert.deepEqual(await program.after({ terminal: 3 }), []);
});

test("lines that are no longer kept are passed over, and what is more than one answer comes with the next frame", async () => {
  const program = new Program();
  await program.past.begin();
  program.leave("1");
  await program.after();
  program.leave("2", "3", "4", "5", "6", "7");
  Object.assign(program, { dropped: 3, most: 2 });
  assert.deepEqual(await program.after(), ["4", "5"]);
  assert.deepEqual(await program.after(), ["6"]);
  assert.deepEqual(await program.after(), ["7"]);
  const asked = program.asked.length;
  assert.deepEqual(await program.after(), []);
  assert.equal(program.asked.length, asked);
});

test("a hub that does not count rows is asked each time", async () => {
  const program = new Program();
  await program.past.begin();
  program.leave("one");
  const old = { scrolled: undefined as unknown as number };
  assert.deepEqual(await program.after(old), ["one"]);
  program.leave("two");
  assert.deepEqual(await program.after(old), ["two"]);
});

test("lines that left a screen are put above it, each of their rows once, and steer nothing", () => {
  assert.deepEqual(wrapped("abcdef", 4), ["abcd", "ef"]);
  assert.deepEqual(wrapped("日本語", 4), ["日本", "語"], "wide characters take two columns");
  assert.deepEqual(wrapped("", 4), [""], "an empty line is a row");
  assert.equal(above([], 3, 4), "");
  const clear = "\x1b[m\x1b[r\x1b[?7l\x1b[H\x1b[2J";
  assert.equal(above(["one", "two"], 5, 80), `${clear}one\r\ntwo\x1b[5;1H\n\n\x1b[?7h`);
  // More than the screen holds: the first ones leave it while they are written.
  assert.equal(above(["1", "2", "3"], 2, 80), `${clear}1\r\n2\r\n3\x1b[2;1H\n\n\x1b[?7h`);
  assert.ok(!above(["a\x1b[2Jb"], 2, 80).slice(clear.length).includes("\x1b[2J"));
});
