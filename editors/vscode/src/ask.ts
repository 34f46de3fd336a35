// Questions by quick pick and input box, asked only for what a command was not given. `undefined` is always "never mind".

import * as vscode from "vscode";
import type { Hub } from "./hub";
import { pathBelow } from "./root";
import type { AgentView, InputView, PauseView, RunView, WorkflowView } from "./protocol";
import { RUN_ICONS } from "./views/runs";
import { AGENT_ICONS } from "./views/agents";
import { agentState, ago, pauseKind, runLine } from "./words";

function shelves(): Record<WorkflowView["category"], string> {
  return {
    review: vscode.l10n.t("Review"),
    build: vscode.l10n.t("Build"),
    test: vscode.l10n.t("Test"),
    ops: vscode.l10n.t("Other work"),
  };
}

/** More files are found by their names in the explorer. */
const MOST_FILES = 2000;

interface Choice<T> extends vscode.QuickPickItem {
  value?: T;
}

async function choose<T>(choices: Choice<T>[], placeHolder: string, title?: string): Promise<T | undefined> {
  const options = { placeHolder, title, matchOnDescription: true, matchOnDetail: true };
  return (await vscode.window.showQuickPick(choices, options))?.value;
}

export async function workflow(all: readonly WorkflowView[]): Promise<WorkflowView | undefined> {
  const choices: Choice<WorkflowView>[] = [];
  for (const [shelf, label] of Object.entries(shelves())) {
    const here = all.filter((it) => it.category === shelf && !it.broken);
    if (here.length === 0) continue;
    choices.push({ label, kind: vscode.QuickPickItemKind.Separator });
    for (const value of here) {
      const whose = value.from === "user" ? vscode.l10n.t("yours") : vscode.l10n.t("of this workspace");
      const from = value.from === "builtIn" ? "" : ` · ${whose}`;
      choices.push({
        label: value.title,
        description: `${value.name}${from}`,
        detail: value.description,
        iconPath: new vscode.ThemeIcon("play"),
        value,
      });
    }
  }
  return choose(choices, vscode.l10n.t("Which workflow?"));
}

/** Asks for each input that has neither a value nor a default. */
export async function inputs(
  hub: Hub,
  chosen: WorkflowView,
  given: Record<string, unknown>,
): Promise<Record<string, unknown> | undefined> {
  const told = { ...given };
  for (const input of chosen.inputs) {
    if (told[input.name] !== undefined || input.default !== undefined) continue;
    const value = await one(hub, chosen, input);
    if (value === undefined) return undefined;
    told[input.name] = value;
  }
  return told;
}

async function one(hub: Hub, chosen: WorkflowView, input: InputView): Promise<unknown> {
  const title = `${chosen.title}: ${input.name}`;
  if (input.kind === "flag") {
    return choose<boolean>(
      [
        { label: vscode.l10n.t("Yes"), value: true },
        { label: vscode.l10n.t("No"), value: false },
      ],
      input.description,
      title,
    );
  }
  if (input.kind === "path") {
    const active = vscode.window.activeTextEditor?.document.uri;
    const value = active === undefined ? "." : (pathOf(hub, active) ?? ".");
    return vscode.window.showInputBox({ title, prompt: input.description, value, ignoreFocusOut: true });
  }
  if (input.kind === "list") return several(title, input.description);
  const isNumber = input.kind === "number";
  const text = await vscode.window.showInputBox({
    title,
    prompt: input.description,
    ignoreFocusOut: true,
    validateInput: (it) =>
      it.trim() === ""
        ? vscode.l10n.t("It must be said; there is no default.")
        : isNumber && !/^-?\d+$/.test(it.trim())
          ? vscode.l10n.t("A whole number.")
          : undefined,
  });
  return text !== undefined && isNumber ? Number(text) : text;
}

