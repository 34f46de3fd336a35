// Keeps l10n/bundle.l10n.json: every text that the code gives to `l10n.t`, as translators start from it.
//
//   node l10n.mjs            writes it
//   node l10n.mjs --check    fails where it is another, or where a text can't be found because it is put together
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const here = path.dirname(fileURLToPath(import.meta.url));
const file = path.join(here, "l10n/bundle.l10n.json");
const found = new Set();
const complaints = [];

function visit(node, source) {
  if (ts.isCallExpression(node) && /(^|\.)l10n\.t$/.test(node.expression.getText(source))) {
    const [first] = node.arguments;
    if (first !== undefined && ts.isStringLiteralLike(first)) found.add(first.text);
    else {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      complaints.push(`${path.relative(here, source.fileName)}:${line + 1}: the text must be one string`);
    }
  }
  ts.forEachChild(node, (it) => visit(it, source));
}

for (const folder of ["src", "webview"]) {
  for (const name of fs.readdirSync(path.join(here, folder), { recursive: true }).sort()) {
    if (!name.endsWith(".ts")) continue;
    const full = path.join(here, folder, name);
    const source = ts.createSourceFile(full, fs.readFileSync(full, "utf8"), ts.ScriptTarget.Latest, true);
    visit(source, source);
  }
}
const bundle = `${JSON.stringify(Object.fromEntries([...found].sort().map((it) => [it, it])), undefined, 2)}\n`;
if (process.argv.includes("--check")) {
  if (fs.readFileSync(file, "utf8") !== bundle)
    complaints.push("l10n/bundle.l10n.json is not what the code says; run `node l10n.mjs`");
  for (const it of complaints) console.error(it);
  process.exitCode = complaints.length === 0 ? 0 : 1;
} else {
  fs.writeFileSync(file, bundle);
  for (const it of complaints) console.error(it);
  console.log(`${found.size} texts`);
}
