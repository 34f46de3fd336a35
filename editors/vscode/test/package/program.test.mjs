// What a file is a program for: each target takes its own and nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";
import { refusal, targets } from "../../program.mjs";
import { elf, elf32, mach, pe, PROGRAMS, universal } from "./made.mjs";

test("each target takes its own program and refuses that of each other one", () => {
  assert.deepEqual(Object.keys(PROGRAMS), targets);
  for (const target of targets) {
    for (const [of, bytes] of Object.entries(PROGRAMS)) {
      const why = refusal(bytes, "server", target);
      if (of === target) assert.equal(why, undefined, target);
      else
        assert.match(
          why ?? "",
          /^error: server is a program of another platform \(.+\); .+\nhelp: .+/,
          `${of} for ${target}`,
        );
    }
  }
});

test("a refusal says what the file is, what is wanted and what to do", () => {
  assert.equal(
    refusal(PROGRAMS["linux-x64"], "target/release/callboard", "darwin-arm64"),
    "error: target/release/callboard is a program of another platform (ELF, x64, glibc); " +
      "darwin-arm64 needs one of its own (Mach-O, arm64)\n" +
      "help: build it with `cargo build --release --target aarch64-apple-darwin`, and name that file with --server",
  );
  assert.match(refusal(PROGRAMS["linux-x64"], "x", "alpine-x64") ?? "", /\(ELF, x64, glibc\).*\(ELF, x64, musl\)/);
  assert.match(refusal(elf(0xf3), "x", "linux-x64") ?? "", /\(ELF, another machine\)/);
});

test("an unknown target is refused with those that there are", () => {
  for (const target of ["linux", "linux-x86", "darwin-universal", "web", "", "constructor"]) {
    const why = refusal(PROGRAMS["linux-x64"], "server", target) ?? "";
    assert.ok(why.startsWith(`error: there is no target ${target}\nhelp: choose one of linux-x64, `), why);
  }
});

test("a program that is linked whole runs with either C library", () => {
  const whole = elf(0x3e);
  assert.deepEqual([refusal(whole, "x", "linux-x64"), refusal(whole, "x", "alpine-x64")], [undefined, undefined]);
});

test("a file for several machines is for each of them", () => {
  const both = universal(0x0100_0007, 0x0100_000c);
  assert.deepEqual([refusal(both, "x", "darwin-x64"), refusal(both, "x", "darwin-arm64")], [undefined, undefined]);
  assert.match(refusal(universal(0x0100_0007), "x", "darwin-arm64") ?? "", /\(Mach-O, x64\)/);
});

test("what is no program is refused for every target", () => {
  const text = (it) => new TextEncoder().encode(it);
  const files = {
    nothing: new Uint8Array(0),
    "a script": text("#!/bin/sh\nexec callboard\n"),
    "an object": elf(0x3e, { kind: 1 }),
    "an object of 32 bits": elf32(0x28, "").with(16, 1),
    "a Mach-O library": mach(0x0100_000c, 6),
    "a PE library": pe(0x8664, 0x2022),
    "a PE object": pe(0x8664, 0),
    "only a DOS program": pe(0x8664).with(128, 0),
    "compiled Java": Uint8Array.of(0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 65, 0, 1, 2, 3),
  };
  for (const [what, bytes] of Object.entries(files)) {
    for (const target of targets) {
      assert.match(refusal(bytes, "server", target) ?? "", /^error: server is no program, so/, `${what} for ${target}`);
    }
  }
});

test("a program that was cut anywhere within its header is refused and breaks nothing", () => {
  for (const [target, bytes] of Object.entries(PROGRAMS)) {
    const least = { E: 20, M: 16, P: 152 }[target.startsWith("win32") ? "P" : target.startsWith("darwin") ? "M" : "E"];
    for (let length = 0; length < least; length += 1) {
      assert.notEqual(refusal(bytes.slice(0, length), "server", target), undefined, `${target}, ${length} bytes`);
    }
    // A file within a larger buffer is read from its own beginning.
    const shifted = new Uint8Array(bytes.length + 7);
    shifted.set(bytes, 7);
    assert.equal(refusal(shifted.subarray(7), "server", target), undefined, target);
  }
});
