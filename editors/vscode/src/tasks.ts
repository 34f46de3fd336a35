// Workflows as tasks, so that they run from tasks.json: the task's terminal shows the run's messages and ends with the run.

import * as vscode from "vscode";
import { message, type Hub } from "./hub";
import type { RunView } from "./protocol";
import { settings } from "./settings";
import { hasEnded } from "./store";
import { authorName, printable, runStatus } from "./words";

interface Definition extends vscode.TaskDefinition {
  workflow: string;
  inputs?: Record<string, unknown>;
  roles?: Record<string, string>;
}

export function provideTasks(hub: Hub): vscode.Disposable {
  const task = (definition: Definition, title: string): vscode.Task => {
    const scope = hub.folder ?? vscode.TaskScope.Workspace;
    const execution = new vscode.CustomExecution((resolved) =>
      Promise.resolve(new RunTerminal(hub, resolved as Definition)),
    );
    // No matchers, said outright: else the editor asks which errors to look for in the output.
    const made = new vscode.Task(definition, scope, title, "callboard", execution, []);
    made.presentationOptions = { reveal: vscode.TaskRevealKind.Always, panel: vscode.TaskPanelKind.Dedicated };
    return made;
  };
  return vscode.tasks.registerTaskProvider("callboard", {
    provideTasks: async () => {
      if (!hub.trusted) return [];
      const all = await hub.request("workflows", {});
      const startable = all.filter((it) => !it.broken && it.inputs.every((input) => input.default !== undefined));
      return startable.map((it) => task({ type: "callboard", workflow: it.name }, it.name));
    },
    resolveTask: (asked) => {
      const definition = asked.definition as Definition;
      return typeof definition.workflow === "string" ? task(definition, asked.name || definition.workflow) : undefined;
    },
  });
}

class RunTerminal implements vscode.Pseudoterminal {
  private readonly writes = new vscode.EventEmitter<string>();
  private readonly closes = new vscode.EventEmitter<number>();
  readonly onDidWrite = this.writes.event;
  readonly onDidClose = this.closes.event;
  private listening: vscode.Disposable | undefined;
  private run: string | undefined;
  private over = false;

  constructor(
    private readonly hub: Hub,
    private readonly definition: Definition,
  ) {}

  open(): void {
    void this.start().catch((error: unknown) => {
      this.say(message(error));
      this.end(1);
    });
  }

  /** The person closed the terminal, or ended the task: what the setting says of cancelled progress. */
  close(): void {
    this.listening?.dispose();
    if (this.over || this.run === undefined) return;
    const { run } = this;
    const request =
      settings().onCancel === "stop" ? this.hub.request("cancel", { run }) : this.hub.request("pause", { run });
    request.catch((error: unknown) => this.hub.log.warn(message(error)));
  }

  private async start(): Promise<void> {
    const { workflow, inputs, roles } = this.definition;
    this.say(`callboard run ${workflow}`);
    // Listening begins before the run does, so that none of its messages is missed.
    this.listening = this.hub.onChange((change) => {
      for (const it of change.messages) {
        if (this.run !== undefined && it.about?.run === this.run) this.say(`${authorName(it.author)}: ${it.text}`);
      }
      const run = this.run === undefined ? undefined : this.hub.store.runs.get(this.run);
      if (run !== undefined && hasEnded(run) && !this.over) this.ended(run);
    });
    const started = await this.hub.request("run", { workflow, inputs, roles });
    this.run = started.run;
    this.say(
      settings().onCancel === "stop"
        ? vscode.l10n.t("{0} goes on in the hub; closing this ends it.", started.run)
        : vscode.l10n.t("{0} goes on in the hub; closing this pauses it.", started.run),
    );
    const known = this.hub.store.runs.get(started.run);
    if (known !== undefined && hasEnded(known) && !this.over) this.ended(known);
  }

  private ended(run: RunView): void {
    this.say(`${run.title}: ${runStatus(run.status)}${run.why ? ` (${run.why})` : ""}`);
    this.end(run.status === "approved" || run.status === "done" ? 0 : 1);
  }

  private say(text: string): void {
    this.writes.fire(`${printable(text).replace(/\n/g, "\r\n")}\r\n`);
  }

  private end(code: number): void {
    this.over = true;
    this.listening?.dispose();
    this.closes.fire(code);
  }
}
