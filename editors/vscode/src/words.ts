// Words for people: times, states, counts, titles. Pure, so that a test can read them.

import type { AgentView, Author, Finding, PauseView, RunView, StepView } from "./protocol";

/** How long, in the two largest units that say something. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} days`;
}

/** How long ago, as a list shows it. */
export function ago(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 60) return "now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

export function authorName(author: Author): string {
  switch (author.is) {
    case "person":
      return author.name;
    case "agent":
      return `@${author.name}`;
    case "operator":
      return "operator";
    case "system":
      return "Callboard";
  }
}

const STATES: Record<string, string> = {
  starting: "starting",
  idle: "idle",
  working: "working",
  waitingForPermission: "waiting for permission",
  waitingForAnswer: "waiting for an answer",
  rateLimited: "rate-limited",
  outOfBudget: "out of budget",
  crashed: "crashed",
  stopped: "stopped",
};

export function agentState(agent: AgentView): string {
  if (agent.info.missing) return "not here";
  const state = agent.claim.state.is;
  return STATES[state] ?? state;
}

const DECISIONS: Record<string, string> = {
  approve: "Approve",
  edit: "Approve with changes",
  "request-changes": "Request changes",
  reject: "Reject",
  skip: "Skip",
  retry: "Retry",
  stop: "Stop the run",
  allow: "Allow",
  deny: "Deny",
};

/** The words on a decision's button. One that is not known here is said as it is. */
export function decisionTitle(decision: string): string {
  const known = DECISIONS[decision];
  if (known !== undefined) return known;
  const words = decision.replace(/-/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const KINDS: Record<string, string> = {
  step: "pause point",
  failure: "failure",
  limit: "limit",
  stuck: "stuck",
  permission: "permission",
  question: "question",
  clash: "edit clash",
  conflict: "merge conflict",
};

export function pauseKind(pause: PauseView): string {
  return KINDS[pause.kind] ?? pause.kind;
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
  const parts: string[] = [run.status];
  const step = current(run);
  if (step !== undefined) {
    parts.push(step.title + (step.agent === undefined ? "" : ` @${step.agent}`));
    if (step.round > 1) parts.push(`round ${step.round}`);
  }
  parts.push(span((run.ended ?? now) - run.started));
  return parts.join(" · ");
}

export function findingPlace(finding: Finding): string {
  return finding.place === undefined ? "the whole" : `${finding.place.path}:${finding.place.line}`;
}

/** The first line of a text, cut where it is long. */
export function headline(text: string, most = 120): string {
  const line = text.trim().split("\n", 1)[0] ?? "";
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
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
