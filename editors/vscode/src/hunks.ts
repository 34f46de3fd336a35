// The changed places of a file, and what taking one in or back makes of a side. Pure.

import { diffArrays } from "diff";

/** Lines from 0, the end not included. */
export interface Lines {
  from: number;
  to: number;
}

export interface Hunk {
  before: Lines;
  after: Lines;
}

export function hunks(before: string, after: string): Hunk[] {
  const found: Hunk[] = [];
  let [left, right] = [0, 0];
  let open: Hunk | undefined;
  for (const part of diffArrays(linesOf(before), linesOf(after))) {
    const count = part.value.length;
    if (!part.added && !part.removed) {
      left += count;
      right += count;
      open = undefined;
      continue;
    }
    if (open === undefined) {
      open = { before: { from: left, to: left }, after: { from: right, to: right } };
      found.push(open);
    }
    if (part.removed) open.before.to = left += count;
    else open.after.to = right += count;
  }
  return found;
}

/** The change at a line of the right side; lines that are only gone are at the lines beside their place. */
export function hunkAt(all: readonly Hunk[], line: number): Hunk | undefined {
  return (
    all.find(({ after }) => after.from <= line && line < after.to) ??
    all.find(({ after }) => after.from === after.to && (line === after.from || line === after.from - 1))
  );
}

/** The left side with this change in it: it is no change any more. */
export function accepted(before: string, after: string, { before: at, after: to }: Hunk): string {
  const lines = linesOf(before);
  lines.splice(at.from, at.to - at.from, ...linesOf(after).slice(to.from, to.to));
  return lines.join("");
}

/** What stands in place of the change's lines when it is taken back. */
export function original(before: string, { before: at }: Hunk): string {
  return linesOf(before).slice(at.from, at.to).join("");
}

function linesOf(text: string): string[] {
  return text === "" ? [] : text.split(/(?<=\n)/);
}
