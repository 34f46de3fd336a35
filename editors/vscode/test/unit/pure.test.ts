// What needs neither an editor nor a page: where the server is, both sides of a diff, pages, words, the wire of the channel.

import assert from "node:assert/strict";
import { test } from "node:test";
import { byPart, ownCommand } from "../../src/channel/slash";
import { tailOf, Tails, type Tail } from "../../src/channel/tails";
import { ALLOWED, fromView } from "../../src/channel/wire";
import { findServer } from "../../src/find";
import { accepted, hunkAt, hunks, original } from "../../src/hunks";
import { asWords, pauseOf, wordsBelow } from "../../src/page";
import { counts, sides } from "../../src/patch";
import { pathBelow, rootOf } from "../../src/root";
import { columns, needsOf, offers, picture, type Bar, type GraphStep } from "../../src/run/wire";
import { ago, decisionTitle, headline, printable, sentence, span } from "../../src/words";
import { completes, stillFits } from "../../webview/word";

function found(programs: string[], setting = "", path = "/usr/bin:bin:/opt/x"): unknown {
  const isProgram = (file: string): boolean => programs.includes(file);
  return findServer({ setting, extension: "/ext", path, home: "/home/ann", platform: "linux", isProgram });
}

test("the server is the one in the setting, else the bundled one, else the one on the PATH", () => {
  const all = ["/home/ann/cb", "/ext/server/callboard", "/opt/x/callboard"];
  assert.deepEqual(found(all, "~/cb"), { file: "/home/ann/cb", from: "setting" });
  assert.deepEqual(found(all), { file: "/ext/server/callboard", from: "bundled" });
  assert.deepEqual(found(["/opt/x/callboard"]), { file: "/opt/x/callboard", from: "path" });
});

test("promise 7: a relative entry of the PATH leads into the workspace and is not looked at", () => {
  assert.ok("missing" in (found(["bin/callboard"]) as object));
  assert.ok(
    "missing" in (found(["/ext/server/callboard"], "/gone") as object),
    "a wrong setting is said, not passed over",
  );
});

test("paths of the hub begin at its root, which may be above the folder that is open", () => {
  const of = (folder: string, real: string, workspace: string): string => rootOf({ folder, real, workspace });
  assert.equal(of("/w/app", "/w/app", "/w/app"), "/w/app");
  assert.equal(of("/w/app/", "/w/app", "/w/app"), "/w/app");
  assert.equal(of("/w/app/web", "/w/app/web", "/w/app"), "/w/app", "a folder of a repository");
  assert.equal(of("/link/web", "/real/app/web", "/real/app"), "/link", "by the name that is used here");
  assert.equal(of("/link", "/real/app/web", "/real/app"), "/real/app", "where no name here leads to it");
  assert.equal(of("/w/application", "/w/application", "/w/app"), "/w/app");
  assert.equal(pathBelow("/w/app", "/w/app/web/a.ts"), "web/a.ts");
  assert.equal(pathBelow("/w/app", "/w/app"), ".");
  assert.equal(pathBelow("/w/app", "/w/application/a"), undefined);
});

test("both sides of a file come out of a diff with all of it", () => {
  const text = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n one\n-two\n+zwei\n three\n";
  assert.deepEqual(sides(text), { before: "one\ntwo\nthree\n", after: "one\nzwei\nthree\n" });
  assert.deepEqual(counts(text), { added: 1, removed: 1 });
  const bare = "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n";
  assert.deepEqual(sides(bare), { before: "a", after: "b" });
  const kept = "@@ -1,2 +1,2 @@\n-a\n+b\n end\n\\ No newline at end of file\n";
  assert.deepEqual(sides(kept), { before: "a\nend", after: "b\nend" });
  assert.equal(sides("diff --git a/x b/x\nold mode 100644\nnew mode 100755\n"), undefined);
  // A line that looks like a header of a diff is a line.
  assert.deepEqual(sides("@@ -1,2 +1 @@\n--- a\n x\n"), { before: "-- a\nx\n", after: "x\n" });
});

