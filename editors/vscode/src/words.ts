// Words for people: times, states, counts, titles. Pure, so that a test can read them, and in the language of the editor on
// both sides: the extension and its pages give the bundle of that language to `@vscode/l10n` when they begin.

import * as l10n from "@vscode/l10n";
import type { AgentView, Author, PauseView, RunStatus, RunView, Severity, StepStatus, StepView } from "./protocol";

/** How long, in the two largest units that say something. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return l10n.t("{0} s", seconds);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return l10n.t("{0} min {1} s", minutes, seconds % 60);
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return l10n.t("{0} h {1} min", hours, minutes % 60);
  return l10n.t("{0} days", Math.floor(hours / 24));
}

/** How long ago, as a list shows it. */
export function ago(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 60) return l10n.t("now");
  if (seconds < 3600) return l10n.t("{0} min", Math.floor(seconds / 60));
  if (seconds < 86_400) return l10n.t("{0} h", Math.floor(seconds / 3600));
  return l10n.t("{0} d", Math.floor(seconds / 86_400));
}

export function authorName(author: Author): string {
  switch (author.is) {
    case "person":
      return author.name;
    case "agent":
      return `@${author.name}`;
    case "operator":
      return l10n.t("operator");
    case "system":
      return "Callboard";
  }
}

/** What an agent is, by the state that is believed. One that is not known here is said as it is. */
export function stateName(state: string): string {
  const names: Record<string, string> = {
    starting: l10n.t("starting"),
    idle: l10n.t("idle"),
    working: l10n.t("working"),
    waitingForPermission: l10n.t("waiting for permission"),
    waitingForAnswer: l10n.t("waiting for an answer"),
    rateLimited: l10n.t("rate-limited"),
    outOfBudget: l10n.t("out of budget"),
    takenOver: l10n.t("taken over"),
    crashed: l10n.t("crashed"),
    stopped: l10n.t("stopped"),
  };
  return names[state] ?? state;
}

export function agentState(agent: AgentView): string {
  if (agent.info.missing) return l10n.t("not here");
  switch (agent.taken?.stage) {
    case "afterTurn":
      return l10n.t("{0}, then taken over", stateName(agent.claim.state.is));
    case "opening":
      return l10n.t("being taken over");
    case "closing":
      return l10n.t("being handed back");
    case "open":
      return l10n.t("taken over by {0}", agent.taken.by);
    case undefined:
      return stateName(agent.claim.state.is);
  }
}

/** A mark for a state where only text can be shown, such as a terminal's title. */
export function stateMark(agent: AgentView): string {
  if (agent.taken !== undefined) return "✎";
  const marks: Record<string, string> = {
    starting: "◌",
    idle: "○",
    working: "●",
    waitingForPermission: "◆",
    waitingForAnswer: "◆",
    rateLimited: "◷",
    outOfBudget: "✕",
    crashed: "✕",
    stopped: "□",
  };
  return marks[agent.claim.state.is] ?? "";
}

export function runStatus(status: RunStatus): string {
  const names: Record<RunStatus, string> = {
    running: l10n.t("running"),
    waiting: l10n.t("waiting"),
    held: l10n.t("held"),
    approved: l10n.t("approved"),
    done: l10n.t("done"),
    failed: l10n.t("failed"),
    rejected: l10n.t("rejected"),
    stopped: l10n.t("stopped"),
  };
  return names[status];
}

export function stepStatus(status: StepStatus): string {
  const names: Record<StepStatus, string> = {
    waiting: l10n.t("waiting"),
    queued: l10n.t("queued"),
    running: l10n.t("running"),
    backoff: l10n.t("tried again soon"),
    paused: l10n.t("waits for you"),
    done: l10n.t("done"),
    skipped: l10n.t("skipped"),
    failed: l10n.t("failed"),
  };
  return names[status];
}

export function severityName(severity: Severity): string {
  const names: Record<Severity, string> = {
    error: l10n.t("error"),
    warning: l10n.t("warning"),
    info: l10n.t("note"),
    hint: l10n.t("hint"),
  };
  return names[severity];
}

/** What became of a finding. */
export function findingState(state: string): string {
  const names: Record<string, string> = {
    open: l10n.t("open"),
    stale: l10n.t("stale"),
    fixed: l10n.t("fixed"),
    dismissed: l10n.t("dismissed"),
    accepted: l10n.t("accepted"),
  };
  return names[state] ?? state;
}

