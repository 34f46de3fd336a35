// Lines that left the top of an agent's screen, put above the terminal that shows it. The hub redraws the screen and never scrolls
// it, so that what left would be nowhere. Pure.

import type { TerminalFrame, TerminalScrollback, TerminalScrollbackParams } from "./protocol";
import { printable } from "./words";

/** How many lines are asked for at once; the hub keeps no more of them. */
const MOST = 1000;

/** Follows what is above one agent's screen: asks for lines only when there are new ones, and gives each of their rows once. */
export class Past {
  private terminal = -1;
  /** How many rows had left when it asked last. */
  private scrolled = 0;
  /** How many lines are above to their ends, except for the last one, which may still grow. */
  private ended = 0;
  /** What of that last one is above; nothing where there is none. */
  private last: string | undefined;

  constructor(
    private readonly agent: string,
    private readonly ask: (params: TerminalScrollbackParams) => Promise<TerminalScrollback>,
  ) {}

  /** Returns the lines that there are before the first frame; none of a terminal whose lines are above already. */
  async begin(): Promise<string[]> {
    const left = await this.ask({ agent: this.agent, count: MOST });
    // Another hub counts its terminals anew, so that one with less behind it is another too.
    if (left.terminal === this.terminal && left.total > this.ended) return [];
    this.turnTo(left.terminal);
    return this.take(left);
  }

  /** Whether lines have left since it asked last. A hub of before the field says nothing of it, and is asked each time. */
  hasMore({ terminal, scrolled }: TerminalFrame): boolean {
    return !(scrolled <= (terminal === this.terminal ? this.scrolled : 0));
  }

  /** Returns the lines that are new with this frame. */
  async after(frame: TerminalFrame): Promise<string[]> {
    const { terminal, scrolled } = frame;
    if (!this.hasMore(frame)) return [];
    if (terminal !== this.terminal) this.turnTo(terminal);
    const left = await this.ask({ agent: this.agent, from: this.ended, count: MOST });
    if (left.terminal !== terminal) return [];
    // With more than it gave at once, the next frame asks again.
    if (left.first + left.lines.length >= left.total) this.scrolled = scrolled;
    return this.take(left);
  }

  private turnTo(terminal: number): void {
    this.terminal = terminal;
    this.scrolled = 0;
    this.ended = 0;
    this.last = undefined;
  }

  private take({ first, lines }: TerminalScrollback): string[] {
    const [begun, ...others] = lines;
    if (begun === undefined) return [];
    const { last } = this;
    const known = last !== undefined && first === this.ended && begun.startsWith(last) ? last : undefined;
    this.ended = first + others.length;
    this.last = others.at(-1) ?? begun;
    if (known === undefined) return lines;
    // A line that wraps leaves row by row: of one that is above in part only the rest is new.
    return begun.length > known.length ? [begun.slice(known.length), ...others] : others;
  }
}

/** What puts these lines above a screen of this size and leaves it empty, to be drawn whole. */
export function above(lines: readonly string[], rows: number, columns: number): string {
  if (lines.length === 0) return "";
  const parts = lines.flatMap((it) => wrapped(printable(it), columns));
  // Without wrapping each part takes one row, so that it is known how far the rest is to be moved.
  const shown = Math.min(parts.length, rows);
  return `\x1b[m\x1b[r\x1b[?7l\x1b[H\x1b[2J${parts.join("\r\n")}\x1b[${rows};1H${"\n".repeat(shown)}\x1b[?7h`;
}

/** The rows that a line takes. */
export function wrapped(line: string, columns: number): string[] {
  const rows: string[] = [];
  let row = "";
  let width = 0;
  for (const it of line) {
    const wide = WIDE.test(it) ? 2 : 1;
    if (width + wide > columns) {
      rows.push(row);
      row = "";
      width = 0;
    }
    row += it;
    width += wide;
  }
  return [...rows, row];
}

/** Characters that take two columns. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