test("a change of a file is accepted into the left side, or taken back on the right one", () => {
  const before = "one\ntwo\nthree\nfour\n";
  const after = "one\nzwei\nthree\nfour\nfive\n";
  const all = hunks(before, after);
  assert.deepEqual(all, [
    { before: { from: 1, to: 2 }, after: { from: 1, to: 2 } },
    { before: { from: 4, to: 4 }, after: { from: 4, to: 5 } },
  ]);
  const [first, second] = all;
  assert.ok(first && second);
  assert.equal(accepted(before, after, first), "one\nzwei\nthree\nfour\n");
  assert.equal(accepted(accepted(before, after, second), after, first), after, "all of them, from the end");
  assert.equal(original(before, first), "two\n");
  assert.deepEqual([hunkAt(all, 1), hunkAt(all, 4), hunkAt(all, 2)], [first, second, undefined]);
  const gone = hunks("a\nb\nc\n", "a\nc\n");
  assert.deepEqual([hunkAt(gone, 0), hunkAt(gone, 1), hunkAt(gone, 2)], [gone[0], gone[0], undefined]);
  assert.deepEqual(hunks("", "x"), [{ before: { from: 0, to: 0 }, after: { from: 0, to: 1 } }]);
});

test("a page is known by its name and its first line, and holds the words below it", () => {
  const notice = "<!-- callboard 52baf3101a7d426f: p1 waits for you -->";
  assert.equal(pauseOf("/state/documents/p12.md", notice), "p12");
  assert.equal(pauseOf("/repo/documents/p12.md", "# Mine"), undefined);
  assert.equal(pauseOf("/state/documents/p012.md", notice), undefined);
  const text = `${notice}\ntext\n<!-- callboard: to request changes, or to reject with a reason, write it below -->\n\nLook at b.\n`;
  assert.equal(wordsBelow(text), "Look at b.");
  assert.equal(wordsBelow("text"), "");
});

test("remarks become words in the order of their places", () => {
  const remarks = [
    { path: "b.rs", line: 3, text: "three" },
    { path: "a.rs", line: 10, text: "ten\nmore" },
    { path: "a.rs", line: 2, text: "two" },
  ];
  assert.equal(asWords(remarks, " All: "), "All:\n\n- a.rs:2: two\n- a.rs:10: ten\n  more\n- b.rs:3: three");
  assert.equal(asWords([], "  "), "");
});

test("the page may say only what is known", () => {
  assert.deepEqual(fromView({ is: "do", command: "approve", argument: { pause: "p1", hash: "x" } }), {
    is: "do",
    command: "approve",
    argument: { pause: "p1", hash: "x" },
  });
  assert.equal(fromView({ is: "do", command: "workbench.action.quit", argument: {} }), undefined);
  assert.equal(fromView({ is: "do", command: "approve", argument: { pause: { id: 1 } } }), undefined);
  assert.equal(fromView({ is: "link", url: "command:workbench.action.quit" }), undefined);
  assert.equal(fromView({ is: "link", url: "file:///etc/passwd" }), undefined);
  assert.equal(fromView({ is: "post", text: "x".repeat(300_000), key: "k" }), undefined);
  for (const odd of [undefined, null, 7, "ready", [], {}, { is: "older" }, { is: "seen", number: NaN }]) {
    assert.equal(fromView(odd), undefined);
  }
  assert.ok(!(ALLOWED as readonly string[]).includes("restart"));
});

test("names, commands and files are asked for, and nothing else is", () => {
  const asks = (text: string): boolean => completes(text, text.length);
  for (const text of [
    "ask @cl",
    "/ru",
    "/run rev",
    "/run review-fix pa",
    "see src/li",
    "see `lib",
    "#ma",
    "see a.",
    "(@c",
  ]) {
    assert.ok(asks(text), text);
  }
  for (const text of ["", "hello", "mail me@home", "a / b", "see https://x.org", "a line\nof words"]) {
    assert.ok(!asks(text), text);
  }
});

