// The channel's page in the sidebar, as the extension sees it: it reads for it, posts for it, and tells it what changed.

import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import { Refused, message, type Hub } from "../hub";
import type { MessageView } from "../protocol";
import { settings } from "../settings";
import type { Terminals } from "../terminals";
import { Completer } from "./complete";
import { Tails } from "./tails";
import {
  agentCard,
  findingCard,
  fromView,
  pauseCard,
  runCard,
  type Facts,
  type FromView,
  type Sought,
  type ToView,
} from "./wire";

const DEFAULT = "main";
/** Where the page's drafts and history are kept for this workspace. */
const KEPT = "page";

export class Channel implements vscode.WebviewViewProvider, vscode.Disposable {
  /** Milliseconds from the page's first script to its first messages on the screen; for the figures. */
  painted: number | undefined;
  private view: vscode.WebviewView | undefined;
  private ready = false;
  private channel = DEFAULT;
  private thread: string | undefined;
  /** What is said to the page once it listens. */
  private readonly waiting: ToView[] = [];
  private wasTrusted = false;
  /** Runs and pauses that the page shows, so that their changes are passed on. */
  private readonly shown = new Set<string>();
  private readonly completer: Completer;
  private readonly tails: Tails;
  private readonly listening: vscode.Disposable;
  private live: MessageView[] = [];
  private soon: NodeJS.Timeout | undefined;
  private readonly dirty = { run: false, pause: false, agent: false, finding: false, channel: false };

  constructor(
    private readonly hub: Hub,
    private readonly context: vscode.ExtensionContext,
    terminals: Terminals,
  ) {
    this.completer = new Completer(hub);
    this.tails = new Tails(
      hub,
      (agent) => terminals.has(agent),
      (tail) => this.tell({ is: "tail", ...tail }),
    );
    this.listening = vscode.Disposable.from(
      vscode.window.registerWebviewViewProvider("callboard.channel", this, {
        webviewOptions: { retainContextWhenHidden: true },
      }),
      hub.onBegin(() => {
        this.tails.forget();
        this.lookAtTails();
        void this.setup();
      }),
      hub.onFrame((frame) => this.tails.take(frame)),
      terminals.onOpen(() => this.lookAtTails()),
      hub.onPhase(() => {
        // Whatever it is off for, and the moment at which it no longer is.
        if (!hub.trusted || !this.wasTrusted) void this.setup();
        this.wasTrusted = hub.trusted;
      }),
      hub.onChange((change) => {
        this.live.push(...change.messages.filter((it) => it.channel === this.channel));
        for (const kind of change.kinds) if (kind !== "message") this.dirty[kind] = true;
        if (change.kinds.has("agent")) this.lookAtTails();
        this.soon ??= setTimeout(() => this.flush(), 30);
      }),
    );
  }

  dispose(): void {
    clearTimeout(this.soon);
    this.tails.dispose();
    this.listening.dispose();
  }

  /** Shows the channel, or another one, or a thread of it, and there the message about a turn or a pause. */
  async show({ channel, thread, about }: { channel?: string; thread?: string; about?: Sought } = {}): Promise<void> {
    await vscode.commands.executeCommand("callboard.channel.focus");
    if ((channel !== undefined && channel !== this.channel) || thread !== undefined) {
      this.channel = channel ?? this.channel;
      this.thread = thread;
      if (this.ready) await this.setup();
    }
    this.tell(about === undefined ? { is: "focus" } : { is: "show", about });
  }

  /** Puts text into the composer. */
  async insert(text: string): Promise<void> {
    await vscode.commands.executeCommand("callboard.channel.focus");
    this.tell({ is: "insert", text });
  }

  async search(): Promise<void> {
    await vscode.commands.executeCommand("callboard.channel.focus");
    this.tell({ is: "search" });
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    this.view = view;
    this.ready = false;
    const { webview } = view;
    const dist = vscode.Uri.joinPath(this.context.extensionUri, "dist");
    webview.options = { enableScripts: true, enableCommandUris: false, enableForms: false, localResourceRoots: [dist] };
    const kept = this.context.workspaceState.get<string>(KEPT, "{}");
    webview.html = page(webview, dist, "channel", vscode.l10n.t("Channel"), kept);
    webview.onDidReceiveMessage((given: unknown) => {
      const said = fromView(given);
      if (said === undefined) {
        this.hub.log.warn("The channel's page said something that it must not say; it is left out.");
        return;
      }
      this.take(said).catch((error: unknown) => {
        this.hub.log.warn(message(error));
        void vscode.window.showErrorMessage(message(error));
      });
    });
    view.onDidChangeVisibility(() => {
      if (!view.visible) setFocused(false);
      this.lookAtTails();
      if (view.visible && this.live.length > 0) this.flush();
    });
    view.onDidDispose(() => {
      this.view = undefined;
      this.ready = false;
      setFocused(false);
      this.lookAtTails();
    });
  }

