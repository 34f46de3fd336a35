// When something completes in a message, and which of the items that are here still fit what was typed since. Pure.

import type { CompleteItem } from "../src/protocol";

/** Whether what stands before the cursor is worth asking for: a name, a command, a file. */
export function completes(text: string, cursor: number): boolean {
  const before = text.slice(0, cursor);
  if (/^\s*\/[^\n]*$/.test(before)) return true;
  const word = /(?:^|[\s([])([^\s([]*)$/.exec(before)?.[1] ?? "";
  return /^[@#`]/.test(word) || (/[./]/.test(word) && /\w/.test(word) && !word.includes("://"));
}

/** What was offered when the cursor stood at `asked`, as far as it fits the text with the cursor where it is now. */
export function stillFits(
  items: readonly CompleteItem[],
  asked: number,
  text: string,
  cursor: number,
): { item: CompleteItem; start: number; end: number }[] {
  return items.flatMap((item) => {
    const [start, end] = [item.start, Math.max(item.end + cursor - asked, cursor)];
    const written = text.slice(start, cursor).toLowerCase();
    const fits = item.kind === "path" ? item.insert.toLowerCase().includes(written) : starts(item, written);
    return start <= cursor && !/\s/.test(written) && fits ? [{ item, start, end }] : [];
  });
}

function starts(item: CompleteItem, written: string): boolean {
  return item.insert.toLowerCase().startsWith(written) || item.label.toLowerCase().startsWith(written);
}
