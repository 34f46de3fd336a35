// Keeps l10n/bundle.l10n.json: every text that the code gives to `l10n.t`, as translators start from it.
//
//   node l10n.mjs            writes it
//   node l10n.mjs --check    fails where it is another, where a text can't be found because it is put together, or where one that
//                            a person reads is not given to `l10n.t`
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const here = path.dirname(fileURLToPath(import.meta.url));
const file = path.join(here, "l10n/bundle.l10n.json");
const found = new Set();
const complaints = [];

/** Calls whose first argument a person reads, by the last part of their names. */
const SHOWS =
  /^(show(Information|Warning|Error)Message|setStatusBarMessage|showInputBox|showQuickPick|button|Refused|TreeItem|tell|say)$/;
/** Properties whose text a person reads. */
const READ = /^(title|prompt|placeHolder|placeholder|detail|description|label|tooltip|aria-label|contentText)$/;
/** What is typed so in every language: the name, commands, and text that is for an agent. */
const SAME = /^(Callboard(: )?$|callboard[. ]|@lint )/;

/** The texts of an expression that no function translates. */
function bare(node) {
  if (ts.isStringLiteralLike(node)) return [node.text];
  if (ts.isTemplateExpression(node)) {
    const spans = node.templateSpans.flatMap((it) => [...bare(it.expression), it.literal.text]);
    return [node.head.text, ...spans].map((it) => it.replace(/\$\([\w~-]+\)/g, ""));
  }
  if (ts.isConditionalExpression(node)) return [...bare(node.whenTrue), ...bare(node.whenFalse)];
  if (ts.isParenthesizedExpression(node)) return bare(node.expression);
  if (ts.isBinaryExpression(node)) {
    const { kind } = node.operatorToken;
    // Whatever else has two sides compares them.
    const both = [ts.SyntaxKind.PlusToken, ts.SyntaxKind.QuestionQuestionToken, ts.SyntaxKind.BarBarToken];
    if (both.includes(kind)) return [...bare(node.left), ...bare(node.right)];
    return kind === ts.SyntaxKind.AmpersandAmpersandToken ? bare(node.right) : [];
  }
  return [];
}

/** What of a node a person reads. */
function readOf(node, source) {
  if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
    const name = node.expression.getText(source).split(".").at(-1);
    const all = node.arguments ?? [];
    if (SHOWS.test(name)) return all.slice(0, 1);
    // What is filled into a text, and the children of a node of a page.
    if (name === "t") return all.slice(1);
    if (name === "h") return all.slice(2);
    return name === "append" ? all : [];
  }
  if (!ts.isPropertyAssignment(node)) return [];
  return READ.test(ts.isStringLiteralLike(node.name) ? node.name.text : node.name.getText(source))
    ? [node.initializer]
    : [];
}

function visit(node, source) {
  for (const read of readOf(node, source)) {
    for (const text of bare(read).filter((it) => /[A-Za-z]{3,}/.test(it) && !SAME.test(it))) {
      const { line } = source.getLineAndCharacterOfPosition(read.getStart(source));
      complaints.push(`${path.relative(here, source.fileName)}:${line + 1}: no \`l10n.t\` for ${JSON.stringify(text)}`);
    }
  }
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
