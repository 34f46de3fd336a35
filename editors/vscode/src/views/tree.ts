// A tree over the store: nodes with stable ids, looked at once a tick however much changed.
//
// The editor forgets the rows of whatever it is told to read again until it has, and an action clicked meanwhile names nothing.
// So only what is another is read again, and an element that is drawn stays the same object.

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
  private readonly refreshed = new vscode.EventEmitter<N[] | undefined>();
  readonly onDidChangeTreeData = this.refreshed.event;
  readonly view: vscode.TreeView<N>;
  private readonly nodes = new Map<string, N>();
  /** What the editor was given last: the children of each row that it asked for, by id, and how each row looked. */
  private readonly below = new Map<string, readonly string[]>();
  private readonly looks = new Map<string, string>();
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
    const found = this.now(of).map((it) => this.keep(it));
    this.below.set(
      of?.id ?? "",
      found.map((it) => it.id),
    );
    return found;
  }

  getTreeItem(node: N): vscode.TreeItem {
    const item = this.item(node);
    item.id = node.id;
    this.looks.set(node.id, look(item));
    return item;
  }

  refresh(): void {
    this.soon ??= setTimeout(() => {
      this.soon = undefined;
      this.view.badge = this.hub.trusted ? this.badge() : undefined;
      this.view.description = this.hub.trusted ? this.summary() : "";
      const other = this.others(undefined);
      if (other === undefined) this.refreshed.fire(undefined);
      else if (other.length > 0) this.refreshed.fire(other);
    }, 80);
  }

  private now(of: N | undefined): N[] {
    return this.hub.store.ready && this.hub.trusted ? this.children(of) : [];
  }

  /** The rows below that are others than the editor has; `undefined` where the list of them is another. */
  private others(of: N | undefined): N[] | undefined {
    const found = this.now(of);
    const before = this.below.get(of?.id ?? "");
    // Nobody has looked at them yet, so there is nothing to be read again.
    if (before === undefined) return of === undefined ? undefined : [];
    if (before.length !== found.length || found.some((it, at) => it.id !== before[at])) return undefined;
    return found.flatMap((fresh) => {
      const node = this.keep(fresh);
      if (this.looks.has(node.id) && this.looks.get(node.id) !== look(this.item(node))) return [node];
      return this.others(node) ?? [node];
    });
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

/** All of a row that a person can see, as one text to compare. */
function look(item: vscode.TreeItem): string {
  const { label, description, iconPath, contextValue, tooltip, collapsibleState } = item;
  const text = tooltip instanceof vscode.MarkdownString ? tooltip.value : tooltip;
  return JSON.stringify([label, description, iconPath, contextValue, text, collapsibleState, item.resourceUri?.path]);
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
