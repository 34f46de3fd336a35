// The word at the cursor that could be completed. Pure.

/** The word at the cursor that could be completed, with the sign that it began with. */
export function wordAt(text: string, cursor: number): { sign: string; word: string; from: number } | undefined {
  const before = text.slice(0, cursor);
  const run = /^\/run\s+(\S*)$/.exec(before);
  if (run !== null) return { sign: "/run", word: run[1] ?? "", from: cursor - (run[1] ?? "").length };
  const slash = /^\/(\S*)$/.exec(before);
  if (slash !== null) return { sign: "/", word: slash[1] ?? "", from: 0 };
  const sign = /(?:^|[\s(])([@#`])([^\s`]*)$/.exec(before);
  if (sign?.[1] !== undefined) return { sign: sign[1], word: sign[2] ?? "", from: cursor - (sign[2] ?? "").length - 1 };
  const path = /(?:^|[\s(])((?:\.\/)?[\w@.-]+\/[\w@./-]*)$/.exec(before);
  if (path?.[1] !== undefined) {
    return { sign: "`", word: path[1].replace(/^\.\//, ""), from: cursor - path[1].length };
  }
  return undefined;
}
