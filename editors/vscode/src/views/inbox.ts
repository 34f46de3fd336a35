// What waits for a person, oldest first.

import * as vscode from "vscode";
import type { Hub } from "../hub";
import type { PauseView } from "../protocol";
import { ago, pauseKind, plainly, waitingThings } from "../words";
import { Tree, icon, plain, type Node } from "./tree";

interface PauseNode extends Node {
  view: PauseView;
}

const ICONS: Record<string, [string, string?]> = {
  step: ["debug-breakpoint", "charts.yellow"],
  failure: ["error", "charts.red"],
  limit: ["dashboard", "charts.orange"],
  stuck: ["sync-ignored", "charts.orange"],
  permission: ["key", "charts.yellow"],
  question: ["question", "charts.blue"],
  clash: ["git-compare", "charts.orange"],
  conflict: ["git-merge", "charts.red"],
  trust: ["workspace-untrusted", "charts.red"],
};

export class Inbox extends Tree<PauseNode> {
  constructor(hub: Hub) {
    super(hub, "callboard.inbox", ["pause", "run"]);
  }

  protected override badge(): vscode.ViewBadge | undefined {
    const value = this.hub.store.inbox().length;
    return value === 0 ? undefined : { value, tooltip: waitingThings(value) };
  }

  protected children(of: PauseNode | undefined): PauseNode[] {
    if (of !== undefined) return [];
    return this.hub.store.inbox().map((view) => ({ id: view.id, pause: view.id, run: view.run, view }));
  }

  protected item({ view }: PauseNode): vscode.TreeItem {
    const item = new vscode.TreeItem(plainly(view.title));
    const run = view.run === undefined ? "" : ` · ${view.run}`;
    item.description = `${view.id}${run} · ${ago(view.opened, Date.now())}`;
    item.tooltip = plain(
      `${view.id}: ${pauseKind(view)}`,
      view.title,
      vscode.l10n.t("Opens the page that you edit and approve."),
    );
    item.iconPath = icon(...(ICONS[view.kind] ?? ["debug-breakpoint"]));
    item.contextValue = ["pause", ...view.decisions, ...(view.run === undefined ? [] : ["run"])].join(":");
    item.command = { command: "callboard.openPause", title: vscode.l10n.t("Open"), arguments: [{ pause: view.id }] };
    item.accessibilityInformation = { label: `${pauseKind(view)} ${view.id}, ${plainly(view.title)}` };
    return item;
  }
}
