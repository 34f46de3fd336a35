// What the picture of a run shows: lanes of agents over time, and steps with what they wait for. Pure: facts in, shapes out.

import type { PauseView, RunTurn, RunView, StepStatus } from "../protocol";
import * as l10n from "@vscode/l10n";
import { changedFiles, plainly, summary, turns as inTurns } from "../words";

export interface Bar {
  /** What a click opens: a turn or a pause. */
  turn?: string;
  pause?: string;
  step: string;
  /** Whose turn; absent for what waits for a person. */
  agent?: string;
  /** Whether that agent may change files. */
  changes: boolean;
  label: string;
  /** `queued` is the wait before it, where there was one to see. */
  kind: "work" | "failed" | "lost" | "going" | "waiting" | "answered";
  queued?: number;
  from: number;
  to: number;
}

export interface Lane {
  name: string;
  bars: Bar[];
}

export interface GraphStep {
  id: string;
  title: string;
  status: StepStatus;
  agent?: string;
  round: number;
  depth: number;
  needs: string[];
  turn?: string;
  pause?: string;
  took?: number;
  /** Whether its result is a change of files, or its agent may have made one. */
  changes: boolean;
  summary: string;
}

/** What can be opened of a bar or a box that was chosen. */
export interface Offer {
  what: "page" | "message" | "terminal" | "sent" | "diff";
  argument: Record<string, string>;
}

export interface Picture {
  id: string;
  title: string;
  status: RunView["status"];
  why: string;
  from: number;
  to: number;
  live: boolean;
  lanes: Lane[];
  steps: GraphStep[];
  facts: string[];
  changed: boolean;
}

/** A step of the plan, as far as the graph needs it. */
interface PlanStep {
  id?: unknown;
  needs?: unknown;
  action?: { steps?: unknown };
}

/** Returns what each step of a plan needs, the steps of loops included. */
export function needsOf(plan: unknown): Map<string, string[]> {
  const needs = new Map<string, string[]>();
  const visit = (steps: unknown): void => {
    if (!Array.isArray(steps)) return;
    for (const step of steps as PlanStep[]) {
      if (typeof step.id !== "string") continue;
      const names = Array.isArray(step.needs) ? step.needs.filter((it): it is string => typeof it === "string") : [];
      needs.set(step.id, names);
      visit(step.action?.steps);
    }
  };
  if (typeof plan === "object" && plan !== null && "steps" in plan) visit(plan.steps);
  return needs;
}

export function picture(
  run: RunView,
  turns: readonly RunTurn[],
  pauses: readonly PauseView[],
  needs: ReadonlyMap<string, string[]>,
  writers: ReadonlySet<string>,
  now: number,
): Picture {
  const to = run.ended ?? Math.max(now, run.started + 1);
  const lanes = new Map<string, Bar[]>();
  const lane = (name: string): Bar[] => {
    const known = lanes.get(name);
    if (known !== undefined) return known;
    const made: Bar[] = [];
    lanes.set(name, made);
    return made;
  };
  const titles = new Map(run.steps.map((it) => [it.id, it.title]));
  for (const turn of turns) {
    const from = turn.started ?? turn.queued;
    const kind =
      turn.outcome === undefined
        ? "going"
        : turn.outcome === "answered"
          ? "work"
          : turn.outcome === "failed"
            ? "failed"
            : "lost";
    lane(`@${turn.agent}`).push({
      turn: turn.id,
      step: turn.step,
      agent: turn.agent,
      changes: writers.has(turn.agent),
      label: titles.get(turn.step) ?? turn.step,
      kind,
      queued: from > turn.queued ? turn.queued : undefined,
      from,
      to: turn.ended ?? to,
    });
  }
  for (const pause of pauses) {
    if (pause.run !== run.id) continue;
    lane(l10n.t("you")).push({
      pause: pause.id,
      step: pause.step ?? "",
      changes: false,
      label: plainly(pause.title),
      kind: pause.answered === undefined ? "waiting" : "answered",
      from: pause.opened,
      to: pause.answered?.at ?? to,
    });
  }
  const facts = [inTurns(run.turns), changedFiles(run.changedFiles)];
  const { tokens, microDollars } = run.usage;
  if (tokens !== undefined) facts.push(l10n.t("{0} tokens", tokens.toLocaleString()));
  if (microDollars !== undefined) facts.push(`$${(microDollars / 1e6).toFixed(2)}`);
  return {
    id: run.id,
    title: run.title,
    status: run.status,
    why: run.why ?? "",
    from: run.started,
    to,
    live: run.ended === undefined,
    lanes: [...lanes].map(([name, bars]) => ({ name, bars: bars.sort((a, b) => a.from - b.from) })),
    steps: run.steps.map((it) => ({
      id: it.id,
      title: it.title,
      status: it.status,
      agent: it.agent,
      round: it.round,
      depth: it.depth,
      needs: needs.get(it.id) ?? [],
      turn: it.turn,
      pause: it.status === "paused" ? it.pause : undefined,
      took: it.started === undefined ? undefined : (it.ended ?? to) - it.started,
      changes: it.result?.kind === "change" || (it.agent !== undefined && writers.has(it.agent)),
      // What it gave in a round before is not what it gave in this one.
      summary: it.status === "skipped" ? "" : summary(it),
    })),
    facts,
    changed: run.changedFiles > 0,
  };
}

/** What a chosen bar or box leads to, the most wanted first: the page of a pause, what was said, the screen, the prompt, the diff. */
export function offers(it: Bar | GraphStep): Offer[] {
  const isBar = "kind" in it;
  const { turn, pause, agent } = it;
  const waits = isBar ? it.kind === "waiting" : pause !== undefined;
  const goesOn = isBar ? it.kind === "going" : it.status === "running";
  const found: Offer[] = [];
  if (pause !== undefined && waits) found.push({ what: "page", argument: { pause } });
  if (goesOn && agent !== undefined) found.push({ what: "terminal", argument: { agent } });
  if (pause !== undefined) found.push({ what: "message", argument: { pause } });
  else if (turn !== undefined && !goesOn) found.push({ what: "message", argument: { turn } });
  if (turn !== undefined) found.push({ what: "sent", argument: { turn } });
  if (it.changes) found.push({ what: "diff", argument: { step: isBar ? it.step : it.id } });
  if (!goesOn && turn !== undefined && agent !== undefined) found.push({ what: "terminal", argument: { agent } });
  return found;
}

/** The columns of the step graph: each step right of all that it needs. Steps of a loop stand below it, in its columns. */
export function columns(steps: readonly GraphStep[]): Map<string, number> {
  const column = new Map<string, number>();
  const byId = new Map(steps.map((it) => [it.id, it]));
  const place = (step: GraphStep, seen: ReadonlySet<string>): number => {
    const known = column.get(step.id);
    if (known !== undefined) return known;
    if (seen.has(step.id)) return 0;
    const with_ = new Set([...seen, step.id]);
    const before = step.needs.map((it) => byId.get(it)).filter((it) => it !== undefined);
    const at = before.reduce((most, it) => Math.max(most, place(it, with_) + 1), 0);
    column.set(step.id, at);
    return at;
  };
  for (const step of steps) place(step, new Set());
  return column;
}
