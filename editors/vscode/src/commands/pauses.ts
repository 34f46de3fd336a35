// Commands on pause points. Invariant: an answer goes with the hash of what this person was shown: the page that is open here,
// the card in the channel, or the dialog that shows the document whole.

import * as vscode from "vscode";
import * as ask from "../ask";
import { Refused, type Hub } from "../hub";
import { asWords, pauseOf, wordsBelow } from "../page";
import type { PauseView } from "../protocol";
import { answeredBy, decisionTitle, headline } from "../words";
import type { Argument, Commands, Tools } from "./table";

/** A document that is longer is shown as a page, not in a dialog. */
const MOST_SHOWN = 1500;

export function pauseCommands({ hub, changes, remarks }: Tools): Commands {
  /** The pause that is meant: named, or the one whose page is in front, or the one that is chosen. */
  const meant = async (given: Argument, what: string): Promise<PauseView | undefined> => {
    const name = given.pause ?? pageInFront(given) ?? ofDiff(given);
    if (name === undefined) return ask.pause(hub, what);
    const known = hub.store.pauses.get(name) ?? (await hub.request("inbox", { pause: name }))[0];
    if (known === undefined) throw new Refused(vscode.l10n.t("There is no pause {0} here", name), "not_found");
    return known;
  };

  /** The pause of the run whose diff is in front. */
  const ofDiff = (given: Argument): string | undefined => {
    const uri = given.uri ?? vscode.window.activeTextEditor?.document.uri;
    const run = uri === undefined ? undefined : changes.runOf(uri);
    return run === undefined ? undefined : hub.store.inbox().find((it) => it.run === run)?.id;
  };

  /** Answers it with what its page says, where that is open here; else with what was shown. */
  const decide = async (view: PauseView, given: Argument): Promise<unknown> => {
    const page = openPage(view.id);
    // What a person sees when they answer is what counts, so it is saved first.
    if (page?.isDirty === true && !(await page.save())) {
      throw new Refused(vscode.l10n.t("{0}.md could not be saved, so nothing was answered", view.id), "changed");
    }
    const { decision, text, document, agent, scope } = given;
    const answer = { pause: view.id, decision, hash: given.hash ?? view.hash, text, document, agent, scope };
    const done = await hub.execute("callboard.decide", answer);
    if (decision === "request-changes") remarks.clear();
    await closePage(view.id);
    const said = `${view.id}: ${decisionTitle(decision ?? "")}`;
    vscode.window.setStatusBarMessage(`$(check) ${said}`, 4000);
    return done;
  };

  const approve = async (given: Argument): Promise<unknown> => {
    const view = await meant(given, vscode.l10n.t("What is to be approved?"));
    if (view === undefined) return undefined;
    if (given.hash !== undefined || openPage(view.id) !== undefined) {
      return decide(view, { ...given, decision: "approve" });
    }
    if (view.kind === "question") return open(view);
    if (view.document.length > MOST_SHOWN) return open(view);
    const yes = decisionTitle("approve");
    const page = vscode.l10n.t("Open");
    const options = { modal: true, detail: view.document };
    const said = await vscode.window.showInformationMessage(headline(view.title), options, yes, page);
    if (said === page) return open(view);
    return said === yes ? decide(view, { decision: "approve" }) : undefined;
  };

  const requestChanges = async (given: Argument): Promise<unknown> => {
    const view = await meant(given, vscode.l10n.t("Of what are changes requested?"));
    if (view === undefined) return undefined;
    const page = openPage(view.id);
    const below = page === undefined ? "" : wordsBelow(page.getText());
    const written = remarks.all();
    let text = given.text;
    if (text === undefined && below !== "" && written.length === 0) {
      // The words stand in the page: the server reads them there.
      return decide(view, { ...given, decision: "request-changes" });
    }
    if (text === undefined) {
      const prompt =
        written.length === 0
          ? vscode.l10n.t("What is to change? It goes back to the step, then its checks, then this pause again.")
          : vscode.l10n.t("Your remarks on {0} lines go along. Anything else?", written.length);
      const title = `${view.id}: ${headline(view.title, 60)}`;
      text = await vscode.window.showInputBox({ title, prompt, value: below, ignoreFocusOut: true });
      if (text === undefined) return undefined;
    }
    const words = asWords(written, text);
    if (words === "") throw new Refused(vscode.l10n.t("Say what is to change, or write it beside a line"), "invalid");
    return decide(view, { ...given, decision: "request-changes", text: words });
  };

  const reject = async (given: Argument): Promise<unknown> => {
    const view = await meant(given, vscode.l10n.t("What is to be rejected?"));
    if (view === undefined) return undefined;
    const title = `${decisionTitle("reject")} ${view.id}: ${headline(view.title, 60)}`;
    const prompt = vscode.l10n.t("Why? It may be empty. The run ends as its workflow says.");
    const text = given.text ?? (await vscode.window.showInputBox({ title, prompt, ignoreFocusOut: true }));
    return text === undefined ? undefined : decide(view, { ...given, decision: "reject", text });
  };

  const open = async (view: PauseView): Promise<unknown> => {
    const { answered } = hub.store.pauses.get(view.id) ?? view;
    if (answered === undefined) return hub.execute("callboard.openPause", { pause: view.id });
    const how = answeredBy(answered.decision.decision, answered.by);
    void vscode.window.showInformationMessage(vscode.l10n.t("{0} was answered: {1}.", view.id, how));
    return undefined;
  };

  return {
    openPause: async (given) => {
      const view = await meant(given, vscode.l10n.t("Which pause point?"));
      return view === undefined ? undefined : open(view);
    },
    approve,
    requestChanges,
    reject,
    decide: async (given) => {
      const view = await meant(given, vscode.l10n.t("Which pause point is to be answered?"));
      if (view === undefined) return undefined;
      const decision = given.decision ?? (await chosen(view));
      const answer = { ...given, pause: view.id, decision };
      switch (decision) {
        case undefined:
          return undefined;
        case "approve":
          return approve(answer);
        case "request-changes":
          return requestChanges(answer);
        case "reject":
          return reject(answer);
        case "edit": {
          if (openPage(view.id) !== undefined || given.document !== undefined) return decide(view, answer);
          await open(view);
          return undefined;
        }
        case "retry": {
          if (given.agent !== undefined) return decide(view, answer);
          return decide(view, { ...answer, agent: undefined });
        }
        case "stop": {
          const yes = vscode.l10n.t("Stop the Run");
          const title = vscode.l10n.t("Stop {0} at {1}?", view.run ?? vscode.l10n.t("the run"), view.id);
          const said = await vscode.window.showWarningMessage(title, { modal: true }, yes);
          return said === yes ? decide(view, answer) : undefined;
        }
        default:
          return decide(view, answer);
      }
    },
    // A lens on a changed hunk names it; nothing is left to ask.
    undoHunk: async ({ pause, path, hunk }) => hub.execute("callboard.undoHunk", { pause, path, hunk }),
    showInbox: async () => {
      await vscode.commands.executeCommand("callboard.inbox.focus");
    },
  };
}

