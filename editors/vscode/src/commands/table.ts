// How commands are registered: one table, arguments that may be anything, refusals shown as sentences.

import * as vscode from "vscode";
import type { Changes } from "../changes";
import type { Channel } from "../channel/view";
import { folderOf } from "../elsewhere";
import { message, type Hub } from "../hub";
import type { Remarks } from "../remarks";
import type { RunPicture } from "../run/panel";
import type { Terminals } from "../terminals";
import { sentence } from "../words";

/** What commands work with. */
export interface Tools {
  hub: Hub;
  channel: Channel;
  changes: Changes;
  remarks: Remarks;
  picture: RunPicture;
  terminals: Terminals;
}

/** What a command may be given by a keybinding, a lens, a tree or a link. */
export interface Argument {
  readonly run?: string;
  readonly step?: string;
  readonly pause?: string;
  readonly decision?: string;
  readonly hash?: string;
  readonly text?: string;
  readonly document?: string;
  readonly agent?: string;
  readonly turn?: string;
  readonly message?: string;
  readonly finding?: string;
  readonly reason?: string;
  readonly how?: string;
  readonly path?: string;
  readonly hunk?: string;
  readonly uri?: vscode.Uri;
  /** Of a window with several folders the one that is meant. */
  readonly root?: string;
  readonly startLine?: number;
  readonly endLine?: number;
  readonly workflow?: string;
  readonly inputs?: Record<string, unknown>;
  readonly roles?: Record<string, string>;
  readonly channel?: string;
  readonly thread?: string;
  readonly scope?: string;
  readonly interrupt?: boolean;
  readonly force?: boolean;
}

export type Command = (argument: Argument) => Promise<unknown>;
export type Commands = Record<string, Command>;

/** Reads what a command was called with. A file of the explorer or the editor's title comes as its address. */
export function argument(given: unknown): Argument {
  if (given instanceof vscode.Uri) return { uri: given };
  if (typeof given !== "object" || given === null) return {};
  const { uri, ...rest } = given as Argument & { uri?: unknown };
  if (typeof uri === "string") return { ...rest, uri: vscode.Uri.parse(uri) };
  return uri instanceof vscode.Uri ? { ...rest, uri } : rest;
}

export function register(hub: Hub, commands: Commands): vscode.Disposable {
  const registered = Object.entries(commands).map(([name, does]) =>
    vscode.commands.registerCommand(`callboard.${name}`, async (given: unknown) => {
      try {
        const it = argument(given);
        const other = folderOf(hub, name, it);
        if (other !== undefined) await hub.choose(other);
        return await does(it);
      } catch (error) {
        hub.log.warn(`callboard.${name}: ${message(error)}`);
        void vscode.window.showErrorMessage(sentence(message(error)));
        return undefined;
      }
    }),
  );
  return vscode.Disposable.from(...registered);
}