/** Asks for one value after the other, until nothing is written. */
async function several(title: string, description: string): Promise<string[] | undefined> {
  const all: string[] = [];
  for (;;) {
    const more = vscode.l10n.t("{0} so far; an empty line is the end.", all.length);
    const prompt = all.length === 0 ? description : `${description} ${more}`;
    const validateInput = (it: string): string | undefined =>
      all.length === 0 && it.trim() === "" ? vscode.l10n.t("It must be said; there is no default.") : undefined;
    const said = await vscode.window.showInputBox({ title, prompt, ignoreFocusOut: true, validateInput });
    if (said === undefined) return undefined;
    if (said.trim() === "") return all;
    all.push(said.trim());
  }
}

/** A file's path from the workspace's root, with `/`; `undefined` for one that is outside. */
export function pathOf(hub: Hub, uri: vscode.Uri): string | undefined {
  const { root } = hub;
  return root === undefined || uri.scheme !== "file" ? undefined : pathBelow(root.path, uri.path);
}

/** Asks for a file: those that are open first. */
export async function file(hub: Hub, what: string): Promise<string | undefined> {
  const tabs = vscode.window.tabGroups.all.flatMap((it) => it.tabs);
  const open = tabs.flatMap(({ input }) => (input instanceof vscode.TabInputText ? [input.uri] : []));
  const found = await vscode.workspace.findFiles("**/*", "**/{.git,node_modules,target}/**", MOST_FILES);
  const known = new Set<string>();
  const choices: Choice<string>[] = [];
  for (const [uris, label] of [
    [open, vscode.l10n.t("open here")],
    [found, vscode.l10n.t("in this workspace")],
  ] as const) {
    const paths = uris.map((it) => pathOf(hub, it)).filter((it) => it !== undefined && !known.has(it));
    if (paths.length > 0) choices.push({ label, kind: vscode.QuickPickItemKind.Separator });
    for (const value of paths.filter((it) => it !== undefined).sort((a, b) => a.localeCompare(b))) {
      known.add(value);
      choices.push({ label: value, iconPath: vscode.ThemeIcon.File, value });
    }
  }
  if (known.size === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t("There is no file in this workspace yet."));
    return undefined;
  }
  // The walkthrough takes the focus when it ticks the step whose button asked for this: the question stays.
  const options = { placeHolder: what, matchOnDescription: true, ignoreFocusOut: true };
  return (await vscode.window.showQuickPick(choices, options))?.value;
}

export async function run(hub: Hub, fits: (run: RunView) => boolean, what: string): Promise<RunView | undefined> {
  const all = hub.store.runsByAge().filter(fits);
  if (all.length <= 1) {
    if (all.length === 0) void vscode.window.showInformationMessage(vscode.l10n.t("There is no such run here."));
    return all[0];
  }
  const choices = all.map((value) => ({
    label: value.title,
    description: value.id,
    detail: runLine(value, Date.now()),
    iconPath: new vscode.ThemeIcon(RUN_ICONS[value.status]?.[0] ?? "circle-outline"),
    value,
  }));
  return choose(choices, what);
}

export async function pause(hub: Hub, what: string): Promise<PauseView | undefined> {
  const all = hub.store.inbox();
  if (all.length <= 1) {
    if (all.length === 0) void vscode.window.showInformationMessage(vscode.l10n.t("Nothing waits for you."));
    return all[0];
  }
  const choices = all.map((value) => ({
    label: value.title,
    description: `${value.id} · ${pauseKind(value)} · ${ago(value.opened, Date.now())}`,
    value,
  }));
  return choose(choices, what);
}

export async function agent(
  hub: Hub,
  fits: (agent: AgentView) => boolean,
  what: string,
): Promise<AgentView | undefined> {
  const all = hub.store.agentsByName().filter((it) => !it.info.missing && fits(it));
  if (all.length === 0) {
    const message = vscode.l10n.t("No agent here can do that. `callboard doctor` says how to get one.");
    void vscode.window.showInformationMessage(message);
    return undefined;
  }
  const choices = all.map((value) => ({
    label: `@${value.info.name}`,
    description: agentState(value),
    detail: value.info.title,
    iconPath: new vscode.ThemeIcon(AGENT_ICONS[value.claim.state.is]?.[0] ?? "circle-outline"),
    value,
  }));
  return choose(choices, what);
}
