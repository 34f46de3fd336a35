// The heights of rows: against a plain array, with rows in front, behind and measured at random.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Heights } from "../../webview/heights";

test("places agree with a plain array, whatever is added and measured", () => {
  let seed = 7;
  const random = (most: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed % most;
  };
  const heights = new Heights(50);
  let plain: number[] = [];
  for (let turn = 0; turn < 400; turn += 1) {
    const what = random(4);
    if (what === 0) {
      const [front, behind] = [random(30), random(30)];
      heights.grow(front, behind);
      plain = [...Array<number>(front).fill(50), ...plain, ...Array<number>(behind).fill(50)];
    } else if (plain.length > 0) {
      const at = random(plain.length);
      const height = 1 + random(300);
      heights.set(at, height);
      plain[at] = height;
    }
    if (turn % 20 !== 0 || plain.length === 0) continue;
    assert.equal(heights.length, plain.length);
    assert.equal(
      heights.total,
      plain.reduce((sum, it) => sum + it, 0),
    );
    let before = 0;
    for (const [at, height] of plain.entries()) {
      assert.equal(heights.before(at), before);
      assert.equal(heights.at(before), at);
      assert.equal(heights.at(before + height - 1), at);
      before += height;
    }
    assert.equal(heights.at(before + 1000), plain.length - 1, "below the end it is the last row");
  }
});

test("what was measured stays measured when rows come in front", () => {
  const heights = new Heights(10);
  heights.grow(0, 3);
  heights.set(1, 99);
  heights.grow(2, 0);
  assert.deepEqual(
    [heights.isMeasured(3), heights.isMeasured(0), heights.get(3), heights.before(4)],
    [true, false, 99, 129],
  );
});
