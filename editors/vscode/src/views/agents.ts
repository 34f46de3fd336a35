// Agents: what is believed of each, and why.

import * as vscode from "vscode";
import type { Hub } from "../hub";
import type { AgentView } from "../protocol";
import { agentState, ago } from "../words";
import { Tree, icon, plain, type Node } from "./tree";

interface AgentNode extends Node {
  view: AgentView;
}

export const AGENT_ICONS: Record<string, [string, string?]> = {
  starting: ["loading~spin", "charts.blue"],
  idle: ["circle-filled", "charts.green"],
  working: ["sync~spin", "charts.blue"],
  waitingForPermission: ["key", "charts.yellow"],
  waitingForAnswer: ["question", "charts.yellow"],
  rateLimited: ["watch", "charts.orange"],
  outOfBudget: ["credit-card", "charts.red"],
  takenOver: ["person", "charts.purple"],
  crashed: ["error", "charts.red"],
  stopped: ["circle-outline"],
};

export class Agents extends Tree<AgentNode> {
  constructor(hub: Hub) {
    super(hub, "callboard.agents", ["agent"]);
  }

  protected children(of: AgentNode | undefined): AgentNode[] {
    if (of !== undefined) return [];
    const name = (it: AgentView): string => it.info.name;
    return this.hub.store.agentsByName().map((view) => ({
      id: name(view),
      agent: name(view),
      turn: view.turn,
      view,
    }));
  }

  protected item({ id }: AgentNode): vscode.TreeItem {
    const view = this.hub.store.agents.get(id);
    const item = new vscode.TreeItem(`@${id}`);
    if (view === undefined) return item;
    const { info, claim } = view;
    const queued = view.queued > 0 ? ` · ${vscode.l10n.t("{0} queued", view.queued)}` : "";
    item.description = `${agentState(view)}${queued}`;
    item.tooltip = plain(
      info.title,
      info.missing ?? `${agentState(view)}: ${claim.why} (${claim.source}, ${ago(view.since, Date.now())})`,
      vscode.l10n.t("driven by {0}", info.driver),
      info.access === "write" ? vscode.l10n.t("may change files") : vscode.l10n.t("reads only"),
      info.goodFor.length > 0 ? vscode.l10n.t("good for {0}", info.goodFor.join(", ")) : undefined,
    );
    item.iconPath = info.missing
      ? icon("circle-slash", "disabledForeground")
      : icon(...(AGENT_ICONS[claim.state.is] ?? ["circle-outline"]));
    item.contextValue = [
      "agent",
      info.missing ? "missing" : "here",
      ...(view.turn === undefined ? [] : ["turn"]),
      ...(view.taken !== undefined ? ["taken"] : info.takeOver && !info.missing ? ["takeable"] : []),
    ].join(":");
    item.accessibilityInformation = { label: vscode.l10n.t("agent {0}, {1}", info.name, agentState(view)) };
    return item;
  }
}
