// Commands on findings: go there, have it fixed, settle it.

import * as vscode from "vscode";
import * as ask from "../ask";
import { Refused } from "../hub";
import type { Finding } from "../protocol";
import { counted, headline, severityName } from "../words";
import type { Argument, Commands, Tools } from "./table";

export function findingCommands({ hub }: Tools): Commands {
  const meant = async (given: Argument): Promise<Finding | undefined> => {
    if (given.finding !== undefined) {
      const known = hub.store.findings.get(given.finding);
      if (known === undefined)
        throw new Refused(vscode.l10n.t("There is no open finding {0} here", given.finding), "not_found");
      return known;
    }
    const all = hub.store.openFindings();
    if (all.length === 0) {
      void vscode.window.showInformationMessage(vscode.l10n.t("There is no open finding."));
      return undefined;
    }
    const choices = all.map((value) => ({
      label: headline(value.text),
      description: `${value.id} · ${value.place?.path ?? ""}`,
      value,
    }));
    return (await vscode.window.showQuickPick(choices, { placeHolder: vscode.l10n.t("Which finding?") }))?.value;
  };

  const fixer = async (): Promise<string | undefined> => {
    const fits = ask.agent(
      hub,
      ({ info }) => info.access === "write" && info.goodFor.includes("fix"),
      vscode.l10n.t("Who is to fix it?"),
    );
    return (await fits)?.info.name;
  };

  return {
    openFinding: async (given) => {
      const finding = await meant(given);
      const root = hub.root;
      if (finding?.place === undefined || root === undefined) return undefined;
      const uri = vscode.Uri.joinPath(root, finding.place.path);
      const document = await vscode.workspace.openTextDocument(uri);
      return vscode.window.showTextDocument(document, { selection: place(finding, document), preview: true });
    },
    fixFinding: async (given) => {
      const finding = await meant(given);
      if (finding === undefined) return undefined;
      const agent = given.agent ?? (await fixer());
      if (agent === undefined) return undefined;
      return hub.execute("callboard.fixFinding", { finding: finding.id, agent, channel: given.channel });
    },
    fixAll: async (given) => {
      const uri = given.uri ?? vscode.window.activeTextEditor?.document.uri;
      const path = given.path ?? (uri === undefined ? undefined : ask.pathOf(hub, uri));
      const all = hub.store.openFindings().filter((it) => it.place?.path === path);
      if (path === undefined || all.length === 0) {
        throw new Refused(vscode.l10n.t("There is no open finding in this file; review it first"), "not_found");
      }
      // The preview: what would be fixed, each of it to be left out.
      const chosen = await vscode.window.showQuickPick(
        all.map((value) => ({
          label: headline(value.text),
          description: `${value.id} · ${vscode.l10n.t("line {0}", value.place?.line ?? 1)} · ${severityName(value.severity)}`,
          detail: value.suggestion === undefined ? undefined : headline(value.suggestion),
          picked: true,
          value,
        })),
        { canPickMany: true, title: path, placeHolder: vscode.l10n.t("What is to be fixed?") },
      );
      if (chosen === undefined || chosen.length === 0) return undefined;
      const agent = given.agent ?? (await fixer());
      if (agent === undefined) return undefined;
      for (const { value } of chosen) await hub.execute("callboard.fixFinding", { finding: value.id, agent });
      const many = chosen.length;
      const said = counted(
        many,
        vscode.l10n.t("1 finding given to @{0}", agent),
        vscode.l10n.t("{0} findings given to @{1}", many, agent),
      );
      vscode.window.setStatusBarMessage(`$(wand) ${said}`, 4000);
      return undefined;
    },
    dismissFinding: async (given) => {
      const finding = await meant(given);
      if (finding === undefined) return undefined;
      if (given.how !== undefined && given.how !== "dismiss") {
        return hub.request("settleFinding", { finding: finding.id, how: given.how, reason: given.reason ?? "" });
      }
      const prompt = vscode.l10n.t("Why? The reviewers are told, so that they do not report it again.");
      const title = `${finding.id}: ${headline(finding.text, 60)}`;
      const reason =
        given.reason ??
        (await vscode.window.showInputBox({
          title,
          prompt,
          ignoreFocusOut: true,
          validateInput: (it) => (it.trim() === "" ? vscode.l10n.t("A reason is needed.") : undefined),
        }));
      if (reason === undefined) return undefined;
      return hub.request("settleFinding", { finding: finding.id, how: "dismiss", reason });
    },
    acceptFinding: async (given) => {
      const finding = await meant(given);
      return finding && hub.request("settleFinding", { finding: finding.id, how: "accept", reason: "" });
    },
  };
}

/** Where it stands now: where its diagnostic is, which follows the typing, else where it was reported. */
function place(finding: Finding, document: vscode.TextDocument): vscode.Range {
  const of = vscode.languages
    .getDiagnostics(document.uri)
    .find((it) => (it as { data?: { finding?: string } }).data?.finding === finding.id);
  if (of !== undefined) return of.range;
  const line = Math.max(0, (finding.place?.line ?? 1) - 1);
  const column = Math.max(0, (finding.place?.column ?? 1) - 1);
  return document.validateRange(new vscode.Range(line, column, line, column));
}
