// What a run changed, in the editor's own diff views: both sides come from the hub, and where the file is still as the run left
// it the right side is the file itself, so that a change can be taken back right there. One that is accepted goes into the left
// side: what is left in the view is what nobody has looked at yet.

import * as vscode from "vscode";
import { Refused, type Hub } from "./hub";
import { accepted, hunkAt, hunks, original, type Hunk } from "./hunks";
import { sides } from "./patch";
import type { FileDiff } from "./protocol";

export const SCHEME = "callboard-diff";

/** How many sides are kept for editors that are opened again. */
const MOST_KEPT = 2000;

export class Changes implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly texts = new Map<string, string>();
  /** Files of this workspace that are the right side of a diff: its left side, and the run. */
  private readonly pairs = new Map<string, { before: vscode.Uri; run: string }>();
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly lenses = new vscode.EventEmitter<void>();
  private readonly registered: vscode.Disposable;

  constructor(private readonly hub: Hub) {
    const look = (): void => {
      // The focus may be in a remark's box, which is an editor of its own.
      const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
      const uri =
        input instanceof vscode.TabInputTextDiff ? input.modified : vscode.window.activeTextEditor?.document.uri;
      const is = uri !== undefined && this.shows(uri);
      void vscode.commands.executeCommand("setContext", "callboard.diffFile", is);
    };
    this.registered = vscode.Disposable.from(
      this.changed,
      this.lenses,
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      vscode.languages.registerCodeLensProvider(
        { scheme: "file" },
        { onDidChangeCodeLenses: this.lenses.event, provideCodeLenses: (document) => this.offers(document) },
      ),
      vscode.window.onDidChangeActiveTextEditor(look),
      vscode.window.tabGroups.onDidChangeTabs(look),
      vscode.window.tabGroups.onDidChangeTabGroups(look),
      this.lenses.event(look),
      hub.onChange((change) => {
        if (change.kinds.has("pause") && this.pairs.size > 0) this.lenses.fire();
      }),
    );
  }

  /** Whether this file is the right side of a diff that was opened here. */
  shows(uri: vscode.Uri): boolean {
    return this.pairs.has(uri.toString());
  }

  /** The run whose diff this file is the right side of. */
  runOf(uri: vscode.Uri): string | undefined {
    return this.pairs.get(uri.toString())?.run;
  }

  /** Takes the change at a line in, or back; all of the file where no line is named. */
  async settle(uri: vscode.Uri, how: "accept" | "undo", line: number | "all"): Promise<void> {
    const document = await vscode.workspace.openTextDocument(uri);
    const pair = this.pairs.get(uri.toString());
    const before = pair === undefined ? undefined : this.texts.get(pair.before.toString());
    if (pair === undefined || before === undefined) {
      throw new Refused(vscode.l10n.t("Open the diff of a run first: this file is in none"), "invalid");
    }
    // Line ends are the editor's; what the hub has is compared without them.
    const crlf = document.eol === vscode.EndOfLine.CRLF;
    const after = crlf ? document.getText().replace(/\r\n/g, "\n") : document.getText();
    const old = crlf ? before.replace(/\r\n/g, "\n") : before;
    const all = hunks(old, after);
    const meant = line === "all" ? all : [hunkAt(all, line)].filter((it) => it !== undefined);
    if (meant.length === 0) throw new Refused(vscode.l10n.t("There is no change at this line"), "not_found");
    // From the end, so that the places of those before stay.
    const last = [...meant].reverse();
    if (how === "accept") {
      this.texts.set(
        pair.before.toString(),
        last.reduce((text, hunk) => accepted(text, after, hunk), old),
      );
      this.changed.fire(pair.before);
    } else {
      await takeBack(document, old, last);
    }
    this.lenses.fire();
  }

  private offers(document: vscode.TextDocument): vscode.CodeLens[] {
    const pair = this.pairs.get(document.uri.toString());
    const before = pair === undefined ? undefined : this.texts.get(pair.before.toString());
    // Over the file itself only while somebody is asked; the diff has its buttons as long as it is open.
    if (before === undefined || !this.hub.store.inbox().some((it) => it.run === pair?.run)) return [];
    const after = document.getText().replace(/\r\n/g, "\n");
    return hunks(before.replace(/\r\n/g, "\n"), after).flatMap(({ after: at }) => {
      const line = Math.max(0, Math.min(at.from, document.lineCount - 1));
      const range = new vscode.Range(line, 0, line, 0);
      const argument = { uri: document.uri.toString(), startLine: line + 1 };
      const lens = (command: string, title: string): vscode.CodeLens =>
        new vscode.CodeLens(range, { command, title, arguments: [argument] });
      return [
        lens("callboard.acceptChange", vscode.l10n.t("$(check) Accept")),
        lens("callboard.undoChange", vscode.l10n.t("$(discard) Undo")),
      ];
    });
  }

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
      const key = `${run}/${rev}/${step ?? "all"}/${index}`;
      triples.push(await this.triple(run, file, key, last.get(file.path) === index));
    }
    this.lenses.fire();
    const only = triples[0];
    if (triples.length === 1 && only !== undefined) {
      const name = files[0]?.path ?? "";
      await vscode.commands.executeCommand("vscode.diff", only[1], only[2], `${name} — ${title}`, { preview: false });
    } else {
      await vscode.commands.executeCommand("vscode.changes", title, triples);
    }
  }

  private async triple(
    run: string,
    file: FileDiff,
    key: string,
    latest: boolean,
  ): Promise<[vscode.Uri, vscode.Uri, vscode.Uri]> {
    const root = this.hub.root ?? vscode.Uri.file("/");
    const resource = vscode.Uri.joinPath(root, file.path);
    const both = sides(file.text) ?? { before: note(file, "before"), after: note(file, "after") };
    const old = file.from === undefined ? resource : vscode.Uri.joinPath(root, file.from);
    const before = this.keep(old.path, `${key}/before`, both.before);
    let after = this.keep(resource.path, `${key}/after`, both.after);
    if (latest && file.kind !== "deleted" && !file.binary && (await textOf(resource)) === both.after) {
      after = resource;
      this.pairs.set(resource.toString(), { before, run });
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

/** Puts the old lines in place of these, and saves the file where it had nothing unsaved. */
async function takeBack(document: vscode.TextDocument, before: string, last: readonly Hunk[]): Promise<void> {
  const wasDirty = document.isDirty;
  const edit = new vscode.WorkspaceEdit();
  for (const hunk of last) {
    const from = new vscode.Position(hunk.after.from, 0);
    const range = document.validateRange(new vscode.Range(from, new vscode.Position(hunk.after.to, 0)));
    edit.replace(document.uri, range, original(before, hunk));
  }
  if (!(await vscode.workspace.applyEdit(edit))) {
    throw new Refused(vscode.l10n.t("The editor did not take the change back"), "failed");
  }
  if (!wasDirty) await document.save();
}

function note(file: FileDiff, side: "before" | "after"): string {
  const which = side === "before" ? vscode.l10n.t("before") : vscode.l10n.t("after");
  if (file.binary) return `${vscode.l10n.t("{0}: not text ({1})", file.path, which)}\n`;
  if (file.text === "") return `${vscode.l10n.t("{0}: too long to be shown ({1})", file.path, which)}\n`;
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
