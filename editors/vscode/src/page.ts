// The page of a pause point, as the server writes it: a notice above, a place for words below. Pure.

const NOTICE = "<!-- callboard ";
const WORDS = "<!-- callboard: to request changes";

/** The pause that a file of this path is the page of. */
export function pauseOf(path: string, firstLine: string): string | undefined {
  const name = /\/documents\/(p[1-9]\d*)\.md$/.exec(path.replace(/\\/g, "/"))?.[1];
  return name !== undefined && firstLine.startsWith(NOTICE) ? name : undefined;
}

/** What a person wrote below the page's last line. */
export function wordsBelow(text: string): string {
  const at = text.indexOf(WORDS);
  if (at < 0) return "";
  const end = text.indexOf("\n", at);
  return end < 0 ? "" : text.slice(end + 1).trim();
}

export interface Remark {
  path: string;
  line: number;
  text: string;
}

/** Remarks on lines as the text of "request changes", in the order of places. */
export function asWords(remarks: readonly Remark[], more: string): string {
  const sorted = [...remarks].sort((a, b) => a.path.localeCompare(b.path) || a.line - b.line);
  const lines = sorted.map((it) => `- ${it.path}:${it.line}: ${it.text.trim().replace(/\n/g, "\n  ")}`);
  return [more.trim(), lines.join("\n")].filter((it) => it !== "").join("\n\n");
}
