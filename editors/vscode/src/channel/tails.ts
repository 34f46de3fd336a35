// What agents are writing right now: the end of each terminal whose agent is at work, for the channel's page.
//
// Invariant: one watch an agent. Where its terminal is open as a terminal, that one has the watch, and there is no tail.

import type { Hub } from "../hub";
import type { TerminalFrame } from "../protocol";

/** Lines that are passed on of each. */
const LINES = 8;
/** How many agents are followed at once. */
const MOST = 8;
/** Milliseconds between two looks of a page at one tail. */
const PACE = 150;

export interface Tail {
  agent: string;
  lines: string[];
}

export class Tails {
  private readonly screens = new Map<string, string[]>();
  private readonly due = new Set<string>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly hub: Hub,
    private readonly isOpen: (agent: string) => boolean,
    private readonly tell: (tail: Tail) => void,
  ) {}

  /** Follows those that are at work, and nobody where the page is not seen. */
  look(isSeen: boolean): void {
    const wanted = new Set<string>();
    for (const { info, claim } of isSeen && this.hub.trusted ? this.hub.store.agents.values() : []) {
      const works = claim.state.is === "working" || claim.state.is === "starting";
      if (works && !this.isOpen(info.name) && wanted.size < MOST) wanted.add(info.name);
    }
    for (const agent of [...this.screens.keys()]) {
      if (wanted.has(agent)) continue;
      this.screens.delete(agent);
      // What was shown of it last is no tail any more.
      this.tell({ agent, lines: [] });
      if (!this.isOpen(agent)) this.ask("unwatchTerminal", agent);
    }
    for (const agent of wanted) {
      if (this.screens.has(agent)) continue;
      this.screens.set(agent, []);
      this.ask("watchTerminal", agent);
    }
  }

  /** A new connection watches nothing yet. */
  forget(): void {
    this.screens.clear();
  }

  take(frame: TerminalFrame): void {
    const screen = this.screens.get(frame.agent);
    if (screen === undefined || frame.rows === undefined) return;
    if (frame.full) screen.length = 0;
    for (const { row, runs } of frame.rows) screen[row] = runs.map((it) => it.text).join("");
    this.due.add(frame.agent);
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      for (const agent of this.due) {
        const shown = this.screens.get(agent);
        if (shown !== undefined) this.tell({ agent, lines: tailOf(shown, this.quotes(agent)) });
      }
      this.due.clear();
    }, PACE);
  }

  /** Whether its terminal is a transcript, in which what it was sent is quoted. */
  private quotes(agent: string): boolean {
    const driver = this.hub.store.agents.get(agent)?.info.driver;
    return driver !== undefined && driver !== "terminal" && driver !== "tool";
  }

  dispose(): void {
    clearTimeout(this.timer);
  }

  private ask(how: "watchTerminal" | "unwatchTerminal", agent: string): void {
    this.hub.request(how, { agent }).catch((error: unknown) => this.hub.log.info(String(error)));
  }
}

/** The last lines of a screen that have words; without what the agent was sent, where that is quoted. */
export function tailOf(screen: readonly (string | undefined)[], quotes: boolean): string[] {
  let lines = [...screen].map((it) => (it ?? "").trimEnd());
  const quoted = quotes ? lines.findLastIndex((it) => it.startsWith(">")) : -1;
  // The last line of a quote may go on in the next rows, up to an empty one.
  if (quoted >= 0) {
    const end = lines.indexOf("", quoted);
    lines = end < 0 ? [] : lines.slice(end);
  }
  while (lines.at(-1) === "") lines.pop();
  while (lines[0] === "") lines.shift();
  return lines.slice(-LINES);
}
