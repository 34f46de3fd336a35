// What completes in the composer, and what a line that begins with `/` does. The hub says what completes; the editor adds what
// only it has: its own commands, and files by any part of their name.

import * as vscode from "vscode";
import type { Hub } from "../hub";
import type { CompleteItem } from "../protocol";
import { pathBelow } from "../root";
import { byPart, ownCommand, OWN } from "./slash";

const MOST = 50;

export class Completer {
  constructor(private readonly hub: Hub) {}

  async complete(text: string, cursor: number): Promise<CompleteItem[]> {
    const { items } = await this.hub.request("complete", { text, cursor });
    const before = text.slice(0, cursor);
    const slash = /^(\s*)(\/\S*)$/.exec(before);
    if (slash !== null) {
      const [, indent = "", word = ""] = slash;
      const start = indent.length;
      const own = OWN.filter(
        (it) => `/${it.name}`.startsWith(word) && !items.some((one) => one.label === `/${it.name}`),
      );
      return [
        ...items,
        ...own.map((it): CompleteItem => ({
          label: `/${it.name}`,
          kind: "command",
          detail: it.does(),
          insert: `/${it.name} `,
          start,
          end: cursor,
        })),
      ].slice(0, MOST);
    }
    const part = byPart(before);
    if (part === undefined) return items.slice(0, MOST);
    const known = new Set(items.map((it) => it.insert));
    const files = (await this.files(part.word)).filter((it) => !known.has(it));
    return [
      ...items,
      ...files.map((path): CompleteItem => ({
        label: path,
        kind: "path",
        detail: "",
        insert: path,
        start: part.start,
        end: cursor,
      })),
    ].slice(0, MOST);
  }

  /** Does what a line that begins with `/` says: here where a person is asked something, else in the hub. */
  async command(text: string, thread: string | undefined, channel: string, key: string): Promise<void> {
    const own = ownCommand(text);
    if (own === undefined) {
      await this.hub.execute("callboard.post", { text, thread, channel, key });
      return;
    }
    // A question that it asks may stay open for long; the line is done with.
    void vscode.commands.executeCommand(`callboard.${own.command}`, own.argument);
  }

  /** Files of the workspace by any part of their path, as the editor's own search finds them. */
  private async files(word: string): Promise<string[]> {
    const { folder, root } = this.hub;
    const safe = word.replace(/[{}[\]*?!]/g, "");
    if (folder === undefined || root === undefined || safe.length === 0) return [];
    const each = safe.replace(/[a-z]/gi, (it) => `[${it.toLowerCase()}${it.toUpperCase()}]`);
    const pattern = each.includes("/") ? `**/${each}*` : `**/*${each}*`;
    const found = await vscode.workspace.findFiles(new vscode.RelativePattern(folder, pattern), undefined, MOST);
    return found
      .flatMap((it) => pathBelow(root.path, it.path) ?? [])
      .sort((a, b) => a.length - b.length || a.localeCompare(b));
  }
}
