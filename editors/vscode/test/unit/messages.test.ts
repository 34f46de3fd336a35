// Every word that a person can be shown is in the table of words, and every command that is named exists.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";

const root = path.resolve("package.json", "..");
const manifest = fs.readFileSync(path.join(root, "package.json"), "utf8");
const words = JSON.parse(fs.readFileSync(path.join(root, "package.nls.json"), "utf8")) as Record<string, string>;

test("each key of the manifest has its words, and no words are left over", () => {
  const used = new Set([...manifest.matchAll(/"%([\w.-]+)%"/g)].map((it) => it[1] ?? ""));
  assert.deepEqual(
    [...used].filter((it) => !(it in words)),
    [],
  );
  assert.deepEqual(
    Object.keys(words).filter((it) => !used.has(it)),
    [],
  );
});

test("commands that menus, keys, links and walkthroughs name are contributed", () => {
  const { contributes } = JSON.parse(manifest) as { contributes: { commands: { command: string }[] } };
  const known = new Set(contributes.commands.map((it) => it.command));
  const named = [
    ...manifest.matchAll(/"command": "(callboard\.[\w.]+)"/g),
    ...JSON.stringify(words).matchAll(/command:(callboard\.[\w.]+)/g),
    ...manifest.matchAll(/onCommand:(callboard\.[\w.]+)/g),
  ].map((it) => it[1] ?? "");
  assert.deepEqual(
    named.filter((it) => !known.has(it)),
    [],
  );
});

test("promise 7: settings that start programs count only where the workspace is trusted", () => {
  const { capabilities, contributes } = JSON.parse(manifest) as {
    capabilities: { untrustedWorkspaces: { supported: string; restrictedConfigurations: string[] } };
    contributes: { configuration: { properties: Record<string, object> } };
  };
  assert.equal(capabilities.untrustedWorkspaces.supported, "limited");
  const steering = Object.keys(contributes.configuration.properties).filter((it) => it.startsWith("callboard.server."));
  assert.deepEqual(capabilities.untrustedWorkspaces.restrictedConfigurations.sort(), steering.sort());
});
