// What is said in a message: something waits for you, a run has ended. Once each, several at a time as one, and only what
// happened while this window was there: what waited before is in the badge and the status bar.

import * as vscode from "vscode";
import type { Hub } from "./hub";
import type { PauseView, RunView } from "./protocol";
import { settings } from "./settings";
import { changedFiles, headline, plainly, runStatus, span, waitingThings } from "./words";

/** How long news is gathered before it is said. */
const GATHER = 300;

export function tellNews(hub: Hub): vscode.Disposable {
  let opened: PauseView[] = [];
  let timer: NodeJS.Timeout | undefined;
  const listening = hub.onChange((change) => {
    const { notify } = settings();
    if (notify === "none") return;
    if (notify === "all") for (const run of change.ended) void ended(run);
    if (change.opened.length === 0) return;
    opened.push(...change.opened);
    timer ??= setTimeout(() => {
      timer = undefined;
      // What was answered while it was gathered needs nobody any more.
      const open = opened.filter((it) => hub.store.pauses.get(it.id)?.answered === undefined);
      opened = [];
      void waiting(open);
    }, GATHER);
  });
  return vscode.Disposable.from(listening, { dispose: () => clearTimeout(timer) });
}

async function waiting(open: PauseView[]): Promise<void> {
  const [only] = open;
  if (only === undefined) return;
  const [show, inbox] = [vscode.l10n.t("Open"), vscode.l10n.t("Show Inbox")];
  if (open.length > 1) {
    const chosen = await vscode.window.showInformationMessage(waitingThings(open.length), inbox);
    if (chosen !== undefined) await vscode.commands.executeCommand("callboard.showInbox");
    return;
  }
  const title = plainly(headline(only.title));
  const text =
    only.run === undefined
      ? vscode.l10n.t("{0} waits for you: {1}", only.id, title)
      : vscode.l10n.t("{0} in {1} waits for you: {2}", only.id, only.run, title);
  const chosen = await vscode.window.showInformationMessage(text, show);
  if (chosen === show) await vscode.commands.executeCommand("callboard.openPause", { pause: only.id });
}

async function ended(run: RunView): Promise<void> {
  const took = span((run.ended ?? run.started) - run.started);
  const how = vscode.l10n.t("{0} ({1}): {2} after {3}", run.title, run.id, runStatus(run.status), took);
  const files = run.changedFiles > 0 ? `, ${changedFiles(run.changedFiles)}` : "";
  const text = `${how}${files}${run.why ? `; ${plainly(headline(run.why))}` : ""}`;
  const [diff, undo, picture] = [vscode.l10n.t("Show Diff"), vscode.l10n.t("Undo Run"), vscode.l10n.t("Show Run")];
  const choices = run.changedFiles > 0 ? [diff, undo] : [picture];
  const chosen =
    run.status === "failed"
      ? await vscode.window.showWarningMessage(text, ...choices)
      : await vscode.window.showInformationMessage(text, ...choices);
  const does = new Map([
    [diff, "callboard.showChanges"],
    [undo, "callboard.undo"],
    [picture, "callboard.showRun"],
  ]);
  const command = chosen === undefined ? undefined : does.get(chosen);
  if (command !== undefined) await vscode.commands.executeCommand(command, { run: run.id });
}
