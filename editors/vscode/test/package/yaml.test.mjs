// The workflow schema beside the YAML extension that most people have: its engine, told of the schema as it tells itself of what
// extensions contribute, finds nothing in our templates, finds what is wrong in others, completes and explains.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as rpc from "vscode-jsonrpc/node";

const here = fileURLToPath(new URL("../..", import.meta.url));
const templates = path.join(here, "../../templates");
const root = fs.mkdtempSync(path.join(os.tmpdir(), "callboard-yaml-"));
const LONGEST = 60_000;

/** What that extension makes of each `yamlValidation`: patterns from the root, and the file by its address. */
function associations() {
  const { contributes } = JSON.parse(fs.readFileSync(path.join(here, "package.json"), "utf8"));
  return contributes.yamlValidation.map(({ fileMatch, url }) => ({
    fileMatch: [fileMatch].flat().map((it) => (/^(\w+:\/\/|\/|!)/.test(it) ? it : `/${it}`)),
    uri: url.startsWith("./") ? pathToFileURL(path.join(here, url)).href : url,
  }));
}

/** Its settings as they come, but for the catalogue, which it would fetch. */
const SETTINGS = { yaml: { validate: true, hover: true, completion: true, schemaStore: { enable: false } } };

class Engine {
  /** Who waits for the problems of a file, by its address. */
  waiting = new Map();

  constructor() {
    const file = path.join(here, "node_modules/yaml-language-server/bin/yaml-language-server");
    this.process = spawn(process.execPath, [file, "--stdio"], { stdio: ["pipe", "pipe", "inherit"] });
    const { stdout, stdin } = this.process;
    this.connection = rpc.createMessageConnection(
      new rpc.StreamMessageReader(stdout),
      new rpc.StreamMessageWriter(stdin),
    );
    this.connection.onNotification("textDocument/publishDiagnostics", ({ uri, diagnostics }) => {
      this.waiting.get(uri)?.(diagnostics);
    });
    this.connection.onRequest("workspace/configuration", ({ items }) => items.map((it) => SETTINGS[it.section] ?? {}));
    this.connection.onRequest("client/registerCapability", () => null);
    this.connection.listen();
  }

  async start() {
    const uri = pathToFileURL(root).href;
    await this.connection.sendRequest("initialize", {
      processId: process.pid,
      rootUri: uri,
      workspaceFolders: [{ uri, name: "workspace" }],
      capabilities: {
        workspace: { configuration: true, workspaceFolders: true },
        textDocument: { completion: { completionItem: { snippetSupport: true } } },
      },
    });
    await this.connection.sendNotification("initialized", {});
    await this.connection.sendNotification("json/schemaAssociations", associations());
  }

  /** Opens a file and returns what is wrong in it, once that was looked for. */
  async open(name, text) {
    const uri = pathToFileURL(path.join(root, name)).href;
    const problems = new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`nothing was said of ${name} for ${LONGEST} ms`)), LONGEST);
      this.waiting.set(uri, (found) => {
        clearTimeout(late);
        resolve(found);
      });
    });
    const textDocument = { uri, languageId: "yaml", version: 1, text };
    await this.connection.sendNotification("textDocument/didOpen", { textDocument });
    return { uri, problems: await problems };
  }

  ask(what, uri, line, character) {
    return this.connection.sendRequest(`textDocument/${what}`, {
      textDocument: { uri },
      position: { line, character },
    });
  }

  async end() {
    await this.connection.sendRequest("shutdown");
    await this.connection.sendNotification("exit");
    this.connection.dispose();
  }
}

const engine = new Engine();
before(() => engine.start());
after(async () => {
  await engine.end();
  fs.rmSync(root, { recursive: true, force: true });
});

const said = (problems) => problems.map((it) => `${it.range.start.line + 1}: ${it.message}`);
const WRONG = `title: A try
roles:
  fixer:
    prefer: [codex]
steps:
  - id: one
    role: fixer
    promt: Say hello.
  - id: two
    role: fixer
    prompt: Say hello.
    needs: {one: 1}
limits:
  turns: many
`;

test("nothing is wrong with a template", async () => {
  const names = fs.readdirSync(templates).filter((it) => it.endsWith(".yaml"));
  assert.ok(names.length >= 10, names.join());
  for (const name of names) {
    // As `callboard workflows new` copies it: without the line for those who edit it among the templates.
    const text = fs.readFileSync(path.join(templates, name), "utf8").replace(/^# yaml-language-server:.*\n/, "");
    const { problems } = await engine.open(`.callboard/workflows/${name}`, text);
    assert.deepEqual(said(problems), [], name);
  }
});

for (const ending of ["yaml", "yml"]) {
  test(`a wrong key and a wrong type are found where they are, in a .${ending} wherever workflows are`, async () => {
    for (const folder of [".callboard", "packages/app/.callboard", ".config/callboard"]) {
      const { problems } = await engine.open(`${folder}/workflows/wrong.${ending}`, WRONG);
      const lines = new Set(problems.map((it) => it.range.start.line + 1));
      assert.deepEqual(
        [...lines].sort((a, b) => a - b),
        [8, 12, 14],
        said(problems).join("\n"),
      );
      assert.ok(
        said(problems).some((it) => it.startsWith("8: ") && it.includes("promt")),
        said(problems).join("\n"),
      );
    }
  });
}

test("a file that is no workflow is left alone", async () => {
  const { problems } = await engine.open("config/workflows.yaml", WRONG);
  assert.deepEqual(said(problems), []);
});

test("a step's keys are completed, and explained in our words", async () => {
  const text = "title: A try\nsteps:\n  - id: one\n    pro\n    tool: tests\n";
  const { uri } = await engine.open(".callboard/workflows/half.yaml", text);
  const answer = await engine.ask("completion", uri, 3, 7);
  const items = answer.items ?? answer;
  const prompt = items.find((it) => it.label === "prompt");
  assert.ok(prompt, items.map((it) => it.label).join());
  const schema = JSON.parse(fs.readFileSync(path.join(here, "schemas/workflow.schema.json"), "utf8"));
  const words = (key) => schema.definitions.StepFile.properties[key].description;
  assert.ok(
    JSON.stringify(prompt.documentation).includes(JSON.stringify(words("prompt")).slice(1, 40)),
    prompt.documentation,
  );
  const whole = await engine.open(".callboard/workflows/whole.yaml", text.replace("    pro\n", ""));
  const hover = await engine.ask("hover", whole.uri, 3, 6);
  assert.ok(JSON.stringify(hover.contents).includes(JSON.stringify(words("tool")).slice(1, 40)), JSON.stringify(hover));
});