  private lookAtTails(): void {
    this.tails.look(this.view?.visible === true);
  }

  private tell(said: ToView): void {
    if (this.ready && this.view !== undefined) void this.view.webview.postMessage(said);
    else if (["insert", "search", "focus", "show"].includes(said.is)) this.waiting.push(said);
  }

  private async take(said: FromView): Promise<void> {
    switch (said.is) {
      case "ready":
        this.ready = true;
        this.lookAtTails();
        if (said.channel !== undefined && this.thread === undefined) {
          this.channel = said.channel;
          this.thread = said.thread;
        }
        await this.setup();
        for (const it of this.waiting.splice(0)) this.tell(it);
        return;
      case "painted":
        this.painted ??= said.ms;
        this.hub.log.info(`The channel was painted ${said.ms.toFixed(0)} ms after its page began.`);
        return;
      case "focus":
        setFocused(said.on);
        return;
      case "post":
        return this.post(said.text, said.thread, said.key);
      case "older":
        return this.older(said.before);
      case "channel":
        this.channel = said.name;
        this.thread = said.thread;
        return this.setup();
      case "complete":
        this.tell({ is: "completions", ask: said.ask, items: await this.completer.complete(said.text, said.cursor) });
        return;
      case "seen":
        return this.saw(said.number);
      case "keep":
        await this.context.workspaceState.update(KEPT, said.state);
        return;
      case "withdraw":
        await this.hub.request("withdraw", { message: said.message, agent: said.agent });
        return;
      case "file":
        return this.open(said.path, said.line);
      case "link":
        await vscode.env.openExternal(vscode.Uri.parse(said.url, true));
        return;
      case "violation":
        this.hub.log.error(`The channel's page was kept from something by its content policy: ${said.what}`);
        return;
      case "do":
        await vscode.commands.executeCommand(`callboard.${said.command}`, said.argument);
        return;
    }
  }

