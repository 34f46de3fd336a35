// What the page knows besides messages: the newest form of each run, pause, agent and finding.

import type { AgentCard, Facts, FindingCard, PauseCard, RunCard } from "../src/channel/wire";
import type { ChannelView } from "../src/protocol";

export class Known {
  readonly runs = new Map<string, RunCard>();
  readonly pauses = new Map<string, PauseCard>();
  readonly agents = new Map<string, AgentCard>();
  readonly findings = new Map<string, FindingCard>();
  readonly channels = new Map<string, ChannelView>();

  /** Takes what came, and returns the names of what is another now. */
  take(facts: Facts): Set<string> {
    const changed = new Set<string>();
    const put = <T extends { rev: number }>(map: Map<string, T>, key: string, value: T): void => {
      const before = map.get(key);
      if (before !== undefined && before.rev >= value.rev) return;
      map.set(key, value);
      changed.add(key);
    };
    for (const it of facts.runs ?? []) put(this.runs, it.id, it);
    for (const it of facts.pauses ?? []) put(this.pauses, it.id, it);
    for (const it of facts.agents ?? []) put(this.agents, it.name, it);
    for (const it of facts.channels ?? []) put(this.channels, it.name, it);
    for (const it of facts.findings ?? []) {
      const size = changed.size;
      put(this.findings, it.id, it);
      if (changed.size > size && it.run !== undefined) changed.add(it.run);
    }
    return changed;
  }

  /** Findings that an agent reported in a run, the open ones first. */
  findingsOf(run: string, agent: string): FindingCard[] {
    const closed = (it: FindingCard): number => Number(it.state !== "open" && it.state !== "stale");
    return [...this.findings.values()]
      .filter((it) => it.run === run && it.sources.includes(agent))
      .sort((a, b) => closed(a) - closed(b) || Number(a.id.slice(1)) - Number(b.id.slice(1)));
  }
}