test("what was offered stays as long as it fits what is typed", () => {
  const item = { label: "@claude", kind: "agent" as const, detail: "", insert: "@claude ", start: 4, end: 6 };
  assert.deepEqual(stillFits([item], 6, "ask @cl", 7), [{ item, start: 4, end: 7 }]);
  assert.deepEqual(stillFits([item], 6, "ask @co", 7), []);
  assert.deepEqual(stillFits([item], 6, "ask @c x", 8), [], "a blank ends a name");
  const path = { ...item, kind: "path" as const, label: "src/retry.rs", insert: "src/retry.rs" };
  assert.equal(stillFits([path], 6, "see retry.", 10).length, 1, "a file fits by any part of its path");
});

test("a line that begins with a slash is the editor's where it asks something, else the hub's", () => {
  assert.deepEqual(ownCommand("/undo r3"), { command: "undo", argument: { run: "r3" } });
  assert.deepEqual(ownCommand("  /run"), { command: "run", argument: {} });
  assert.equal(ownCommand("/run review-fix src"), undefined);
  assert.equal(ownCommand("/pause"), undefined);
  assert.deepEqual(byPart("see retry.r"), { word: "retry.r", start: 4 });
  assert.deepEqual(byPart("see `ret"), { word: "ret", start: 5 });
  assert.equal(byPart("see retry"), undefined);
  assert.equal(byPart("ask @claude"), undefined);
});

test("the tail of a transcript is what the agent says, not what it was sent", () => {
  const screen = [
    "> m1 from ann:",
    "> why? and a long line that",
    "goes on",
    "",
    "Because",
    undefined,
    "it is so.",
    "",
    "",
  ];
  assert.deepEqual(tailOf(screen, true), ["Because", "", "it is so."]);
  assert.deepEqual(tailOf(screen.slice(0, 3), true), []);
  assert.deepEqual(tailOf(["> compiling", "ok"], false), ["> compiling", "ok"], "a program's own words stay");
});

test("text of agents steers no terminal", () => {
  assert.equal(printable("a\u001b]52;c;eA==\u0007b\u202ec\n"), "a\ufffd]52;c;eA==\ufffdb\ufffdc\n");
});

test("times and titles", () => {
  assert.deepEqual([span(900), span(61_000), span(3_700_000), span(-5)], ["1 s", "1 min 1 s", "1 h 1 min", "0 s"]);
  assert.deepEqual([ago(0, 59_000), ago(0, 61_000), ago(0, 90_000_000)], ["now", "1 min", "1 d"]);
  assert.equal(decisionTitle("request-changes"), "Request changes");
  assert.equal(decisionTitle("hand-to-another"), "Hand to another", "one that is not known is said as it is");
  assert.equal(headline("one\ntwo"), "one");
  assert.equal(sentence("2 findings are open"), "2 findings are open.");
  assert.equal(sentence("all steps are over"), "All steps are over.");
  assert.equal(sentence("Why?"), "Why?");
});

const step = (id: string, needs: string[] = [], depth = 0): GraphStep => ({
  id,
  title: id,
  status: "done",
  round: 0,
  depth,
  needs,
  changes: false,
  summary: "",
});

test("a step stands right of all that it needs, and a circle ends", () => {
  const at = columns([step("a"), step("b", ["a"]), step("c"), step("d", ["b", "c"])]);
  assert.deepEqual(
    [...at],
    [
      ["a", 0],
      ["b", 1],
      ["c", 0],
      ["d", 2],
    ],
  );
  assert.equal(columns([step("x", ["y"]), step("y", ["x"])]).size, 2);
  const plan = { steps: [{ id: "loop", needs: [], action: { steps: [{ id: "fix", needs: ["review"] }, { id: 3 }] } }] };
  assert.deepEqual(
    [...needsOf(plan)],
    [
      ["loop", []],
      ["fix", ["review"]],
    ],
  );
});

