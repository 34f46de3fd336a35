// Runs inside the editor's own extension host: trees, commands, contexts, tasks, settings, against the real server.
//
// `run` is what the workbench calls; its outcome goes to the file that CALLBOARD_TEST_OUT names.

import assert from "node:assert/strict";
import fs from "node:fs";
import * as vscode from "vscode";
import type { Api } from "../../src/extension";

type Part = [name: string, part: () => Promise<void>];

async function until<T>(what: string, look: () => T | undefined | false, limit = 30_000): Promise<T> {
  const end = Date.now() + limit;
  while (Date.now() < end) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    await new Promise((done) => setTimeout(done, 40));
  }
  throw new Error(`in vain for ${limit} ms: ${what}`);
}

async function api(): Promise<Api> {
  const extension = vscode.extensions.getExtension<Api>("callboard.callboard");
  assert.ok(extension, "the extension is there");
  return extension.activate();
}

const labels = async (of: vscode.TreeDataProvider<never>): Promise<string[]> => {
  const nodes = (await of.getChildren()) ?? [];
  const items: vscode.TreeItem[] = [];
  for (const node of nodes) items.push(await of.getTreeItem(node));
  return items.map((it) => (typeof it.label === "string" ? it.label : (it.resourceUri?.path.split("/").at(-1) ?? "")));
};

