// Both sides of a file from a unified diff that has the whole file around its changes. Pure.

export interface Sides {
  before: string;
  after: string;
}

/** Returns both sides; `undefined` where the text holds no hunk (a binary file, a mode, or a text that was too long). */
export function sides(text: string): Sides | undefined {
  const start = text.search(/^@@ /m);
  if (start < 0) return undefined;
  const before: string[] = [];
  const after: string[] = [];
  let last: string[][] = [];
  const lines = text.slice(start).split("\n");
  // The text ends with a line break, so the last part is empty and no line of the diff.
  if (lines.at(-1) === "") lines.pop();
  for (const line of lines) {
    const rest = line.slice(1);
    switch (line[0]) {
      case "@":
        break;
      case "-":
        before.push(rest + "\n");
        last = [before];
        break;
      case "+":
        after.push(rest + "\n");
        last = [after];
        break;
      case "\\":
        // "No newline at end of file" speaks of the line above.
        for (const side of last) side.push((side.pop() ?? "").slice(0, -1));
        break;
      default:
        before.push(rest + "\n");
        after.push(rest + "\n");
        last = [before, after];
    }
  }
  return { before: before.join(""), after: after.join("") };
}

/** How many lines a diff adds and takes away. */
export function counts(text: string): { added: number; removed: number } {
  const start = text.search(/^@@ /m);
  let added = 0;
  let removed = 0;
  if (start >= 0) {
    for (const line of text.slice(start).split("\n")) {
      if (line.startsWith("+")) added += 1;
      else if (line.startsWith("-")) removed += 1;
    }
  }
  return { added, removed };
}