test("turns are lanes of their agents, and what waits for a person is a lane of its own", () => {
  const run = {
    id: "r1",
    title: "Loop",
    started: 100,
    status: "waiting",
    steps: [{ ...step("review"), attempt: 1, started: 100, ended: 130 }],
    turns: 1,
    usage: { tokens: 1200, microDollars: 30_000 },
    changedFiles: 0,
  } as unknown as Parameters<typeof picture>[0];
  const turns = [
    { id: "t1", agent: "lint", step: "review", queued: 100, started: 110, ended: 130, outcome: "answered", usage: {} },
    { id: "t2", agent: "lint", step: "review", queued: 140, usage: {} },
  ];
  const pause = { id: "p1", run: "r1", title: "?", opened: 130 } as unknown as Parameters<typeof picture>[2][number];
  const made = picture(run, turns, [pause, { ...pause, id: "p2", run: "r2" }], new Map(), new Set(["lint"]), 200);
  assert.deepEqual(
    made.lanes.map((lane) => [lane.name, lane.bars.map((bar) => [bar.kind, bar.from, bar.to])]),
    [
      [
        "@lint",
        [
          ["work", 110, 130],
          ["going", 140, 200],
        ],
      ],
      ["you", [["waiting", 130, 200]]],
    ],
  );
  assert.deepEqual(
    made.lanes.map((lane) => lane.bars.map((bar) => bar.changes)),
    [[true, true], [false]],
    "who may change files",
  );
  assert.deepEqual(made.facts, ["1 turn", "0 files changed", "1,200 tokens", "$0.03"]);
});

test("a bar and a box lead to the page, the message, the screen, the prompt and the diff that there are", () => {
  const fix = { ...step("fix"), agent: "autofix", turn: "t2", changes: true };
  const bar = (more: Partial<Bar>): Bar => ({
    step: "fix",
    label: "Fix",
    kind: "work",
    changes: false,
    from: 0,
    to: 1,
    ...more,
  });
  const what = (it: Bar | GraphStep): string[] => offers(it).map((offer) => offer.what);
  assert.deepEqual(what(fix), ["message", "sent", "diff", "terminal"]);
  assert.deepEqual(what(bar({ turn: "t1", agent: "autofix", changes: true })), ["message", "sent", "diff", "terminal"]);
  assert.deepEqual(what(bar({ turn: "t1", agent: "lint", step: "review" })), ["message", "sent", "terminal"]);
  assert.deepEqual(
    what(bar({ turn: "t1", agent: "autofix", kind: "going", step: "review" })),
    ["terminal", "sent"],
    "what goes on has its screen first, and has said nothing yet",
  );
  assert.deepEqual(what(bar({ pause: "p1", kind: "waiting" })), ["page", "message"]);
  assert.deepEqual(what(bar({ pause: "p1", kind: "answered" })), ["message"]);
  assert.deepEqual(what({ ...step("ask"), status: "paused", pause: "p1" }), ["page", "message"]);
  assert.deepEqual(what(step("loop")), [], "a step that nobody does leads nowhere");
  assert.deepEqual(offers(fix)[2]?.argument, { step: "fix" });
});

test("an agent whose terminal is opened has no tail, nor what was shown of it last", () => {
  const agent = { info: { name: "lint", driver: "tool" }, claim: { state: { is: "working" } } };
  const asked: string[] = [];
  const hub = {
    trusted: true,
    store: { agents: new Map([["lint", agent]]) },
    request: (how: string) => Promise.resolve(asked.push(how)),
  } as unknown as ConstructorParameters<typeof Tails>[0];
  const told: Tail[] = [];
  let open = false;
  const tails = new Tails(
    hub,
    () => open,
    (tail) => told.push(tail),
  );
  tails.look(true);
  assert.deepEqual([asked, told], [["watchTerminal"], []]);
  open = true;
  tails.look(true);
  assert.deepEqual(told, [{ agent: "lint", lines: [] }]);
  assert.deepEqual(asked, ["watchTerminal"], "the terminal has the watch now");
  tails.dispose();
});