/** The words on a decision's button. One that is not known here is said as it is. */
export function decisionTitle(decision: string): string {
  const names: Record<string, string> = {
    approve: l10n.t("Approve"),
    edit: l10n.t("Approve with changes"),
    "request-changes": l10n.t("Request changes"),
    reject: l10n.t("Reject"),
    skip: l10n.t("Skip"),
    retry: l10n.t("Retry"),
    stop: l10n.t("Stop the run"),
    allow: l10n.t("Allow"),
    deny: l10n.t("Deny"),
  };
  const known = names[decision];
  if (known !== undefined) return known;
  const words = decision.replace(/-/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** How a pause was answered, and by whom. */
export function answeredBy(decision: string, by: string): string {
  switch (decision) {
    case "approve":
      return l10n.t("approved by {0}", by);
    case "edit":
      return l10n.t("approved with changes by {0}", by);
    case "request-changes":
      return l10n.t("changes requested by {0}", by);
    case "reject":
      return l10n.t("rejected by {0}", by);
    case "skip":
      return l10n.t("skipped by {0}", by);
    case "retry":
      return l10n.t("tried again by {0}", by);
    case "stop":
      return l10n.t("stopped by {0}", by);
    default:
      return l10n.t("{0} by {1}", decision, by);
  }
}

export function pauseKind(pause: PauseView): string {
  const names: Record<string, string> = {
    step: l10n.t("pause point"),
    failure: l10n.t("failure"),
    limit: l10n.t("limit"),
    stuck: l10n.t("stuck"),
    permission: l10n.t("permission"),
    question: l10n.t("question"),
    clash: l10n.t("edit clash"),
    conflict: l10n.t("merge conflict"),
    trust: l10n.t("untrusted change"),
  };
  return names[pause.kind] ?? pause.kind;
}

/** Steps that are over, of all that do something. */
export function progress(run: RunView): { done: number; all: number } {
  const leaves = run.steps.filter((it, at) => (run.steps[at + 1]?.depth ?? 0) <= it.depth);
  const over = leaves.filter((it) => ["done", "skipped", "failed"].includes(it.status));
  return { done: over.length, all: leaves.length };
}

/** The step that a run is at: the first that goes on or waits for somebody. */
export function current(run: RunView): StepView | undefined {
  const leaves = run.steps.filter((it, at) => (run.steps[at + 1]?.depth ?? 0) <= it.depth);
  return (
    leaves.find((it) => it.status === "paused") ??
    leaves.find((it) => it.status === "running") ??
    leaves.find((it) => it.status === "queued" || it.status === "backoff")
  );
}

/** One line on where a run stands. */
export function runLine(run: RunView, now: number): string {
  const parts: string[] = [runStatus(run.status)];
  const step = current(run);
  if (step !== undefined) {
    parts.push(step.title + (step.agent === undefined ? "" : ` @${step.agent}`));
    if (step.round > 1) parts.push(roundOf(step.round));
  }
  parts.push(span((run.ended ?? now) - run.started));
  return parts.join(" · ");
}

export function roundOf(round: number): string {
  return l10n.t("round {0}", round);
}

/** The first line of a text, cut where it is long. */
export function headline(text: string, most = 120): string {
  const line = text.trim().split("\n", 1)[0] ?? "";
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}

/** Words with no marks of code: where nothing draws Markdown they are only in the way. */
export function plainly(text: string): string {
  return text.replace(/`/g, "");
}

/** Words as a sentence: a capital first, a stop last. */
export function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}

/** Of two texts the one for this number. */
export function counted(count: number, one: string, many: string): string {
  return count === 1 ? one : many;
}

export function runs(count: number): string {
  return counted(count, l10n.t("1 run"), l10n.t("{0} runs", count));
}

export function steps(done: number, all: number): string {
  return counted(all, l10n.t("{0} of 1 step", done), l10n.t("{0} of {1} steps", done, all));
}

export function turns(count: number): string {
  return counted(count, l10n.t("1 turn"), l10n.t("{0} turns", count));
}

export function changedFiles(count: number): string {
  return counted(count, l10n.t("1 file changed"), l10n.t("{0} files changed", count));
}

export function waitingThings(count: number): string {
  return counted(count, l10n.t("1 thing waits for you"), l10n.t("{0} things wait for you", count));
}

/** Text without control characters: what an agent says must not steer a terminal. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- Those are what is taken out.
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}

/** One or two sentences of a step's result, or of its failure. */
export function summary(step: StepView): string {
  const { failure, result } = step;
  if (failure !== undefined) return `${failure.class}: ${failure.message}`;
  return result !== undefined && "summary" in result ? result.summary : "";
}
