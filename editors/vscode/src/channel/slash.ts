// Lines that begin with `/` and that the editor takes itself, because it asks or shows something. The hub takes the others. Pure.

import * as l10n from "@vscode/l10n";

export interface Own {
  name: string;
  does: () => string;
}

/** Commands that only an editor has. */
export const OWN: readonly Own[] = [
  { name: "inbox", does: () => l10n.t("shows what waits for you") },
  { name: "changes", does: () => l10n.t("[run]: shows what a run changed") },
  { name: "channel", does: () => l10n.t("makes a channel") },
];

/** What the editor does for a line; `undefined` where the hub does it. */
export function ownCommand(line: string): { command: string; argument: Record<string, string> } | undefined {
  const [, name = "", rest = ""] = /^\s*\/(\S*)\s*([\s\S]*)$/.exec(line) ?? [];
  const word = rest.trim();
  const run: Record<string, string> = /^r[1-9]\d*$/.test(word) ? { run: word } : {};
  switch (name) {
    case "inbox":
      return { command: "showInbox", argument: {} };
    case "changes":
      return { command: "showChanges", argument: run };
    case "channel":
      return { command: "newChannel", argument: {} };
    // These ask before they do it.
    case "undo":
      return { command: "undo", argument: run };
    case "cancel":
      return { command: "cancel", argument: run };
    case "run":
      return word === "" ? { command: "run", argument: {} } : undefined;
    case "review":
      return word === "" ? { command: "review", argument: {} } : undefined;
    default:
      return undefined;
  }
}

/** The part of a file's name that is being written, and where it begins. */
export function byPart(before: string): { word: string; start: number } | undefined {
  const found = /(?:^|[\s([`"'=])([\w@.+-]*[\w./][\w@./+-]*)$/.exec(before);
  const word = found?.[1]?.replace(/^\.\//, "") ?? "";
  const start = before.length - (found?.[1]?.length ?? 0);
  const ticked = before[start - 1] === "`";
  if (word.length < 2 || /^[@#]/.test(word) || !(ticked || /[./]/.test(word))) return undefined;
  return { word, start };
}
