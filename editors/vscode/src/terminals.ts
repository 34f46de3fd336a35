// Agents' terminals as terminals of the editor: what the program shows, redrawn by the hub's frames; keys go back to it.
//
// The hub sends no control sequence that asks the emulator anything, and what is read of the past is written without any.

import * as vscode from "vscode";
import { message, type Hub } from "./hub";
import { above, Past } from "./past";
import type { TerminalFrame } from "./protocol";
import { agentState, printable, stateMark } from "./words";

/** The least time between two looks at what left, in ms: each has the whole screen sent again, and in a flood there is always more. */
const PACE = 100;

export class Terminals implements vscode.Disposable {
  private readonly open = new Map<string, { terminal: vscode.Terminal; screen: Screen }>();
  private readonly listening: vscode.Disposable;
  private readonly shown = new vscode.EventEmitter<void>();
  /** Other terminals are open than before. */
  readonly onOpen = this.shown.event;

  constructor(private readonly hub: Hub) {
    this.listening = vscode.Disposable.from(
      hub.onFrame((frame) => this.open.get(frame.agent)?.screen.draw(frame)),
      // A new connection watches nothing yet.
      hub.onBegin(() => {
        for (const { screen } of this.open.values()) screen.watch();
      }),
      hub.onChange((change) => {
        if (!change.kinds.has("agent")) return;
        for (const { screen } of this.open.values()) screen.rename();
      }),
      vscode.window.onDidCloseTerminal((closed) => {
        for (const [agent, { terminal }] of this.open) {
          if (terminal !== closed) continue;
          this.open.delete(agent);
          this.shown.fire();
        }
      }),
    );
  }

  has(agent: string): boolean {
    return this.open.has(agent);
  }

  show(agent: string): void {
    const known = this.open.get(agent);
    if (known !== undefined) {
      known.terminal.show();
      return;
    }
    const screen = new Screen(this.hub, agent);
    const iconPath = new vscode.ThemeIcon("hubot");
    const terminal = vscode.window.createTerminal({ name: `@${agent}`, pty: screen, iconPath, isTransient: true });
    this.open.set(agent, { terminal, screen });
    this.shown.fire();
    terminal.show();
  }

  dispose(): void {
    this.listening.dispose();
    this.shown.dispose();
    for (const { terminal } of this.open.values()) terminal.dispose();
  }
}

class Screen implements vscode.Pseudoterminal {
  private readonly writes = new vscode.EventEmitter<string>();
  private readonly names = new vscode.EventEmitter<string>();
  private readonly sizes = new vscode.EventEmitter<vscode.TerminalDimensions | undefined>();
  readonly onDidWrite = this.writes.event;
  readonly onDidChangeName = this.names.event;
  readonly onDidOverrideDimensions = this.sizes.event;
  private own: vscode.TerminalDimensions | undefined;
  private locked = false;
  private readonly past: Past;
  /** What is to be written before the next whole screen; until that comes, changes of the one before are left out. */
  private before: string | undefined;
  private drawing = Promise.resolve();
  private redrawn = 0;
  private name = "";
  private said = "";
  private opened = false;
  private offered = false;
  private sending = Promise.resolve();

  constructor(
    private readonly hub: Hub,
    private readonly agent: string,
  ) {
    this.past = new Past(agent, (params) => hub.request("terminalScrollback", params));
  }

  open(size: vscode.TerminalDimensions | undefined): void {
    this.own = size;
    this.opened = true;
    this.rename();
    this.watch();
  }

  close(): void {
    this.opened = false;
    this.hub
      .request("unwatchTerminal", { agent: this.agent })
      .catch((error: unknown) => this.hub.log.info(message(error)));
  }

  handleInput(text: string): void {
    if (this.locked) {
      this.tell(vscode.l10n.t("Callboard is typing into it; wait a moment."));
      return;
    }
    // One after the other, so that keys arrive in the order in which they were pressed.
    this.sending = this.sending.then(async () => {
      try {
        await this.hub.request("terminalInput", { agent: this.agent, text });
      } catch (error) {
        if (this.isTranscript()) this.offer();
        else this.tell(message(error));
      }
    });
  }

