// Runs and their steps: those that go on first.

import * as vscode from "vscode";
import type { Hub } from "../hub";
import type { RunView, StepView } from "../protocol";
import { hasEnded } from "../store";
import {
  changedFiles,
  headline,
  progress,
  roundOf,
  runLine,
  runStatus,
  span,
  steps,
  stepStatus,
  summary,
  turns,
} from "../words";
import { Tree, icon, plain, type Node } from "./tree";

interface RunNode extends Node {
  view?: RunView;
  stepView?: StepView;
  parent?: string;
}

/** How many ended runs are listed; the command line lists all. */
const MOST_ENDED = 50;

export const RUN_ICONS: Record<string, [string, string?]> = {
  running: ["sync~spin", "charts.blue"],
  waiting: ["bell-dot", "charts.yellow"],
  held: ["debug-pause", "charts.yellow"],
  approved: ["pass-filled", "charts.green"],
  done: ["pass", "charts.green"],
  failed: ["error", "charts.red"],
  rejected: ["circle-slash", "charts.red"],
  stopped: ["debug-stop"],
};

const STEP_ICONS: Record<string, [string, string?]> = {
  waiting: ["circle-outline"],
  queued: ["clock"],
  running: ["sync~spin", "charts.blue"],
  backoff: ["history", "charts.orange"],
  paused: ["debug-breakpoint", "charts.yellow"],
  done: ["pass", "charts.green"],
  skipped: ["debug-step-over"],
  failed: ["error", "charts.red"],
};

export class Runs extends Tree<RunNode> {
  constructor(hub: Hub) {
    super(hub, "callboard.runs", ["run"]);
  }

  protected override summary(): string {
    const live = this.hub.store.liveRuns().length;
    return live === 0 ? "" : vscode.l10n.t("{0} going on", live);
  }

  protected children(of: RunNode | undefined): RunNode[] {
    const { store } = this.hub;
    if (of === undefined) {
      const all = store.runsByAge();
      const live = all.filter((it) => !hasEnded(it));
      const ended = all.filter(hasEnded).slice(0, MOST_ENDED);
      return [...live, ...ended].map((view) => ({ id: view.id, run: view.id, view }));
    }
    const run = of.run === undefined ? undefined : store.runs.get(of.run);
    if (run === undefined) return [];
    const from = of.step === undefined ? -1 : run.steps.findIndex((it) => it.id === of.step);
    return below(run, from).map((stepView) => ({
      id: `${run.id}/${stepView.id}`,
      run: run.id,
      step: stepView.id,
      turn: stepView.turn,
      pause: stepView.pause,
      agent: stepView.agent,
      stepView,
    }));
  }

  protected item(node: RunNode): vscode.TreeItem {
    const run = node.run === undefined ? undefined : this.hub.store.runs.get(node.run);
    if (node.stepView !== undefined) return stepItem(run, node.stepView);
    return run === undefined ? new vscode.TreeItem(node.id) : runItem(run);
  }
}

/** The steps right below the one at `index`; the outermost for −1. */
function below(run: RunView, index: number): StepView[] {
  const depth = index < 0 ? 0 : (run.steps[index]?.depth ?? 0) + 1;
  const found: StepView[] = [];
  for (const step of run.steps.slice(index + 1)) {
    if (step.depth < depth) break;
    if (step.depth === depth) found.push(step);
  }
  return found;
}

function runItem(run: RunView): vscode.TreeItem {
  const state = hasEnded(run) ? vscode.TreeItemCollapsibleState.Collapsed : vscode.TreeItemCollapsibleState.Expanded;
  const item = new vscode.TreeItem(run.title, state);
  item.description = `${run.id} · ${runLine(run, Date.now())}`;
  const { done, all } = progress(run);
  item.tooltip = plain(
    vscode.l10n.t("{0}: {1}, started by {2}", run.id, run.workflow, run.by),
    run.why,
    [steps(done, all), turns(run.turns), changedFiles(run.changedFiles)].join(", "),
    Object.entries(run.roles)
      .map(([role, agent]) => `${role}: @${agent}`)
      .join("\n\n"),
  );
  item.iconPath = icon(...(RUN_ICONS[run.status] ?? ["circle-outline"]));
  item.contextValue = `run:${run.status}${run.changedFiles > 0 ? ":changed" : ""}`;
  item.accessibilityInformation = {
    label: vscode.l10n.t("run {0}, {1}, {2}", run.id, run.title, runStatus(run.status)),
  };
  return item;
}

function stepItem(run: RunView | undefined, step: StepView): vscode.TreeItem {
  const at = run?.steps.findIndex((it) => it.id === step.id) ?? -1;
  const parent = at >= 0 && (run?.steps[at + 1]?.depth ?? 0) > step.depth;
  const none = vscode.TreeItemCollapsibleState.None;
  const item = new vscode.TreeItem(step.title, parent ? vscode.TreeItemCollapsibleState.Expanded : none);
  const parts = [
    step.agent === undefined ? "" : `@${step.agent}`,
    step.round > 1 ? roundOf(step.round) : "",
    step.attempt > 1 ? vscode.l10n.t("try {0}", step.attempt) : "",
    step.started !== undefined && step.ended !== undefined ? span(step.ended - step.started) : "",
  ];
  item.description = parts.filter((it) => it !== "").join(" · ");
  item.tooltip = plain(`${step.id}: ${stepStatus(step.status)}`, headline(summary(step), 300));
  item.iconPath = icon(...(STEP_ICONS[step.status] ?? ["circle-outline"]));
  const facts = [step.turn && "turn", step.pause && step.status === "paused" && "pause", step.agent && "agent"];
  item.contextValue = ["step", step.status, ...facts.filter(Boolean)].join(":");
  if (step.pause !== undefined && step.status === "paused") {
    item.command = { command: "callboard.openPause", title: vscode.l10n.t("Open"), arguments: [{ pause: step.pause }] };
  } else if (step.turn !== undefined) {
    item.command = {
      command: "callboard.showSent",
      title: vscode.l10n.t("Show What Was Sent"),
      arguments: [{ turn: step.turn }],
    };
  }
  return item;
}
