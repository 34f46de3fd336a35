// A window with several folders: each has a hub of its own. The panel shows one of them; what waits for a person in another is
// said, and leads there. What is done to a file of another folder is done there.

import * as vscode from "vscode";
import type { Hub } from "./hub";
import type { Feed } from "./protocol";
import { settings } from "./settings";
import { headline, plainly } from "./words";

/** The folders of this window that can have a hub. */
export function folders(): vscode.WorkspaceFolder[] {
  return (vscode.workspace.workspaceFolders ?? []).filter((it) => it.uri.scheme === "file");
}

/** The folder that the server calls so. */
export function folderNamed(root: string): vscode.WorkspaceFolder | undefined {
  const bare = (it: vscode.Uri): string => it.toString().replace(/\/+$/, "");
  return folders().find((it) => bare(it.uri) === bare(vscode.Uri.parse(root)));
}

/** Commands that are about the file in front where they are not told of another. */
const OF_FILES = new Set(["review", "ask", "fixAll"]);

/** The folder that a command is about, where that is another than the panel shows. */
export function folderOf(
  hub: Hub,
  name: string,
  given: { uri?: vscode.Uri; root?: string; path?: string },
): vscode.WorkspaceFolder | undefined {
  if (folders().length < 2) return undefined;
  const front =
    OF_FILES.has(name) && given.path === undefined ? vscode.window.activeTextEditor?.document.uri : undefined;
  const uri = given.uri ?? front;
  const named = given.root === undefined ? undefined : folderNamed(given.root);
  const found = named ?? (uri === undefined ? undefined : vscode.workspace.getWorkspaceFolder(uri));
  return found === undefined || found.uri.toString() === hub.folder?.uri.toString() ? undefined : found;
}

/** Asks which folder the panel is to show. */
export async function chooseFolder(hub: Hub): Promise<void> {
  const choices = folders().map((folder) => ({
    label: folder.name,
    description: folder.uri.toString() === hub.folder?.uri.toString() ? vscode.l10n.t("shown now") : undefined,
    detail: folder.uri.fsPath,
    iconPath: new vscode.ThemeIcon("folder"),
    folder,
  }));
  const placeHolder = vscode.l10n.t("Whose channel, inbox and runs are to be shown?");
  const chosen = await vscode.window.showQuickPick(choices, { placeHolder });
  if (chosen !== undefined) await hub.choose(chosen.folder);
}

/** Says what waits in folders that are not shown, once each. */
export function tellElsewhere(hub: Hub): vscode.Disposable {
  const told = new Set<string>();
  return hub.onElsewhere(({ root, feed }: { root: string; feed: Feed }) => {
    const folder = folderNamed(root);
    if (folder === undefined || settings().notify === "none") return;
    for (const item of feed.items) {
      if (item.item !== "pause" || item.answered !== undefined) continue;
      const key = `${root} ${item.id}`;
      if (told.has(key)) continue;
      told.add(key);
      const open = vscode.l10n.t("Open");
      const title = plainly(headline(item.title));
      const text = vscode.l10n.t("{0}: {1} waits for you: {2}", folder.name, item.id, title);
      void vscode.window.showInformationMessage(text, open).then(async (said) => {
        if (said !== open) return;
        await hub.choose(folder);
        await vscode.commands.executeCommand("callboard.openPause", { pause: item.id });
      });
    }
  });
}
