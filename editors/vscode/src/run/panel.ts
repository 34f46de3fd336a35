// The picture of a run in an editor tab: follows the run while it is open.

import * as vscode from "vscode";
import { page } from "../channel/view";
import { message, type Hub } from "../hub";
import { needsOf, picture, type Picture } from "./wire";

const DOES = [
  "showSent",
  "openPause",
  "openTerminal",
  "showChanges",
  "undo",
  "pause",
  "resume",
  "cancel",
  "openChannel",
] as const;

interface Shown {
  panel: vscode.WebviewPanel;
  needs: Map<string, string[]>;
  ready: boolean;
  busy: boolean;
  again: boolean;
}

export class RunPicture implements vscode.Disposable {
  private readonly shown = new Map<string, Shown>();
  private readonly listening: vscode.Disposable;

  constructor(
    private readonly hub: Hub,
    private readonly extension: vscode.Uri,
  ) {
    this.listening = hub.onChange((change) => {
      if (!change.kinds.has("run") && !change.kinds.has("pause")) return;
      for (const run of this.shown.keys()) this.refresh(run);
    });
  }

  async show(run: string): Promise<void> {
    const open = this.shown.get(run);
    if (open !== undefined) {
      open.panel.reveal();
      return;
    }
    const needs = needsOf(await this.hub.request("plan", { run }));
    const dist = vscode.Uri.joinPath(this.extension, "dist");
    const title = `${this.hub.store.runs.get(run)?.title ?? run} (${run})`;
    const panel = vscode.window.createWebviewPanel("callboard.run", title, vscode.ViewColumn.Active, {
      enableScripts: true,
      enableCommandUris: false,
      localResourceRoots: [dist],
      retainContextWhenHidden: true,
    });
    panel.iconPath = vscode.Uri.joinPath(this.extension, "media", "callboard.svg");
    const shown: Shown = { panel, needs, ready: false, busy: false, again: false };
    this.shown.set(run, shown);
    panel.onDidDispose(() => this.shown.delete(run));
    panel.webview.onDidReceiveMessage((said: unknown) => this.take(run, said));
    panel.webview.html = page(panel.webview, dist, "run", vscode.l10n.t("Run"));
  }

  dispose(): void {
    this.listening.dispose();
    for (const { panel } of this.shown.values()) panel.dispose();
  }

  private take(run: string, said: unknown): void {
    const shown = this.shown.get(run);
    if (shown === undefined || typeof said !== "object" || said === null) return;
    const { is, command, argument } = said as { is?: unknown; command?: unknown; argument?: unknown };
    if (is === "ready") {
      shown.ready = true;
      this.refresh(run);
      return;
    }
    const known = DOES.find((it) => it === command);
    if (is !== "do" || known === undefined) return;
    const names = typeof argument === "object" && argument !== null ? Object.entries(argument) : [];
    const given = Object.fromEntries(names.filter(([, value]) => typeof value === "string"));
    void vscode.commands.executeCommand(`callboard.${known}`, { run, ...given });
  }

  /** Reads and sends the present picture; changes that come meanwhile are in the next one. */
  private refresh(run: string): void {
    const shown = this.shown.get(run);
    if (shown?.ready !== true) return;
    if (shown.busy) {
      shown.again = true;
      return;
    }
    shown.busy = true;
    this.make(run, shown.needs)
      .then((made) => made && shown.panel.webview.postMessage(made))
      .catch((error: unknown) => this.hub.log.warn(message(error)))
      .finally(() => {
        shown.busy = false;
        if (shown.again) {
          shown.again = false;
          this.refresh(run);
        }
      });
  }

  private async make(run: string, needs: Map<string, string[]>): Promise<Picture | undefined> {
    const [turns, pauses] = await Promise.all([
      this.hub.request("turns", { run }),
      this.hub.request("inbox", { all: true }),
    ]);
    const view = this.hub.store.runs.get(run) ?? (await this.hub.request("runs", { run }))[0];
    const may = this.hub.store.agentsByName().filter(({ info }) => info.access === "write");
    return view && picture(view, turns, pauses, needs, new Set(may.map(({ info }) => info.name)), Date.now());
  }
}
