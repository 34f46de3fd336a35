// Menus only where they belong, also in a remote window; and no word that a person reads stands in package.json itself. That none
// stands in the code without `l10n.t` is looked at by l10n.mjs.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";

// The tests are run by npm, in the extension's own folder.
const here = process.cwd();
const read = (name: string): string => fs.readFileSync(path.join(here, name), "utf8");

interface Manifest {
  contributes: {
    menus: Record<string, { when?: string }[]>;
    viewsWelcome: { view: string; when: string }[];
    views: Record<string, { id: string }[]>;
  };
}
const { contributes } = JSON.parse(read("package.json")) as Manifest;

/** Texts of package.json that are names and the same in every language. */
const NAMES = new Set(["Callboard"]);

test("what a person reads in package.json is a %key%", () => {
  const shown = /^(title|label|name|description|markdownDescription|contents|contextualTitle|category)$/;
  const bare: string[] = [];
  const visit = (value: unknown, at: string): void => {
    if (Array.isArray(value)) value.forEach((it, index) => visit(it, `${at}[${index}]`));
    else if (typeof value === "object" && value !== null) {
      for (const [key, it] of Object.entries(value)) {
        if (shown.test(key) && typeof it === "string" && !/^%[^%]+%$/.test(it) && !NAMES.has(it)) {
          bare.push(`${at}.${key}: ${it}`);
        }
        if (key.endsWith("Descriptions") && Array.isArray(it)) {
          for (const text of it as unknown[])
            if (!/^%[^%]+%$/.test(String(text))) bare.push(`${at}.${key}: ${String(text)}`);
        }
        visit(it, `${at}.${key}`);
      }
    }
  };
  visit(contributes, "contributes");
  assert.deepEqual(bare, []);
});

test("an entry for rows names its view: what other extensions call their rows is theirs", () => {
  const ids = Object.values(contributes.views)
    .flat()
    .map((it) => it.id);
  for (const place of ["view/title", "view/item/context"]) {
    const entries = contributes.menus[place] ?? [];
    assert.ok(entries.length > 0);
    const anywhere = entries.filter((it) => !ids.some((id) => new RegExp(`^view == ${id}\\b`).test(it.when ?? "")));
    assert.deepEqual(anywhere, [], place);
  }
});

test("files of a remote window have the menus too", () => {
  for (const place of ["editor/context", "explorer/context"]) {
    for (const { when } of contributes.menus[place] ?? []) {
      const scheme = /resourceScheme (\S+) (\S+)/.exec(when ?? "");
      assert.ok(scheme, `${place}: ${when ?? ""}`);
      const [, how, what = ""] = scheme;
      const of = how === "=~" ? new RegExp(what.slice(1, -1)) : new RegExp(`^${what}$`);
      assert.deepEqual(
        ["file", "vscode-remote", "git"].filter((it) => of.test(it)),
        ["file", "vscode-remote"],
      );
    }
  }
});

test("each tree says what to do in Restricted Mode", () => {
  const said = contributes.viewsWelcome.filter((it) => it.when === "!isWorkspaceTrusted").map((it) => it.view);
  assert.deepEqual(said.sort(), ["callboard.agents", "callboard.findings", "callboard.inbox", "callboard.runs"]);
});
