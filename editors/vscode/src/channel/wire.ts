// What the channel's page and the extension say to each other. Pure; both sides build on it.
//
// Invariant: the extension takes nothing from the page that `fromView` does not know, and the page can name only the commands
// below. What agents write is data on both sides.

import type {
  AgentView,
  ChannelView,
  CompleteItem,
  Finding,
  MessageView,
  PauseView,
  RunView,
  StepStatus,
} from "../protocol";
import { answeredBy } from "../words";

/** What the page may have done, besides reading and posting. */
export const ALLOWED = [
  "openPause",
  "approve",
  "decide",
  "requestChanges",
  "reject",
  "openFinding",
  "fixFinding",
  "dismissFinding",
  "acceptFinding",
  "showRun",
  "showChanges",
  "undo",
  "pause",
  "resume",
  "cancel",
  "showSent",
  "openTerminal",
  "takeOver",
  "handBack",
  "run",
  "review",
  "trust",
  "newChannel",
  "showInbox",
] as const;
export type Allowed = (typeof ALLOWED)[number];

export interface StepCard {
  id: string;
  title: string;
  depth: number;
  status: StepStatus;
  round: number;
  agent?: string;
}

/** What a run's card shows. */
export interface RunCard {
  id: string;
  title: string;
  status: RunView["status"];
  why: string;
  started: number;
  ended?: number;
  changedFiles: number;
  steps: StepCard[];
  rev: number;
}

export interface PauseCard {
  id: string;
  kind: string;
  title: string;
  document: string;
  hash: string;
  decisions: string[];
  /** For how long a permission may be given. */
  scopes: string[];
  /** What a question offers to choose from. */
  choices: string[];
  /** Which files that steer programs its run has changed; empty where there are none. */
  steering: string;
  answered?: string;
  /** When it was. */
  answeredAt?: number;
  rev: number;
}

export interface AgentCard {
  name: string;
  title: string;
  state: string;
  since: number;
  missing: boolean;
  rev: number;
}

export interface FindingCard {
  id: string;
  severity: Finding["severity"];
  text: string;
  path?: string;
  line?: number;
  state: string;
  sources: string[];
  run?: string;
  rev: number;
}

export interface Facts {
  runs?: RunCard[];
  pauses?: PauseCard[];
  agents?: AgentCard[];
  findings?: FindingCard[];
  channels?: ChannelView[];
}

/** What a message is about that is to be shown. */
export interface Sought {
  turn?: string;
  pause?: string;
}

export type ToView =
  | { is: "off"; why: string; action?: { label: string; command: Allowed } }
  | {
      is: "setup";
      channel: string;
      thread?: string;
      messages: MessageView[];
      older: boolean;
      total: number;
      seen: number;
      facts: Facts;
    }
  | { is: "older"; messages: MessageView[]; older: boolean; facts: Facts }
  | { is: "live"; messages: MessageView[]; facts: Facts }
  | { is: "completions"; ask: number; items: CompleteItem[] }
  /** What an agent that is at work is writing. */
  | { is: "tail"; agent: string; lines: string[] }
  | { is: "insert"; text: string }
  | { is: "search" }
  | { is: "focus" }
  | { is: "show"; about: Sought }
  | { is: "posted"; key: string }
  | { is: "refused"; key: string; why: string };

export type FromView =
  | { is: "ready"; channel?: string; thread?: string }
  | { is: "painted"; ms: number }
  | { is: "focus"; on: boolean }
  | { is: "post"; text: string; thread?: string; key: string }
  | { is: "older"; before: string }
  | { is: "channel"; name: string; thread?: string }
  | { is: "complete"; ask: number; text: string; cursor: number }
  | { is: "seen"; number: number }
  | { is: "keep"; state: string }
  | { is: "withdraw"; message: string; agent: string }
  | { is: "file"; path: string; line: number }
  | { is: "link"; url: string }
  | { is: "violation"; what: string }
  | { is: "do"; command: Allowed; argument: Record<string, string> };

const MOST = 256 * 1024;

