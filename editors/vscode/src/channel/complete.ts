// What completes in the composer: agents, channels, commands, files; and what a line that begins with `/` does.

import * as vscode from "vscode";
import { Refused, type Hub } from "../hub";
import { agentState } from "../words";
import type { Completion } from "./wire";

const MOST = 50;

interface Slash {
  name: string;
  takes: string;
  does: string;
  command: string;
  argument: (rest: string) => object;
}

const SLASHES: Slash[] = [
  {
    name: "run",
    takes: "WORKFLOW [PATH]",
    does: "runs a workflow",
    command: "run",
    argument: (rest) => {
      const [workflow, path] = rest.split(/\s+/);
      return { workflow: workflow === "" ? undefined : workflow, inputs: path === undefined ? undefined : { path } };
    },
  },
  {
    name: "review",
    takes: "[PATH]",
    does: "reviews a file",
    command: "review",
    argument: (rest) => ({ path: rest === "" ? undefined : rest }),
  },
  { name: "inbox", takes: "", does: "shows what waits for you", command: "showInbox", argument: () => ({}) },
  { name: "pause", takes: "[RUN]", does: "pauses now", command: "pause", argument: run },
  { name: "resume", takes: "[RUN]", does: "lets it go on", command: "resume", argument: run },
  { name: "changes", takes: "[RUN]", does: "shows what a run changed", command: "showChanges", argument: run },
  { name: "undo", takes: "[RUN]", does: "undoes a run", command: "undo", argument: run },
  { name: "channel", takes: "", does: "makes a channel", command: "newChannel", argument: () => ({}) },
];

function run(rest: string): object {
  return rest === "" ? {} : { run: rest };
}

export class Completer {
  constructor(private readonly hub: Hub) {}

  async complete(sign: string, word: string): Promise<Completion[]> {
    const { store } = this.hub;
    const wanted = word.toLowerCase();
    const fits = (text: string): boolean => text.toLowerCase().startsWith(wanted);
    switch (sign) {
      case "@": {
        const agents = store
          .agentsByName()
          .filter((it) => fits(it.info.name))
          .map((it) => ({ label: `@${it.info.name}`, detail: agentState(it), insert: `@${it.info.name} ` }));
        const many = [
          { label: "@all", detail: "all agents", insert: "@all " },
          { label: "@others", detail: "all agents but the one that writes", insert: "@others " },
        ];
        return [...agents, ...many.filter((it) => fits(it.label.slice(1)))].slice(0, MOST);
      }
      case "#":
        return [...store.channels.values()]
          .filter((it) => fits(it.name))
          .map((it) => ({ label: `#${it.name}`, detail: `${it.messages} messages`, insert: `#${it.name} ` }))
          .slice(0, MOST);
      case "/": {
        const known = SLASHES.filter((it) => fits(it.name)).map((it) => ({
          label: `/${it.name} ${it.takes}`.trim(),
          detail: it.does,
          insert: `/${it.name} `,
        }));
        return known;
      }
      case "/run": {
        const all = await this.hub.request("workflows", {});
        return all
          .filter((it) => !it.broken && fits(it.name))
          .map((it) => ({ label: it.name, detail: it.title, insert: `${it.name} ` }))
          .slice(0, MOST);
      }
      case "`":
        return this.files(word);
      default:
        return [];
    }
  }

  /** Does what a line that begins with `/` says. */
  async command(line: string): Promise<void> {
    const [, name = "", rest = ""] = /^\/(\S*)\s*([\s\S]*)$/.exec(line) ?? [];
    const slash = SLASHES.find((it) => it.name === name);
    if (slash === undefined) {
      const names = SLASHES.map((it) => `/${it.name}`).join(", ");
      throw new Refused(
        `There is no command /${name}; there are ${names}. To post it, begin with a space`,
        "not_found",
      );
    }
    // A question that it asks may stay open for long; the line is done with.
    void vscode.commands.executeCommand(`callboard.${slash.command}`, slash.argument(rest.trim()));
    await Promise.resolve();
  }

  private async files(word: string): Promise<Completion[]> {
    const folder = this.hub.folder;
    if (folder === undefined || word.length === 0) return [];
    const safe = word.replace(/[{}[\]*?!]/g, "");
    const each = safe.replace(/[a-z]/gi, (it) => `[${it.toLowerCase()}${it.toUpperCase()}]`);
    const slash = each.lastIndexOf("/");
    const pattern = slash < 0 ? `**/*${each}*` : `**/${each}*`;
    const found = await vscode.workspace.findFiles(new vscode.RelativePattern(folder, pattern), undefined, MOST);
    const base = folder.uri.path.replace(/\/?$/, "/");
    return found
      .map((it) => it.path.slice(base.length))
      .sort((a, b) => a.length - b.length || a.localeCompare(b))
      .map((path) => ({ label: path, detail: "", insert: `\`${path}\` ` }));
  }
}