async function chosen(view: PauseView): Promise<string | undefined> {
  const choices = view.decisions
    .filter((it) => it !== "edit")
    .map((decision) => ({ label: decisionTitle(decision), decision }));
  const said = await vscode.window.showQuickPick(choices, { title: view.id, placeHolder: headline(view.title) });
  return said?.decision;
}

function pageInFront(given: Argument): string | undefined {
  const document = vscode.window.activeTextEditor?.document;
  if (given.uri !== undefined) {
    const other = vscode.workspace.textDocuments.find((it) => it.uri.toString() === given.uri?.toString());
    return other === undefined ? undefined : pauseOf(other.uri.path, other.lineAt(0).text);
  }
  return document === undefined ? undefined : pauseOf(document.uri.path, document.lineAt(0).text);
}

function openPage(pause: string): vscode.TextDocument | undefined {
  return vscode.workspace.textDocuments.find(
    (it) => !it.isClosed && it.uri.scheme === "file" && pauseOf(it.uri.path, it.lineAt(0).text) === pause,
  );
}

async function closePage(pause: string): Promise<void> {
  const tabs = vscode.window.tabGroups.all.flatMap((it) => it.tabs);
  const ours = tabs.filter(
    ({ input, isDirty }) =>
      input instanceof vscode.TabInputText && input.uri.path.endsWith(`/documents/${pause}.md`) && !isDirty,
  );
  if (ours.length > 0) await vscode.window.tabGroups.close(ours);
}

/** Keeps the context that says whether the page of a pause that waits is in front. */
export function followPages(hub: Hub): vscode.Disposable {
  const look = (): void => {
    const document = vscode.window.activeTextEditor?.document;
    const name = document === undefined ? undefined : pauseOf(document.uri.path, document.lineAt(0).text);
    const pause = name === undefined ? undefined : hub.store.pauses.get(name);
    const waits = pause !== undefined && pause.answered === undefined;
    void vscode.commands.executeCommand("setContext", "callboard.pausePage", waits);
  };
  look();
  return vscode.Disposable.from(
    vscode.window.onDidChangeActiveTextEditor(look),
    hub.onBegin(look),
    hub.onChange((change) => {
      if (change.kinds.has("pause")) look();
    }),
  );
}