/** Reads a message of the page; `undefined` for whatever it must not say. */
export function fromView(given: unknown): FromView | undefined {
  if (typeof given !== "object" || given === null) return undefined;
  const it = given as Record<string, unknown>;
  const text = (name: string): string | undefined => {
    const value = it[name];
    return typeof value === "string" && value.length <= MOST ? value : undefined;
  };
  const count = (name: string): number | undefined => {
    const value = it[name];
    return typeof value === "number" && Number.isFinite(value) ? value : undefined;
  };
  switch (it.is) {
    case "ready":
      return { is: "ready", channel: text("channel"), thread: text("thread") };
    case "painted": {
      const ms = count("ms");
      return ms === undefined ? undefined : { is: "painted", ms };
    }
    case "focus":
      return typeof it.on === "boolean" ? { is: "focus", on: it.on } : undefined;
    case "post": {
      const [words, key] = [text("text"), text("key")];
      if (words === undefined || key === undefined) return undefined;
      return { is: "post", text: words, key, thread: text("thread") };
    }
    case "older": {
      const before = text("before");
      return before === undefined ? undefined : { is: "older", before };
    }
    case "channel": {
      const name = text("name");
      return name === undefined ? undefined : { is: "channel", name, thread: text("thread") };
    }
    case "complete": {
      const [ask, words, cursor] = [count("ask"), text("text"), count("cursor")];
      if (ask === undefined || words === undefined || cursor === undefined) return undefined;
      return { is: "complete", ask, text: words, cursor };
    }
    case "seen": {
      const number = count("number");
      return number === undefined ? undefined : { is: "seen", number };
    }
    case "keep": {
      const state = text("state");
      return state === undefined ? undefined : { is: "keep", state };
    }
    case "withdraw": {
      const [message, agent] = [text("message"), text("agent")];
      return message === undefined || agent === undefined ? undefined : { is: "withdraw", message, agent };
    }
    case "file": {
      const [path, line] = [text("path"), count("line")];
      return path === undefined || line === undefined ? undefined : { is: "file", path, line };
    }
    case "link": {
      const url = text("url");
      return url !== undefined && /^https?:\/\//i.test(url) ? { is: "link", url } : undefined;
    }
    case "violation": {
      const what = text("what");
      return what === undefined ? undefined : { is: "violation", what };
    }
    case "do": {
      const command = ALLOWED.find((name) => name === it.command);
      const argument = strings(it.argument);
      return command === undefined || argument === undefined ? undefined : { is: "do", command, argument };
    }
    default:
      return undefined;
  }
}

function strings(given: unknown): Record<string, string> | undefined {
  if (given === undefined) return {};
  if (typeof given !== "object" || given === null) return undefined;
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  if (entries.some(([, value]) => typeof value !== "string" || value.length > MOST)) return undefined;
  return Object.fromEntries(entries);
}

export function runCard(run: RunView): RunCard {
  const { id, title, status, why, started, ended, changedFiles, rev } = run;
  const steps = run.steps.map((it) => ({
    id: it.id,
    title: it.title,
    depth: it.depth,
    status: it.status,
    round: it.round,
    agent: it.agent,
  }));
  return { id, title, status, why: why ?? "", started, ended, changedFiles, steps, rev };
}

export function pauseCard(pause: PauseView): PauseCard {
  const { id, kind, title, document, hash, decisions, steering = "", rev, answered, ask } = pause;
  const by = answered === undefined ? undefined : answeredBy(answered.decision.decision, answered.by);
  const { scopes = [], choices = [] } = ask ?? {};
  return {
    id,
    kind,
    title,
    document,
    hash,
    decisions,
    scopes,
    choices,
    steering,
    rev,
    answered: by,
    answeredAt: answered?.at,
  };
}

export function agentCard(agent: AgentView): AgentCard {
  const { info, claim, since, rev } = agent;
  return {
    name: info.name,
    title: info.title,
    state: claim.state.is,
    since,
    missing: Boolean(info.missing),
    rev,
  };
}

export function findingCard(finding: Finding): FindingCard {
  const { id, severity, text, place, state, sources, run, rev } = finding;
  return { id, severity, text, path: place?.path, line: place?.line, state: state.is, sources, run, rev };
}
