// The status item: how the server is, how much goes on, how much waits; and the contexts that `when` clauses read.

import * as vscode from "vscode";
import type { Hub, Phase } from "./hub";
import { current, runs, runStatus, waitingThings } from "./words";

export function showStatus(hub: Hub): vscode.Disposable {
  const item = vscode.window.createStatusBarItem("callboard.status", vscode.StatusBarAlignment.Left, 5);
  item.name = "Callboard";
  const contexts = new Map<string, unknown>();
  const set = (name: string, value: unknown): void => {
    if (contexts.get(name) === value) return;
    contexts.set(name, value);
    void vscode.commands.executeCommand("setContext", `callboard.${name}`, value);
  };

  const show = (): void => {
    const { phase, store } = hub;
    const live = store.liveRuns();
    const waiting = store.inbox().length;
    const running = phase.is === "running";
    set("connected", running);
    set("trusted", hub.trusted);
    set("ready", running && hub.trusted);
    set("missing", phase.is === "missing");
    set("running", running && live.some((it) => it.status !== "held"));
    set("held", running && live.some((it) => it.status === "held"));
    set("waiting", waiting);

    item.backgroundColor = undefined;
    switch (phase.is) {
      case "off":
        item.text = "$(callboard-mark) Callboard";
        item.command = phase.why === "restricted" ? "workbench.trust.manage" : "callboard.restart";
        item.tooltip = vscode.l10n.t("Callboard is off: {0}", hub.whyNot());
        if (phase.why === "noFolder") {
          item.hide();
          return;
        }
        break;
      case "missing":
      case "lost":
        item.text = "$(warning) Callboard";
        item.command = phase.is === "missing" ? "callboard.restart" : "callboard.showLog";
        item.tooltip = phase.why;
        item.backgroundColor = new vscode.ThemeColor("statusBarItem.warningBackground");
        break;
      case "starting":
        item.text = "$(loading~spin) Callboard";
        item.command = "callboard.showLog";
        item.tooltip = vscode.l10n.t("The language server is starting");
        break;
      case "running":
        if (!phase.trusted) {
          item.text = "$(shield) Callboard";
          item.command = "callboard.trust";
          item.tooltip = vscode.l10n.t("Trust this workspace to start agents in it");
          break;
        }
        item.text =
          waiting > 0 ? `$(bell-dot) ${waiting}` : live.length > 0 ? `$(sync~spin) ${live.length}` : "$(megaphone)";
        if (waiting > 0 && live.length > 0) item.text += `  $(sync) ${live.length}`;
        item.text += hub.folderName === undefined ? " Callboard" : ` Callboard: ${hub.folderName}`;
        item.command = waiting > 0 ? "callboard.showInbox" : "callboard.openChannel";
        item.tooltip = tooltip(hub, waiting);
        if (waiting > 0) item.backgroundColor = new vscode.ThemeColor("statusBarItem.warningBackground");
        break;
    }
    item.text = item.text.replace("$(callboard-mark)", "$(megaphone)");
    item.accessibilityInformation = {
      label: `Callboard: ${spoken(phase)}, ${runs(live.length)}, ${waitingThings(waiting)}`,
    };
    item.show();
  };

  show();
  return vscode.Disposable.from(item, hub.onPhase(show), hub.onBegin(show), hub.onChange(show));
}

function spoken(phase: Phase): string {
  switch (phase.is) {
    case "off":
      return vscode.l10n.t("off");
    case "missing":
      return vscode.l10n.t("its program is not here");
    case "starting":
      return vscode.l10n.t("starting");
    case "running":
      return phase.trusted ? vscode.l10n.t("running") : vscode.l10n.t("not trusted yet");
    case "lost":
      return vscode.l10n.t("not connected");
  }
}

function tooltip(hub: Hub, waiting: number): vscode.MarkdownString {
  const text = new vscode.MarkdownString();
  text.appendText(`${runs(hub.store.liveRuns().length)} · ${waitingThings(waiting)}\n`);
  for (const run of hub.store.liveRuns().slice(0, 8)) {
    const step = current(run);
    text.appendText(
      `\n${run.id} ${run.title}: ${runStatus(run.status)}${step === undefined ? "" : ` · ${step.title}`}\n`,
    );
  }
  for (const pause of hub.store.inbox().slice(0, 8)) text.appendText(`\n${pause.id} ${pause.title}\n`);
  text.appendText(`\n${hub.program}`);
  return text;
}