const parts: Part[] = [
  [
    "it connects, and shows nothing of a workspace that nobody trusted",
    async () => {
      const { hub, trees } = await api();
      await until("the server to run", () => hub.phase.is === "running");
      assert.equal(hub.trusted, false);
      assert.deepEqual(await labels(trees.agents as never), []);
      const refused = hub.request("run", { workflow: "review-fix", inputs: {}, roles: {} });
      await assert.rejects(refused, { code: "untrusted" });
    },
  ],
  [
    "trust is bound to what was shown, and everything comes to life with it",
    async () => {
      const { hub, trees } = await api();
      const shown = await hub.request("trust", {});
      await assert.rejects(
        hub.request("trust", { digest: shown.digest.replace(/^./, (it) => (it === "0" ? "1" : "0")) }),
        {
          code: "changed",
        },
      );
      await hub.request("trust", { digest: shown.digest });
      await hub.look();
      assert.equal(hub.trusted, true);
      await until("the agents", () => hub.store.agents.has("lint"));
      assert.ok((await labels(trees.agents as never)).includes("@lint"));
    },
  ],
  [
    "each contributed command is registered",
    async () => {
      const known = new Set(await vscode.commands.getCommands(true));
      const extension = vscode.extensions.getExtension("callboard.callboard");
      const { contributes } = extension?.packageJSON as { contributes: { commands: { command: string }[] } };
      const missing = contributes.commands.map((it) => it.command).filter((it) => !known.has(it));
      assert.deepEqual(missing, []);
    },
  ],
  [
    "a review gives findings in the tree and as problems, and a dismissal takes one away",
    async () => {
      const { hub, trees } = await api();
      const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
      assert.ok(folder);
      const file = vscode.Uri.joinPath(folder, "notes.md");
      await vscode.window.showTextDocument(file);
      await vscode.commands.executeCommand("callboard.review", { uri: file.toString(), agent: "lint" });
      const two = (): boolean => hub.store.openFindings().length === 2;
      await until("two findings", two);
      await until("two problems", () => vscode.languages.getDiagnostics(file).length === 2);
      assert.deepEqual(await labels(trees.findings as never), ["notes.md"]);
      await vscode.commands.executeCommand("callboard.dismissFinding", { finding: "f2", reason: "it is meant so" });
      await until("one finding", () => hub.store.openFindings().length === 1);
      await until("one problem", () => vscode.languages.getDiagnostics(file).length === 1);
    },
  ],
  [
    "a workflow from a keybinding's arguments waits in the inbox; answering it ends the run",
    async () => {
      const { hub, trees } = await api();
      const argument = {
        workflow: "review-fix",
        inputs: { path: "notes.md" },
        roles: { reviewer: "lint", fixer: "autofix" },
      };
      const started = await vscode.commands.executeCommand<{ run: string }>("callboard.run", argument);
      const pause = await until("the pause", () => hub.store.inbox()[0]);
      assert.equal(pause.run, started.run);
      await until("its badge", () => trees.inbox.view.badge?.value === 1);
      // Other steps may go on beside one that waits, and till they are over the run does not wait.
      await until("its row waits", () => {
        const [top] = trees.runs.getChildren();
        return top !== undefined && String(trees.runs.getTreeItem(top).contextValue).startsWith("run:waiting");
      });
      await vscode.commands.executeCommand("callboard.approve", { pause: pause.id, hash: pause.hash });
      const run = await until("the end", () => {
        const it = hub.store.runs.get(started.run);
        return it?.ended === undefined ? undefined : it;
      });
      assert.deepEqual([run.status, run.changedFiles], ["approved", 1]);
      await until("no badge", () => trees.inbox.view.badge === undefined);
    },
  ],
  [
    "an approval of something else than what is there is refused",
    async () => {
      const { hub } = await api();
      await assert.rejects(hub.request("decide", { pause: "p1", hash: "0".repeat(64), decision: "approve" }), {
        code: /already_answered|changed/,
      });
    },
  ],
  [
    "workflows are tasks, and a task ends with its run",
    async () => {
      const tasks = await vscode.tasks.fetchTasks({ type: "callboard" });
      const task = tasks.find((it) => it.definition.workflow === "review-file");
      assert.ok(task, `review-file is among ${tasks.map((it) => it.name).join(", ")}`);
      task.definition.inputs = { path: "notes.md" };
      task.definition.roles = { reviewer: "lint" };
      const ended = new Promise<void>((done) => {
        const listening = vscode.tasks.onDidEndTask(({ execution }) => {
          if (execution.task.name !== task.name) return;
          listening.dispose();
          done();
        });
      });
      const { hub } = await api();
      const before = hub.store.runs.size;
      await vscode.tasks.executeTask(task);
      await ended;
      assert.equal(hub.store.runs.size, before + 1);
    },
  ],
  [
    "the server is started again by its command, and what there was is there again",
    async () => {
      const { hub } = await api();
      let began = 0;
      const listening = hub.onBegin(() => (began += 1));
      await vscode.commands.executeCommand("callboard.restart");
      listening.dispose();
      assert.deepEqual([began, hub.phase.is, hub.trusted], [1, "running", true]);
      assert.equal(hub.store.runs.get("r2")?.status, "approved");
    },
  ],
  [
    "Restricted Mode, and the schema for other YAML extensions, are declared as they are",
    async () => {
      const extension = vscode.extensions.getExtension("callboard.callboard");
      assert.ok(extension);
      const { capabilities, contributes } = extension.packageJSON as {
        capabilities: { untrustedWorkspaces: { supported: string; restrictedConfigurations: string[] } };
        contributes: {
          configuration: { properties: Record<string, object> };
          yamlValidation: { url: string }[];
        };
      };
      const { supported, restrictedConfigurations } = capabilities.untrustedWorkspaces;
      assert.equal(supported, "limited");
      const starts = Object.keys(contributes.configuration.properties).filter((it) => it.includes(".server."));
      const programs = starts.filter((it) => !it.startsWith("callboard.trace"));
      assert.deepEqual(programs.sort(), [...restrictedConfigurations].sort());
      for (const { url } of contributes.yamlValidation) {
        const text = await vscode.workspace.fs.readFile(vscode.Uri.joinPath(extension.extensionUri, url));
        assert.ok("properties" in (JSON.parse(new TextDecoder().decode(text)) as object));
      }
    },
  ],
  [
    "a server that is not there is said, and the extension goes on when it is back",
    async () => {
      const { hub } = await api();
      const all = vscode.workspace.getConfiguration("callboard");
      const right = all.get<string>("server.path");
      await all.update("server.path", "/nowhere/callboard", vscode.ConfigurationTarget.Global);
      const missing = await until("the miss", () => (hub.phase.is === "missing" ? hub.phase : undefined));
      assert.match(missing.why, /\/nowhere\/callboard/);
      await assert.rejects(hub.request("runs", {}), /nowhere/);
      await all.update("server.path", right, vscode.ConfigurationTarget.Global);
      await until("the server again", () => hub.trusted);
      assert.equal(hub.store.runs.get("r2")?.status, "approved", "what there was is there again");
    },
  ],
];

export async function run(): Promise<void> {
  const out = process.env.CALLBOARD_TEST_OUT ?? "";
  for (const [name, part] of parts) {
    try {
      await part();
      fs.appendFileSync(out, `ok ${name}\n`);
    } catch (error) {
      fs.appendFileSync(out, `FAILED ${name}: ${error instanceof Error ? (error.stack ?? "") : String(error)}\n`);
      throw error;
    }
  }
}
