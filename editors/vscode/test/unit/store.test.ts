// The store: of two forms of one thing the newer one stays, and news is told once.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Item, PauseView, RunView } from "../../src/protocol";
import { Store } from "../../src/store";

function run(id: string, rev: number, status: RunView["status"] = "running"): Item {
  return {
    item: "run",
    id,
    workflow: "review-fix",
    title: "Review–fix loop",
    hash: "",
    channel: "main",
    by: "ann",
    started: 0,
    status,
    why: "",
    inputs: {},
    roles: {},
    steps: [],
    turns: 0,
    usage: {},
    changedFiles: 0,
    rev,
  };
}

function pause(id: string, rev: number, answered = false): Item & PauseView {
  const made: Item & PauseView = {
    item: "pause",
    id,
    kind: "step",
    title: "Which findings?",
    channel: "main",
    opened: rev,
    document: "",
    hash: "",
    decisions: ["approve"],
    rev,
  };
  if (answered) made.answered = { by: "ann", at: 0, decision: { decision: "approve" }, hash: "" };
  return made;
}

test("a form with a lower revision changes nothing, whichever came last", () => {
  const store = new Store();
  assert.deepEqual([...store.take({ rev: 5, items: [run("r1", 5, "waiting")] }).kinds], ["run"]);
  assert.equal(store.take({ rev: 4, items: [run("r1", 4)] }).kinds.size, 0);
  assert.equal(store.runs.get("r1")?.status, "waiting");
  assert.equal(store.rev, 5, "the revision to resume from never goes back");
});

test("what opens and what ends is told once", () => {
  const store = new Store();
  const first = store.take({ rev: 2, items: [run("r1", 1), pause("p1", 2)] });
  assert.deepEqual([first.opened.length, first.ended.length], [1, 0]);
  const again = store.take({ rev: 3, items: [pause("p1", 3), run("r1", 3, "approved")] });
  assert.deepEqual([again.opened.length, again.ended.map((it) => it.id)], [0, ["r1"]]);
  const later = store.take({ rev: 4, items: [run("r1", 4, "approved")] });
  assert.equal(later.ended.length, 0);
});

test("a run that had ended before this window came is no news", () => {
  const store = new Store();
  assert.equal(store.take({ rev: 1, items: [run("r1", 1, "failed")] }).ended.length, 0);
});

test("the inbox holds what is not answered, oldest first; runs that go on come first", () => {
  const store = new Store();
  store.take({ rev: 9, items: [pause("p2", 7), pause("p1", 3), pause("p3", 8, true)] });
  assert.deepEqual(
    store.inbox().map((it) => it.id),
    ["p1", "p2"],
  );
  store.take({ rev: 9, items: [run("r10", 2, "done"), run("r2", 2), run("r9", 2, "done")] });
  assert.deepEqual(
    store.runsByAge().map((it) => it.id),
    ["r2", "r10", "r9"],
  );
  store.clear();
  assert.deepEqual([store.rev, store.inbox().length, store.ready], [0, 0, false]);
});
