// Findings by file and severity, and the faded lines of those whose text changed since.

import * as vscode from "vscode";
import type { Hub } from "../hub";
import type { Finding, Severity } from "../protocol";
import { findingState, headline, severityName } from "../words";
import { Tree, icon, plain, type Node } from "./tree";

interface FindingNode extends Node {
  view?: Finding;
}

const ICONS: Record<Severity, [string, string?]> = {
  error: ["error", "problemsErrorIcon.foreground"],
  warning: ["warning", "problemsWarningIcon.foreground"],
  info: ["info", "problemsInfoIcon.foreground"],
  hint: ["lightbulb"],
};
const ORDER: Severity[] = ["error", "warning", "info", "hint"];

export class Findings extends Tree<FindingNode> {
  private readonly stale = vscode.window.createTextEditorDecorationType({
    isWholeLine: true,
    opacity: "0.7",
    backgroundColor: new vscode.ThemeColor("callboard.staleFinding"),
    after: {
      margin: "0 0 0 2em",
      contentText: vscode.l10n.t("stale finding"),
      color: new vscode.ThemeColor("editorCodeLens.foreground"),
    },
  });
  private readonly decorating: vscode.Disposable;

  constructor(hub: Hub) {
    super(hub, "callboard.findings", ["finding"]);
    this.decorating = vscode.Disposable.from(
      this.stale,
      // The server knows where a finding stands while its file is typed in: it marks the stale ones itself.
      vscode.languages.onDidChangeDiagnostics(({ uris }) => {
        for (const editor of vscode.window.visibleTextEditors) {
          if (uris.some((it) => it.toString() === editor.document.uri.toString())) this.decorate(editor);
        }
      }),
      vscode.window.onDidChangeVisibleTextEditors((all) => {
        for (const editor of all) this.decorate(editor);
      }),
    );
  }

  override dispose(): void {
    this.decorating.dispose();
    super.dispose();
  }

  protected override summary(): string {
    const open = this.hub.store.openFindings().length;
    return open === 0 ? "" : vscode.l10n.t("{0} open", open);
  }

  protected children(of: FindingNode | undefined): FindingNode[] {
    const open = this.hub.store.openFindings();
    if (of === undefined) {
      const paths = [...new Set(open.map((it) => it.place?.path ?? ""))].sort((a, b) => a.localeCompare(b));
      return paths.map((path) => ({ id: `file:${path}`, path }));
    }
    if (of.path === undefined) return [];
    const rank = (it: Finding): number => ORDER.indexOf(it.severity) * 1e7 + (it.place?.line ?? 0);
    return open
      .filter((it) => (it.place?.path ?? "") === of.path)
      .sort((a, b) => rank(a) - rank(b))
      .map((view) => ({ id: view.id, finding: view.id, run: view.run, view }));
  }

  protected item(node: FindingNode): vscode.TreeItem {
    if (node.path !== undefined) return this.fileItem(node.path);
    const view = (node.finding === undefined ? undefined : this.hub.store.findings.get(node.finding)) ?? node.view;
    const item = new vscode.TreeItem(view === undefined ? node.id : headline(view.text));
    if (view === undefined) return item;
    const line = view.place === undefined ? "" : `:${view.place.line} · `;
    const state = view.state.is === "open" ? "" : ` · ${findingState(view.state.is)}`;
    item.description = `${line}${view.sources.map((it) => `@${it}`).join(" ")} · ${view.id}${state}`;
    item.tooltip = plain(
      view.text,
      view.suggestion === undefined ? undefined : vscode.l10n.t("Suggestion: {0}", view.suggestion),
      view.contested ? vscode.l10n.t("Contested: it was declined and reported again.") : undefined,
      view.code,
    );
    item.iconPath = view.state.is === "stale" ? icon("history") : icon(...ICONS[view.severity]);
    item.contextValue = `finding:${view.severity}:${view.state.is}`;
    item.command = {
      command: "callboard.openFinding",
      title: vscode.l10n.t("Go to Finding"),
      arguments: [{ finding: view.id }],
    };
    item.accessibilityInformation = { label: `${severityName(view.severity)} ${view.id}: ${headline(view.text)}` };
    return item;
  }

  private fileItem(path: string): vscode.TreeItem {
    const root = this.hub.root;
    const open = vscode.TreeItemCollapsibleState.Expanded;
    if (path === "" || root === undefined) {
      const item = new vscode.TreeItem(path === "" ? vscode.l10n.t("On the whole") : path, open);
      item.iconPath = icon("globe");
      return item;
    }
    const item = new vscode.TreeItem(vscode.Uri.joinPath(root, path), open);
    item.description = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
    item.iconPath = vscode.ThemeIcon.File;
    item.contextValue = "file";
    return item;
  }

  private decorate(editor: vscode.TextEditor): void {
    const stale = vscode.languages
      .getDiagnostics(editor.document.uri)
      .filter((it) => it.source?.startsWith("@") === true && it.message.startsWith("[stale]"))
      .map((it) => new vscode.Range(it.range.start, it.range.start));
    editor.setDecorations(this.stale, stale);
  }
}
