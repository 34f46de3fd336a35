// Where it begins: the parts are made once, and live as long as the window.

import * as l10n from "@vscode/l10n";
import * as vscode from "vscode";
import { Changes } from "./changes";
import { Channel } from "./channel/view";
import { findingCommands } from "./commands/findings";
import { followPages, pauseCommands } from "./commands/pauses";
import { runCommands } from "./commands/runs";
import { register, type Tools } from "./commands/table";
import { talkCommands } from "./commands/talk";
import { tellElsewhere } from "./elsewhere";
import { Hub } from "./hub";
import { tellNews } from "./notices";
import { Remarks } from "./remarks";
import { RunPicture } from "./run/panel";
import { settings } from "./settings";
import { showStatus } from "./status";
import { provideTasks } from "./tasks";
import { Terminals } from "./terminals";
import { Agents } from "./views/agents";
import { Findings } from "./views/findings";
import { Inbox } from "./views/inbox";
import { Runs } from "./views/runs";

/** What tests of the extension's host look at. */
export interface Api {
  readonly hub: Hub;
  readonly trees: { inbox: Inbox; runs: Runs; findings: Findings; agents: Agents };
}

export function activate(context: vscode.ExtensionContext): Api {
  const began = performance.now();
  // The words that are shared with the pages.
  l10n.config({ contents: vscode.l10n.bundle ?? {} });
  const hub = new Hub(context);
  const terminals = new Terminals(hub);
  const channel = new Channel(hub, context, terminals);
  const changes = new Changes(hub);
  const remarks = new Remarks(hub, changes);
  const picture = new RunPicture(hub, context.extensionUri);
  const tools: Tools = { hub, channel, changes, remarks, picture, terminals };
  const trees = { inbox: new Inbox(hub), runs: new Runs(hub), findings: new Findings(hub), agents: new Agents(hub) };
  const commands = {
    ...talkCommands(tools),
    ...runCommands(tools),
    ...pauseCommands(tools),
    ...findingCommands(tools),
  };
  context.subscriptions.push(
    hub,
    channel,
    changes,
    remarks,
    picture,
    terminals,
    ...Object.values(trees),
    register(hub, commands),
    showStatus(hub),
    tellNews(hub),
    tellElsewhere(hub),
    provideTasks(hub),
    followPages(hub),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void hub.start()),
    vscode.workspace.onDidChangeWorkspaceFolders(() => void hub.restart()),
    vscode.window.onDidChangeWindowState(({ focused }) => {
      if (focused && !hub.trusted) void hub.look().catch(() => undefined);
    }),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("callboard.server")) void hub.restart();
    }),
  );
  if (settings().autoStart) void hub.start();
  hub.log.info(`Activated in ${(performance.now() - began).toFixed(1)} ms.`);
  return { hub, trees };
}
