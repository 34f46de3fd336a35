// What a run changed, in the editor's own diff views: both sides come from the hub, and where the file is still as the run left
// it the right side is the file itself, so that a hunk can be taken back right there.

import * as vscode from "vscode";
import type { Hub } from "./hub";
import { sides } from "./patch";
import type { FileDiff } from "./protocol";

export const SCHEME = "callboard-diff";

/** How many sides are kept for editors that are opened again. */
const MOST_KEPT = 2000;

export class Changes implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly texts = new Map<string, string>();
  /** Files of this workspace that are shown as the right side of a diff. */
  readonly shown = new Set<string>();
  private readonly registered = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);

  constructor(private readonly hub: Hub) {}

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.toString()) ?? "";
  }

  dispose(): void {
    this.registered.dispose();
  }

  /** Opens the diff of a run, or of a step of it. */
  async show(run: string, step?: string): Promise<void> {
    const { files, notes, rev } = await this.hub.request("diff", { run, step, whole: true });
    const known = this.hub.store.runs.get(run);
    const title = `${known?.title ?? run} (${run}${step === undefined ? "" : `, ${step}`})`;
    for (const note of notes ?? []) this.hub.log.info(`${run}: ${note}`);
    if (files.length === 0) {
      const why = notes?.[0] ?? vscode.l10n.t("its agents changed no file");
      void vscode.window.showInformationMessage(`${title}: ${why}.`);
      return;
    }
    const last = new Map(files.map((file, index) => [file.path, index]));
    const triples: [vscode.Uri, vscode.Uri, vscode.Uri][] = [];
    for (const [index, file] of files.entries()) {
      triples.push(await this.triple(file, `${run}/${rev}/${step ?? "all"}/${index}`, last.get(file.path) === index));
    }
    const only = triples[0];
    if (triples.length === 1 && only !== undefined) {
      const name = files[0]?.path ?? "";
      await vscode.commands.executeCommand("vscode.diff", only[1], only[2], `${name} — ${title}`, { preview: false });
    } else {
      await vscode.commands.executeCommand("vscode.changes", title, triples);
    }
  }

  private async triple(file: FileDiff, key: string, latest: boolean): Promise<[vscode.Uri, vscode.Uri, vscode.Uri]> {
    const root = this.hub.folder?.uri ?? vscode.Uri.file("/");
    const resource = vscode.Uri.joinPath(root, file.path);
    const both = sides(file.text) ?? { before: note(file, "before"), after: note(file, "after") };
    const old = file.from === undefined ? resource : vscode.Uri.joinPath(root, file.from);
    const before = this.keep(old.path, `${key}/before`, both.before);
    let after = this.keep(resource.path, `${key}/after`, both.after);
    if (latest && file.kind !== "deleted" && !file.binary && (await textOf(resource)) === both.after) {
      after = resource;
      this.shown.add(resource.toString());
    }
    return [resource, before, after];
  }

  /** Both sides have the file's own path, so that the editor sees one file that changed and not another name. */
  private keep(path: string, query: string, text: string): vscode.Uri {
    const uri = vscode.Uri.from({ scheme: SCHEME, path, query });
    this.texts.delete(uri.toString());
    this.texts.set(uri.toString(), text);
    for (const key of this.texts.keys()) {
      if (this.texts.size <= MOST_KEPT) break;
      this.texts.delete(key);
    }
    return uri;
  }
}

function note(file: FileDiff, side: "before" | "after"): string {
  if (file.binary) return `${file.path}: not text (${side})\n`;
  if (file.text === "") return `${file.path}: too long to be shown (${side})\n`;
  // A mode or a name that changed, and no line.
  return "";
}

async function textOf(uri: vscode.Uri): Promise<string | undefined> {
  try {
    return Buffer.from(await vscode.workspace.fs.readFile(uri)).toString("utf8");
  } catch {
    return undefined;
  }
}
