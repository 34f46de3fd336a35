// Remarks on lines, by the editor's own comments: what is written beside a line while a pause is open goes along when changes
// are requested.

import * as vscode from "vscode";
import { pathOf } from "./ask";
import { SCHEME, type Changes } from "./changes";
import type { Hub } from "./hub";
import { pauseOf, type Remark } from "./page";

class Note implements vscode.Comment {
  mode = vscode.CommentMode.Preview;
  author = { name: vscode.l10n.t("You") };
  contextValue = "note";
  constructor(
    readonly words: string,
    readonly thread: vscode.CommentThread,
  ) {}
  get body(): vscode.MarkdownString {
    const text = new vscode.MarkdownString();
    text.appendText(this.words);
    return text;
  }
}

export class Remarks implements vscode.Disposable {
  private readonly controller = vscode.comments.createCommentController("callboard", "Callboard");
  private readonly threads = new Set<vscode.CommentThread>();
  private readonly registered = vscode.Disposable.from(
    vscode.commands.registerCommand("callboard.comment.save", (reply: vscode.CommentReply) => this.save(reply)),
    vscode.commands.registerCommand("callboard.comment.delete", (note: unknown) => this.delete(note)),
  );

  constructor(
    private readonly hub: Hub,
    private readonly changes: Changes,
  ) {
    this.controller.options = {
      prompt: vscode.l10n.t("What is to change here"),
      placeHolder: vscode.l10n.t("It goes along when you request changes"),
    };
    this.controller.commentingRangeProvider = {
      provideCommentingRanges: (document) =>
        this.takes(document) ? [new vscode.Range(0, 0, Math.max(0, document.lineCount - 1), 0)] : [],
    };
  }

  /** Keeps what was typed into a thread's box. */
  save(reply: vscode.CommentReply): void {
    const { thread, text } = reply;
    if (text.trim() === "") return;
    thread.label = vscode.l10n.t("Goes along with “Request changes”");
    thread.comments = [...thread.comments, new Note(text, thread)];
    thread.collapsibleState = vscode.CommentThreadCollapsibleState.Expanded;
    this.threads.add(thread);
  }

  delete(note: unknown): void {
    if (!(note instanceof Note)) return;
    const { thread } = note;
    thread.comments = thread.comments.filter((it) => it !== note);
    if (thread.comments.length > 0) return;
    this.threads.delete(thread);
    thread.dispose();
  }

  all(): Remark[] {
    return [...this.threads].map((thread) => ({
      path: this.name(thread.uri),
      line: (thread.range?.start.line ?? 0) + 1,
      text: thread.comments.map((it) => (it instanceof Note ? it.words : "")).join("\n"),
    }));
  }

  /** They were sent. */
  clear(): void {
    for (const thread of this.threads) thread.dispose();
    this.threads.clear();
  }

  dispose(): void {
    this.clear();
    this.registered.dispose();
    this.controller.dispose();
  }

  private takes(document: vscode.TextDocument): boolean {
    if (!this.hub.store.inbox().some((it) => it.decisions.includes("request-changes"))) return false;
    const { uri } = document;
    if (uri.scheme === SCHEME) return uri.query.endsWith("/after");
    return this.changes.shows(uri) || pauseOf(uri.path, document.lineAt(0).text) !== undefined;
  }

  private name(uri: vscode.Uri): string {
    return pathOf(this.hub, uri.with({ scheme: "file", query: "" })) ?? uri.path.replace(/^.*\//, "");
  }
}
