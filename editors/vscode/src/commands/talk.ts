// Commands on channels and agents, on trust, and on the server itself.

import * as vscode from "vscode";
import * as ask from "../ask";
import { chooseFolder } from "../elsewhere";
import { Refused } from "../hub";
import type { AgentView } from "../protocol";
import { counted, headline } from "../words";
import type { Commands, Tools } from "./table";

export function talkCommands({ hub, channel, terminals }: Tools): Commands {
  return {
    openChannel: async (given) => {
      const run = given.run === undefined ? undefined : hub.store.runs.get(given.run);
      const { turn, pause } = given;
      const about = turn === undefined && pause === undefined ? undefined : { turn, pause };
      return channel.show({
        channel: given.channel ?? run?.channel,
        thread: given.thread ?? run?.thread,
        about,
      });
    },
    searchChannel: async () => channel.search(),
    post: async (given) => {
      const prompt = vscode.l10n.t("@name wakes an agent; with no mention nobody is woken.");
      const text = given.text ?? (await vscode.window.showInputBox({ prompt, ignoreFocusOut: true }));
      if (text === undefined || text.trim() === "") return undefined;
      return hub.request("post", { text, channel: given.channel, thread: given.thread });
    },
    mention: async ({ agent }) => channel.insert(agent === undefined ? "@" : `@${agent} `),
    ask: async (given) => {
      const editor = vscode.window.activeTextEditor;
      const uri = given.uri ?? editor?.document.uri;
      const path = given.path ?? (uri === undefined ? undefined : ask.pathOf(hub, uri));
      const talker =
        given.agent ??
        (
          await ask.agent(
            hub,
            ({ info }) => info.driver !== "tool" || info.access === "read",
            vscode.l10n.t("Who is to be asked?"),
          )
        )?.info.name;
      if (talker === undefined) return undefined;
      return channel.insert(`@${talker} ${about(path, editor)}`);
    },
    newChannel: async () => {
      const prompt = vscode.l10n.t("Its name: small letters, digits and -");
      const name = await vscode.window.showInputBox({ prompt, ignoreFocusOut: true });
      if (name === undefined || name.trim() === "") return undefined;
      await hub.request("createChannel", { name: name.trim().replace(/^#/, "") });
      return channel.show({ channel: name.trim().replace(/^#/, "") });
    },
    openTerminal: async ({ agent }) => {
      const name = agent ?? (await ask.agent(hub, () => true, vscode.l10n.t("Whose terminal?")))?.info.name;
      if (name !== undefined) terminals.show(name);
    },
    takeOver: async (given) => {
      const fits = (it: AgentView): boolean => it.info.takeOver && it.taken === undefined;
      const name = given.agent ?? (await ask.agent(hub, fits, vscode.l10n.t("Who is to be taken over?")))?.info.name;
      if (name === undefined) return undefined;
      const view = hub.store.agents.get(name);
      let afterTurn = false;
      if (view?.turn !== undefined && view.taken === undefined) {
        const yes = vscode.l10n.t("Take Over After Its Turn");
        const detail = vscode.l10n.t(
          "Its session opens in its own screen when the turn is over. Its messages wait till you hand it back.",
        );
        const title = vscode.l10n.t("@{0} is on a turn", name);
        const said = await vscode.window.showInformationMessage(title, { modal: true, detail }, yes);
        if (said !== yes) return undefined;
        afterTurn = true;
      }
      const done = await hub.request("takeOver", { agent: name, afterTurn });
      terminals.show(name);
      return done;
    },
    handBack: async (given) => {
      const fits = (it: AgentView): boolean => it.taken !== undefined;
      const name = given.agent ?? (await ask.agent(hub, fits, vscode.l10n.t("Who is to be handed back?")))?.info.name;
      return name === undefined ? undefined : hub.request("handBack", { agent: name });
    },
    showSent: async ({ turn, message, agent }) => {
      const at = turn ?? (agent === undefined ? undefined : hub.store.agents.get(agent)?.turn);
      if (at === undefined && message === undefined)
        throw new Refused(vscode.l10n.t("Name a turn or a message"), "invalid");
      const sent = await hub.request("sent", at === undefined ? { message } : { turn: at });
      if (sent.length === 0) throw new Refused(vscode.l10n.t("Nobody was sent that message"), "not_found");
      const parts = sent.map((it) => {
        const prompt =
          it.prompt === ""
            ? vscode.l10n.t("(no longer in memory; `callboard channel sent` reads it from the journal)")
            : it.prompt;
        const time = new Date(it.started ?? it.queued).toLocaleString();
        return `${vscode.l10n.t("What @{0} was sent ({1}, {2})", it.agent, it.id, time)}\n\n${prompt}\n`;
      });
      const content = parts.join(`\n${"—".repeat(60)}\n\n`);
      const document = await vscode.workspace.openTextDocument({ content, language: "markdown" });
      return vscode.window.showTextDocument(document, { preview: true });
    },
    trust: async () => {
      if (!vscode.workspace.isTrusted) {
        await vscode.commands.executeCommand("workbench.trust.manage");
        return undefined;
      }
      const shown = await hub.request("trust", {});
      if (!shown.trusted) {
        const yes = vscode.l10n.t("Trust This Workspace");
        const title = vscode.l10n.t("Trust this workspace?");
        const said = await vscode.window.showWarningMessage(title, { modal: true, detail: shown.text }, yes);
        if (said !== yes) return undefined;
        // Bound to what was shown: refused where that changed meanwhile.
        await hub.request("trust", { digest: shown.digest });
      }
      await hub.look();
      return undefined;
    },
    permissions: async () => {
      const all = await hub.request("permissions", {});
      if (all.length === 0) {
        const none = vscode.l10n.t("No permission is remembered: each is asked for when it is needed.");
        void vscode.window.showInformationMessage(none);
        return undefined;
      }
      const choices = all.map((rule) => ({
        label: `@${rule.agent}: ${rule.tool}`,
        description: [
          rule.id,
          rule.run === undefined ? vscode.l10n.t("until it is taken back") : vscode.l10n.t("until {0} ends", rule.run),
          counted(rule.used, vscode.l10n.t("used once"), vscode.l10n.t("used {0} times", rule.used)),
        ].join(" · "),
        detail: headline(rule.pattern, 200),
        rule,
      }));
      const placeHolder = vscode.l10n.t("Which permission is to be taken back?");
      const options = { placeHolder, matchOnDetail: true };
      const chosen = await vscode.window.showQuickPick(choices, options);
      return chosen && hub.request("revokePermission", { permission: chosen.rule.id });
    },
    chooseFolder: async () => chooseFolder(hub),
    restart: async () => {
      await hub.restart();
      if (hub.phase.is !== "running") {
        throw new Refused(vscode.l10n.t("Callboard does not run here: {0}.", hub.whyNot()), "off");
      }
    },
    showLog: async () => {
      hub.log.show();
      return Promise.resolve();
    },
    openWalkthrough: async () =>
      vscode.commands.executeCommand("workbench.action.openWalkthrough", "callboard.callboard#first"),
  };
}

/** Names the lines that are selected, or the file. */
function about(path: string | undefined, editor: vscode.TextEditor | undefined): string {
  if (path === undefined) return "";
  if (editor === undefined || editor.selection.isEmpty) return vscode.l10n.t("about {0}: ", `\`${path}\``);
  const { start, end } = editor.selection;
  const lines = start.line === end.line ? `${start.line + 1}` : `${start.line + 1}-${end.line + 1}`;
  return vscode.l10n.t("about {0}: ", `\`${path}:${lines}\``);
}