  /** Whether it shows what is said and takes no keys, because its agent can be taken over and is not. */
  private isTranscript(): boolean {
    const agent = this.hub.store.agents.get(this.agent);
    return agent?.info.takeOver === true && agent.taken === undefined && agent.info.driver !== "terminal";
  }

  private offer(): void {
    if (this.offered) return;
    this.offered = true;
    const yes = vscode.l10n.t("Take Over");
    const text = vscode.l10n.t("This is what @{0} says. To type to it, take it over.", this.agent);
    const agent = this.agent;
    void vscode.window.showInformationMessage(text, yes).then((said) => {
      this.offered = false;
      if (said === yes) return vscode.commands.executeCommand("callboard.takeOver", { agent });
      return undefined;
    });
  }

  setDimensions(size: vscode.TerminalDimensions): void {
    this.own = size;
    void this.resize();
  }

  watch(): void {
    if (!this.opened) return;
    const { agent, hub } = this;
    const begin = async (): Promise<void> => {
      const lines = await this.past.begin();
      if (lines.length > 0) {
        const rows = this.own?.rows ?? 24;
        this.writes.fire(`${lines.map((it) => printable(it)).join("\r\n")}${"\r\n".repeat(rows)}`);
      }
      const { state } = await hub.request("watchTerminal", { agent, form: "raw" });
      // A name that is said while the editor still opens the terminal is lost.
      this.name = "";
      this.rename();
      if (state === "absent") {
        const none = vscode.l10n.t(
          "No program of @{0} has run since the hub began. It shows here when its next turn starts.",
          agent,
        );
        this.writes.fire(`\r\n  ${none}\r\n`);
      } else {
        await this.resize();
      }
    };
    begin().catch((error: unknown) => this.writes.fire(`\r\n  ${printable(message(error))}\r\n`));
  }

  draw(frame: TerminalFrame): void {
    this.locked = frame.locked;
    this.rename();
    const { columns, rows } = frame.size;
    const other = this.own !== undefined && (this.own.columns !== columns || this.own.rows !== rows);
    this.sizes.fire(other ? { columns, rows } : undefined);
    this.drawing = this.drawing
      .then(() => this.put(frame))
      .catch((error: unknown) => this.hub.log.info(message(error)));
  }

  private async put(frame: TerminalFrame): Promise<void> {
    const { raw = "", full, size } = frame;
    const isOpen = (): boolean => this.opened;
    if (!isOpen()) return;
    if (full) {
      this.writes.fire(`${this.before ?? ""}${raw}`);
      this.before = undefined;
    } else if (this.before === undefined) {
      this.writes.fire(raw);
    } else {
      return;
    }
    if (!this.past.hasMore(frame)) return;
    const wait = this.redrawn + PACE - Date.now();
    if (wait > 0) await new Promise((done) => setTimeout(done, wait));
    const lines = await this.past.after(frame);
    // Closed meanwhile, and a watch that is begun now nobody would end.
    if (lines.length === 0 || !isOpen()) return;
    this.redrawn = Date.now();
    this.before = above(lines, size.rows, size.columns);
    try {
      await this.hub.request("watchTerminal", { agent: this.agent, form: "raw" });
    } catch (error) {
      this.before = undefined;
      throw error;
    }
  }

  rename(): void {
    const agent = this.hub.store.agents.get(this.agent);
    const state = agent === undefined ? "" : ` ${stateMark(agent)} ${agentState(agent)}`;
    const name = `@${this.agent}${state}${this.locked ? ` · 🔒 ${vscode.l10n.t("locked")}` : ""}`;
    if (name === this.name) return;
    this.name = name;
    this.names.fire(name);
  }

  private async resize(): Promise<void> {
    const size = this.own;
    if (size === undefined) return;
    try {
      await this.hub.request("terminalResize", { agent: this.agent, rows: size.rows, columns: size.columns });
    } catch (error) {
      this.hub.log.info(message(error));
    }
  }

  /** Says something once, in the status bar: the screen is the program's. */
  private tell(text: string): void {
    if (this.said === text) return;
    this.said = text;
    setTimeout(() => (this.said = ""), 3000);
    vscode.window.setStatusBarMessage(`$(lock) ${text}`, 3000);
  }
}
