// Commands on runs: start, hold, end, look at, take back.

import * as vscode from "vscode";
import * as ask from "../ask";
import { Refused } from "../hub";
import { hasEnded } from "../store";
import { counted } from "../words";
import type { Argument, Commands, Tools } from "./table";

export function runCommands({ hub, changes, picture }: Tools): Commands {
  const live = async (given: Argument, what: string): Promise<string | undefined> =>
    given.run ?? (await ask.run(hub, (it) => !hasEnded(it), what))?.id;

  return {
    run: async (given) => {
      const all = await hub.request("workflows", {});
      const known = all.find((it) => it.name === given.workflow);
      if (given.workflow !== undefined && known === undefined) {
        const names = all.map((it) => it.name).join(", ");
        throw new Refused(
          vscode.l10n.t("There is no workflow {0} here; there are {1}", given.workflow, names),
          "not_found",
        );
      }
      const chosen = known ?? (await ask.workflow(all));
      if (chosen === undefined) return undefined;
      const before = { ...given.inputs };
      // From the explorer or an editor's menu: the file is what it is about.
      const paths = chosen.inputs.filter((it) => it.kind === "path");
      const path = given.uri === undefined ? undefined : ask.pathOf(hub, given.uri);
      const [only] = paths;
      if (path !== undefined && only !== undefined && paths.length === 1) before[only.name] ??= path;
      const inputs = await ask.inputs(hub, chosen, before);
      if (inputs === undefined) return undefined;
      const { roles, channel } = given;
      return hub.request("run", { workflow: chosen.name, inputs, roles, channel });
    },
    review: async (given) => {
      const uri = given.uri ?? (given.path === undefined ? vscode.window.activeTextEditor?.document.uri : undefined);
      const here = given.path ?? (uri === undefined ? undefined : ask.pathOf(hub, uri));
      if (here === undefined && given.uri !== undefined) {
        throw new Refused(vscode.l10n.t("That is no file of this workspace"), "invalid");
      }
      // Nothing is in front, or the walkthrough, or a page that is no file.
      const path = here ?? (await ask.file(hub, vscode.l10n.t("Which file is to be reviewed?")));
      if (path === undefined) return undefined;
      const { agent, channel, startLine, endLine } = { ...selected(given, uri), ...given };
      return hub.execute("callboard.review", { path, agent, channel, startLine, endLine });
    },
    pause: async (given) => {
      const { run, interrupt } = given;
      // Without a run it is the whole workspace: what a person who presses "pause now" means.
      return hub.request("pause", { run, interrupt });
    },
    resume: async ({ run }) => hub.request("resume", { run }),
    cancel: async (given) => {
      const run = await live(given, vscode.l10n.t("Which run is to be stopped?"));
      if (run === undefined) return undefined;
      const stop = vscode.l10n.t("Stop the Run");
      const detail = vscode.l10n.t("What its agents changed stays as it is; Undo Run puts it back.");
      const title = vscode.l10n.t("Stop {0}?", hub.store.runs.get(run)?.title ?? run);
      const said = await vscode.window.showWarningMessage(title, { modal: true, detail }, stop);
      return said === stop ? hub.request("cancel", { run }) : undefined;
    },
    showRun: async (given) => {
      const run = given.run ?? (await ask.run(hub, () => true, vscode.l10n.t("Which run?")))?.id;
      if (run !== undefined) await picture.show(run);
    },
    showChanges: async (given) => {
      const paused = given.pause === undefined ? undefined : hub.store.pauses.get(given.pause)?.run;
      const here = paused ?? pageRun(hub, given);
      const run =
        given.run ?? here ?? (await ask.run(hub, (it) => it.changedFiles > 0, vscode.l10n.t("Whose changes?")))?.id;
      if (run !== undefined) await changes.show(run, given.pause === undefined ? given.step : undefined);
    },
    acceptChange: async (given) => change(given, "accept"),
    undoChange: async (given) => change(given, "undo"),
    acceptFile: async (given) => change(given, "accept", true),
    undo: async (given) => {
      const run =
        given.run ?? (await ask.run(hub, (it) => it.changedFiles > 0, vscode.l10n.t("Which run is to be undone?")))?.id;
      if (run === undefined) return undefined;
      const { step } = given;
      const what = `${hub.store.runs.get(run)?.title ?? run} (${run}${step === undefined ? "" : `, ${step}`})`;
      const undo = vscode.l10n.t("Undo");
      const detail = vscode.l10n.t("Files are put back as they were before. What somebody else changed since stays.");
      const title = vscode.l10n.t("Undo {0}?", what);
      const said = await vscode.window.showWarningMessage(title, { modal: true, detail }, undo);
      if (said !== undo) return undefined;
      const done = await hub.request("undo", { run, step, force: given.force });
      await undone(done.files.length, done.clashes, () => hub.request("undo", { run, step, force: true }));
      return done;
    },
  };

  /** The change at the cursor, or at the line that a lens names. */
  async function change(given: Argument, how: "accept" | "undo", all = false): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    const uri = given.startLine === undefined ? editor?.document.uri : given.uri;
    const line = given.startLine === undefined ? editor?.selection.active.line : given.startLine - 1;
    if (uri === undefined || line === undefined) {
      throw new Refused(vscode.l10n.t("Put the cursor on a change in the diff of a run"), "invalid");
    }
    await changes.settle(uri, how, all ? "all" : line);
  }

  async function undone(
    count: number,
    clashes: { path: string; why: string }[],
    force: () => Promise<unknown>,
  ): Promise<void> {
    const back = counted(count, vscode.l10n.t("1 file put back"), vscode.l10n.t("{0} files put back", count));
    if (clashes.length === 0) {
      void vscode.window.showInformationMessage(`${back}.`);
      return;
    }
    const all = vscode.l10n.t("Put Back Too");
    const left = clashes.map((it) => `${it.path}: ${it.why}`).join("; ");
    const said = await vscode.window.showWarningMessage(vscode.l10n.t("{0}. Left as they are: {1}.", back, left), all);
    if (said === all) await force();
  }
}

/** The lines that are selected in the file, from 1; none where nothing is. */
function selected(given: Argument, uri: vscode.Uri | undefined): { startLine?: number; endLine?: number } {
  const editor = vscode.window.activeTextEditor;
  if (given.startLine !== undefined || editor === undefined || editor.selection.isEmpty) return {};
  if (uri?.toString() !== editor.document.uri.toString()) return {};
  return { startLine: editor.selection.start.line + 1, endLine: editor.selection.end.line + 1 };
}

/** The run of the pause whose page is in front. */
function pageRun(hub: Tools["hub"], given: Argument): string | undefined {
  const name = /\/documents\/(p\d+)\.md$/.exec((given.uri ?? vscode.window.activeTextEditor?.document.uri)?.path ?? "");
  return name?.[1] === undefined ? undefined : hub.store.pauses.get(name[1])?.run;
}
