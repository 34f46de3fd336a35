// What this window knows of the hub: the present form of each thing, kept by revision.
//
// Pure: no editor, no clock. Invariant: of two forms of one thing the one with the higher revision stays, whichever came last.
// Messages are not kept here: a channel may have a hundred thousand, and only the panel that shows some needs them.

import type {
  AgentView,
  ChannelView,
  Feed,
  Finding,
  Item,
  MessageView,
  PauseView,
  RunStatus,
  RunView,
} from "./protocol";

export type Kind = Item["item"];

/** What changed with one feed. */
export interface Change {
  kinds: ReadonlySet<Kind>;
  messages: readonly MessageView[];
  /** Pauses that were not open here before. */
  opened: readonly PauseView[];
  /** Runs that were live here before and have ended. */
  ended: readonly RunView[];
}

const ENDS: readonly RunStatus[] = ["approved", "done", "failed", "rejected", "stopped"];

export function hasEnded(run: RunView): boolean {
  return ENDS.includes(run.status);
}

export class Store {
  /** The revision that this store has; where a subscription resumes. */
  rev = 0;
  /** Whether the first state is in. */
  ready = false;
  readonly channels = new Map<string, ChannelView>();
  readonly runs = new Map<string, RunView>();
  readonly pauses = new Map<string, PauseView>();
  readonly agents = new Map<string, AgentView>();
  readonly findings = new Map<string, Finding>();

  /** Forgets all: the hub is another one, or its journal is. */
  clear(): void {
    this.rev = 0;
    this.ready = false;
    for (const map of [this.channels, this.runs, this.pauses, this.agents, this.findings]) {
      map.clear();
    }
  }

  take(feed: Feed): Change {
    const kinds = new Set<Kind>();
    const messages: MessageView[] = [];
    const opened: PauseView[] = [];
    const ended: RunView[] = [];
    for (const item of feed.items) {
      switch (item.item) {
        case "message":
          messages.push(item);
          kinds.add("message");
          break;
        case "channel":
          if (put(this.channels, item.name, item)) kinds.add("channel");
          break;
        case "run": {
          const before = this.runs.get(item.id);
          if (put(this.runs, item.id, item)) {
            kinds.add("run");
            if (before !== undefined && !hasEnded(before) && hasEnded(item)) ended.push(item);
          }
          break;
        }
        case "pause": {
          const before = this.pauses.get(item.id);
          if (put(this.pauses, item.id, item)) {
            kinds.add("pause");
            if (before === undefined && item.answered === undefined) opened.push(item);
          }
          break;
        }
        case "agent":
          if (put(this.agents, item.info.name, item)) kinds.add("agent");
          break;
        case "finding":
          if (put(this.findings, item.id, item)) kinds.add("finding");
          break;
      }
    }
    this.rev = Math.max(this.rev, feed.rev);
    return { kinds, messages, opened, ended };
  }

  /** What waits for a person, oldest first. */
  inbox(): PauseView[] {
    return [...this.pauses.values()].filter((it) => it.answered === undefined).sort((a, b) => a.opened - b.opened);
  }

  /** Runs, the youngest first; those that go on before those that ended. */
  runsByAge(): RunView[] {
    return [...this.runs.values()].sort(
      (a, b) => Number(hasEnded(a)) - Number(hasEnded(b)) || number(b.id) - number(a.id),
    );
  }

  liveRuns(): RunView[] {
    return [...this.runs.values()].filter((it) => !hasEnded(it));
  }

  agentsByName(): AgentView[] {
    return [...this.agents.values()].sort(
      (a, b) =>
        Number(Boolean(a.info.missing)) - Number(Boolean(b.info.missing)) || a.info.name.localeCompare(b.info.name),
    );
  }

  /** Findings that nobody settled. */
  openFindings(): Finding[] {
    return [...this.findings.values()].filter((it) => !isSettled(it)).sort((a, b) => number(a.id) - number(b.id));
  }
}

export function isSettled(finding: Finding): boolean {
  return ["fixed", "dismissed", "accepted"].includes(finding.state.is);
}

/** The number in an id such as `r12`. */
export function number(id: string): number {
  return Number(id.slice(1));
}

function put<T extends { rev: number }>(map: Map<string, T>, key: string, value: T): boolean {
  const before = map.get(key);
  if (before !== undefined && before.rev >= value.rev) return false;
  map.set(key, value);
  return true;
}