  private async post(text: string, thread: string | undefined, key: string): Promise<void> {
    try {
      const of = thread ?? this.thread;
      if (/^\s*\//.test(text)) await this.completer.command(text, of, this.channel, key);
      else await this.hub.request("post", { text, thread: of, channel: this.channel, key });
      this.tell({ is: "posted", key });
    } catch (error) {
      this.tell({ is: "refused", key, why: message(error) });
    }
  }

  private async setup(): Promise<void> {
    if (!this.ready) return;
    const { hub, channel, thread } = this;
    if (!hub.trusted) {
      this.tell(this.off());
      return;
    }
    try {
      const limit = settings().pageSize;
      const { messages } = await hub.request("messages", { channel, thread, limit });
      if (channel !== this.channel || thread !== this.thread) return;
      this.shown.clear();
      this.live = this.live.filter((it) => it.channel === channel);
      if (this.view !== undefined) this.view.description = hub.folderName;
      const total = hub.store.channels.get(channel)?.messages ?? messages.length;
      const facts = await this.facts(messages, true);
      const older = messages.length === limit;
      const seen = this.context.workspaceState.get<number>(this.seenKey(channel), 0);
      this.tell({ is: "setup", channel, thread, messages, older, total, seen, facts });
    } catch (error) {
      if (error instanceof Refused && error.code === "not_found" && channel !== DEFAULT) {
        // The channel that was shown last is of a journal that is gone.
        this.channel = DEFAULT;
        this.thread = undefined;
        return this.setup();
      }
      throw error;
    }
  }

  private async older(before: string): Promise<void> {
    const { channel, thread } = this;
    const limit = settings().pageSize;
    const { messages } = await this.hub.request("messages", { channel, thread, before, limit });
    if (channel !== this.channel || thread !== this.thread) return;
    const facts = await this.facts(messages, false);
    this.tell({ is: "older", messages, older: messages.length === limit, facts });
  }

  private flush(): void {
    clearTimeout(this.soon);
    this.soon = undefined;
    // A page that is hidden is told all at once when it shows again.
    if (!this.ready || this.view?.visible !== true || !this.hub.trusted) return;
    const { store } = this.hub;
    const messages = this.live.filter((it) => it.channel === this.channel && this.isOfThread(it));
    this.live = [];
    this.note(messages);
    const facts: Facts = {};
    if (this.dirty.run) facts.runs = [...store.runs.values()].filter((it) => this.shown.has(it.id)).map(runCard);
    if (this.dirty.pause)
      facts.pauses = [...store.pauses.values()].filter((it) => this.shown.has(it.id)).map(pauseCard);
    if (this.dirty.agent) facts.agents = store.agentsByName().map(agentCard);
    if (this.dirty.finding) facts.findings = [...store.findings.values()].map(findingCard);
    if (this.dirty.channel) facts.channels = [...store.channels.values()];
    Object.assign(this.dirty, { run: false, pause: false, agent: false, finding: false, channel: false });
    // What a new message speaks of may have come long before it.
    const fresh = new Set(messages.flatMap((it) => [it.about?.run, it.about?.pause]));
    for (const run of store.runs.values()) {
      if (fresh.has(run.id)) (facts.runs ??= []).push(runCard(run));
    }
    for (const pause of store.pauses.values()) {
      if (fresh.has(pause.id)) (facts.pauses ??= []).push(pauseCard(pause));
    }
    this.tell({ is: "live", messages, facts });
  }

  private isOfThread(it: MessageView): boolean {
    return this.thread === undefined || it.thread === this.thread || it.id === this.thread;
  }

  private note(messages: readonly MessageView[]): void {
    for (const { about } of messages) {
      if (about?.run !== undefined) this.shown.add(about.run);
      if (about?.pause !== undefined) this.shown.add(about.pause);
    }
  }

  /** What is to be known for these messages. */
  private async facts(messages: readonly MessageView[], all: boolean): Promise<Facts> {
    const { store } = this.hub;
    this.note(messages);
    const wanted = new Set(messages.map((it) => it.about?.pause).filter((it) => it !== undefined));
    const unknown = [...wanted].filter((it) => !store.pauses.has(it));
    if (unknown.length > 0) {
      const answered = await this.hub.request("inbox", { all: true });
      store.take({ rev: 0, items: answered.map((it) => ({ item: "pause" as const, ...it })) });
    }
    const about = new Set(messages.flatMap((it) => [it.about?.run, it.about?.pause]));
    const facts: Facts = {
      runs: [...store.runs.values()].filter((it) => about.has(it.id)).map(runCard),
      pauses: [...store.pauses.values()].filter((it) => about.has(it.id)).map(pauseCard),
    };
    if (all) {
      facts.agents = store.agentsByName().map(agentCard);
      facts.findings = [...store.findings.values()].map(findingCard);
      facts.channels = [...store.channels.values()];
    }
    return facts;
  }

  private off(): ToView {
    const { hub } = this;
    if (hub.phase.is === "running") {
      const why = vscode.l10n.t(
        "Callboard reads nothing of this workspace, and starts no agent in it, before you say so.",
      );
      return { is: "off", why, action: { label: vscode.l10n.t("Trust This Workspace…"), command: "trust" } };
    }
    const why = vscode.l10n.t("Callboard does not run here: {0}.", hub.whyNot());
    if (hub.phase.is !== "off" || hub.phase.why !== "restricted") return { is: "off", why };
    // In a window that VS Code restricts this command opens the editor's own page on trust.
    return { is: "off", why, action: { label: vscode.l10n.t("Manage Workspace Trust"), command: "trust" } };
  }

  /** Where it is kept how far a channel was read; of several folders each has channels of its own. */
  private seenKey(channel: string): string {
    const { folderName } = this.hub;
    return folderName === undefined ? `seen:${channel}` : `seen:${this.hub.folder?.uri.toString() ?? ""}:${channel}`;
  }

  private async saw(seen: number): Promise<void> {
    const key = this.seenKey(this.channel);
    if (seen > this.context.workspaceState.get<number>(key, 0)) await this.context.workspaceState.update(key, seen);
  }

  private async open(path: string, line: number): Promise<void> {
    const root = this.hub.root;
    // Only what is inside the workspace: a message is no reason to open anything else.
    if (root === undefined || path.startsWith("/") || path.split(/[\\/]/).includes("..")) {
      throw new Refused(vscode.l10n.t("{0} is no file of this workspace", path), "invalid");
    }
    const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(root, path));
    const at = document.validatePosition(new vscode.Position(Math.max(0, line - 1), 0));
    await vscode.window.showTextDocument(document, { selection: new vscode.Range(at, at) });
  }
}

/** For keys that mean something in the channel only: the editor takes a page in the sidebar for focused where its header is. */
function setFocused(is: boolean): void {
  void vscode.commands.executeCommand("setContext", "callboard.channelFocused", is);
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/"/g, "&quot;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

/** A page that may run one script of ours and fetch nothing. */
export function page(webview: vscode.Webview, dist: vscode.Uri, name: string, title: string, kept = "{}"): string {
  const nonce = randomBytes(18).toString("base64");
  const of = (file: string): string => webview.asWebviewUri(vscode.Uri.joinPath(dist, file)).toString();
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${webview.cspSource}`,
    `font-src ${webview.cspSource}`,
    "form-action 'none'",
    "base-uri 'none'",
  ].join("; ");
  return `<!DOCTYPE html>
<html lang="${escaped(vscode.env.language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${of(`${name}.css`)}">
<title>${escaped(title)}</title>
</head>
<body>
<div id="root" data-words="${escaped(JSON.stringify(vscode.l10n.bundle ?? {}))}" data-kept="${escaped(kept)}"></div>
<script nonce="${nonce}" src="${of(`${name}.js`)}"></script>
</body>
</html>`;
}
