// A tree over the store: nodes with stable ids, refreshed once a tick however much changed.
//
// An element that is drawn stays the same object, so that an inline action clicked during a refresh still names its thing.

import * as vscode from "vscode";
import type { Hub } from "../hub";
import type { Kind } from "../store";

/** A row: what it stands for goes to the commands of its menu. */
export interface Node {
  readonly id: string;
  readonly run?: string;
  readonly step?: string;
  readonly pause?: string;
  readonly agent?: string;
  readonly turn?: string;
  readonly finding?: string;
  readonly path?: string;
}

export abstract class Tree<N extends Node> implements vscode.TreeDataProvider<N>, vscode.Disposable {
  private readonly refreshed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.refreshed.event;
  readonly view: vscode.TreeView<N>;
  private readonly nodes = new Map<string, N>();
  private readonly listeners: vscode.Disposable;
  private soon: NodeJS.Timeout | undefined;

  protected constructor(
    protected readonly hub: Hub,
    id: string,
    kinds: readonly Kind[],
  ) {
    this.view = vscode.window.createTreeView(id, { treeDataProvider: this, showCollapseAll: true });
    this.listeners = vscode.Disposable.from(
      hub.onChange((change) => {
        if (kinds.some((it) => change.kinds.has(it))) this.refresh();
      }),
      hub.onBegin(() => this.refresh()),
      hub.onPhase(() => this.refresh()),
    );
  }

  protected abstract children(of: N | undefined): N[];
  protected abstract item(node: N): vscode.TreeItem;
  /** What waits for a person. The editor adds the badges of all views, so only the inbox has one. */
  protected badge(): vscode.ViewBadge | undefined {
    return undefined;
  }
  /** A few words beside the view's title. */
  protected summary(): string {
    return "";
  }

  getChildren(of?: N): N[] {
    if (!this.hub.store.ready || !this.hub.trusted) return [];
    return this.children(of).map((it) => this.keep(it));
  }

  getTreeItem(node: N): vscode.TreeItem {
    const item = this.item(node);
    item.id = node.id;
    return item;
  }

  refresh(): void {
    this.soon ??= setTimeout(() => {
      this.soon = undefined;
      this.view.badge = this.hub.trusted ? this.badge() : undefined;
      this.view.description = this.hub.trusted ? this.summary() : "";
      this.refreshed.fire(undefined);
    }, 80);
  }

  dispose(): void {
    clearTimeout(this.soon);
    this.listeners.dispose();
    this.view.dispose();
    this.refreshed.dispose();
  }

  private keep(node: N): N {
    const known = this.nodes.get(node.id);
    if (known !== undefined) return Object.assign(known, node);
    this.nodes.set(node.id, node);
    return node;
  }
}

export function icon(name: string, color?: string): vscode.ThemeIcon {
  return color === undefined ? new vscode.ThemeIcon(name) : new vscode.ThemeIcon(name, new vscode.ThemeColor(color));
}

/** Text from agents as a tooltip: never read as Markdown. */
export function plain(...lines: (string | undefined)[]): vscode.MarkdownString {
  const text = new vscode.MarkdownString();
  for (const line of lines) if (line !== undefined && line !== "") text.appendText(`${line}\n\n`);
  return text;
}
