// Packages as they come out: for each platform its own program, executable, and the platform's name in the manifest.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import zlib from "node:zlib";
import { PROGRAMS } from "./made.mjs";

const here = fileURLToPath(new URL("../..", import.meta.url));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "callboard-package-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

function build(...options) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["build.mjs", "--package", ...options], {
    cwd: here,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

/** The files of a package by name, each with its mode and its bytes, by the list at its end. */
function contents(file) {
  const bytes = fs.readFileSync(file);
  const end = bytes.lastIndexOf("PK\x05\x06", undefined, "latin1");
  const files = new Map();
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left -= 1) {
    const [name, extra, comment] = [28, 30, 32].map((it) => bytes.readUInt16LE(at + it));
    const head = bytes.readUInt32LE(at + 42);
    const from = head + 30 + bytes.readUInt16LE(head + 26) + bytes.readUInt16LE(head + 28);
    const packed = bytes.subarray(from, from + bytes.readUInt32LE(at + 20));
    files.set(bytes.toString("utf8", at + 46, at + 46 + name), {
      mode: (bytes.readUInt32LE(at + 38) >>> 16) & 0o777,
      bytes: bytes.readUInt16LE(at + 10) === 0 ? packed : zlib.inflateRawSync(packed),
    });
    at += 46 + name + extra + comment;
  }
  return files;
}

const platformOf = (files) =>
  /TargetPlatform="([^"]*)"/.exec(files.get("extension.vsixmanifest")?.bytes.toString("utf8") ?? "")?.[1];
const programsOf = (files) => [...files.keys()].filter((it) => it.startsWith("extension/server/"));

for (const [target, program] of Object.entries(PROGRAMS)) {
  test(`the package for ${target} has its program inside, to be run`, () => {
    const server = path.join(folder, `program-${target}`);
    fs.writeFileSync(server, program, { mode: 0o600 });
    const out = path.join(folder, `${target}.vsix`);
    const said = build("--server", server, "--target", target, "--out", out);
    assert.equal(said.status, 0, said.stderr);
    const files = contents(out);
    const name = target.startsWith("win32-") ? "extension/server/callboard.exe" : "extension/server/callboard";
    assert.deepEqual(programsOf(files), [name]);
    const inside = files.get(name);
    assert.equal(inside?.mode.toString(8), "755");
    assert.deepEqual(new Uint8Array(inside?.bytes ?? []), program);
    assert.equal(platformOf(files), target);
  });
}

test("the package without a server is for every platform", () => {
  const out = path.join(folder, "none.vsix");
  const said = build("--out", out);
  assert.equal(said.status, 0, said.stderr);
  assert.match(said.stdout, /, without a server\n$/);
  const files = contents(out);
  assert.deepEqual([programsOf(files), platformOf(files)], [[], undefined]);
  for (const name of ["dist/extension.js", "schemas/workflow.schema.json", "THIRD-PARTY.txt", "readme.md"]) {
    assert.ok(files.has(`extension/${name}`), name);
  }
  assert.deepEqual(
    [...files.keys()].filter((it) => /node_modules|\/src\/|\/test\/|\.mjs$|tsconfig|lock/.test(it)),
    [],
    "no source is inside",
  );
  // The editor shows no picture that lies beside the page; beside the walkthrough it does.
  const text = (name) => files.get(name)?.bytes.toString("utf8") ?? "";
  assert.doesNotMatch(text("extension/readme.md"), /!\[/);
  assert.equal(text("extension/readme.md").split("Pictures are in the walkthrough").length, 2, "said once");
  const pages = [...files.keys()].filter((it) => /^extension\/walkthrough\/.*\.md$/.test(it));
  const pictures = pages.flatMap((it) => [...text(it).matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)]).map((it) => it[1]);
  assert.deepEqual(
    pictures.sort(),
    ["channel", "diff", "pause", "run"].map((it) => `vscode-${it}.png`),
  );
  for (const it of pictures) assert.ok(files.has(`extension/walkthrough/${it}`), it);
});

test("what can't be a package is refused, with what to do, and nothing is written", () => {
  const server = path.join(folder, "program-linux-x64");
  fs.writeFileSync(server, PROGRAMS["linux-x64"]);
  const out = path.join(folder, "refused.vsix");
  for (const [options, why] of [
    [["--server", server, "--target", "win32-x64"], /^error: .*program-linux-x64 is a program of another platform/],
    [["--server", server, "--target", "plan9-x64"], /^error: there is no target plan9-x64\nhelp: choose one of /],
    [["--server", folder, "--target", "linux-x64"], /^error: there is no file .*\nhelp: /],
    [["--target", "linux-x64"], /^error: a package for linux-x64 needs its server\nhelp: /],
  ]) {
    const said = build(...options, "--out", out);
    assert.equal(said.status, 2);
    assert.match(said.stderr, why);
    assert.equal(fs.existsSync(out), false);
  }
});
