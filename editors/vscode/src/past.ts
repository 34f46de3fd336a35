// Lines that left the top of an agent's screen, put above the terminal that shows it. The hub redraws the screen and never scrolls
// it, so that what left would be nowhere. Pure.

import { printable } from "./words";

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
