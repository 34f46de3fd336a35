// One message as a row: who, when, what, what became of it, and the cards of what it speaks of.

import * as l10n from "@vscode/l10n";
import type { DeliveryView, MessageView } from "../src/protocol";
import { authorName } from "../src/words";
import { findingCards, pauseCard, runCard, type Does } from "./cards";
import { button, h, icon } from "./dom";
import type { Known } from "./known";
import { render, type Follow } from "./markdown";

export interface Context {
  known: Known;
  does: Does;
  follow: Follow;
  /** Whether the page shows one thread. */
  inThread: boolean;
  isFirstNew: boolean;
  /** Whether it is the last of its step in its run, where findings are shown. */
  isLastOfStep: boolean;
  opensThread: (message: MessageView) => void;
  withdraw: (message: string, agent: string) => void;
  jump: (message: string) => void;
}

export function row(message: MessageView, context: Context): HTMLElement {
  const { known, does } = context;
  const { author, about } = message;
  const name = authorName(author);
  const body = h("div", { class: "body" });
  body.append(render(message.text, context.follow));
  const run = about?.run === undefined ? undefined : known.runs.get(about.run);
  const pause = about?.pause === undefined ? undefined : known.pauses.get(about.pause);
  // The message that tells of the answer needs no card that says it again.
  const tells = pause?.answeredAt !== undefined && message.at >= pause.answeredAt;
  const beginsRun =
    run !== undefined && message.thread === undefined && about?.step === undefined && about?.pause === undefined;
  const findings =
    author.is === "agent" && about?.run !== undefined && context.isLastOfStep
      ? findingCards(known.findingsOf(about.run, author.name), does)
      : undefined;
  const thread = message.thread;
  const made = h(
    "article",
    {
      class: `message ${author.is}${thread === undefined ? "" : " reply"}${context.isFirstNew ? " first-new" : ""}`,
      tabindex: -1,
      "data-id": message.id,
      "aria-label": `${name}, ${time(message.at)}: ${message.text.slice(0, 200)}`,
    },
    context.isFirstNew &&
      h("div", { class: "new", role: "separator", "aria-label": l10n.t("New messages") }, l10n.t("New")),
    h(
      "header",
      {},
      avatar(message),
      h("span", { class: "author" }, name),
      h(
        "time",
        { title: new Date(message.at).toLocaleString(), datetime: new Date(message.at).toISOString() },
        time(message.at),
      ),
      thread !== undefined &&
        !context.inThread &&
        button(l10n.t("in the thread of {0}", thread), () => context.opensThread(message), { class: "link thread" }),
      h(
        "span",
        { class: "tools" },
        button(l10n.t("Reply in thread"), () => context.opensThread(message), { icon: "reply", class: "icon" }),
        (author.is === "agent" || (message.deliveries ?? []).length > 0) &&
          button(l10n.t("Show what was sent"), () => does("showSent", { message: message.id }), {
            icon: "eye",
            class: "icon",
          }),
      ),
    ),
    body,
    ...(message.deliveries ?? []).map((it) => delivery(message, it, context)),
    beginsRun && runCard(run, does),
    pause !== undefined && !tells && pauseCard(pause, does),
    findings,
  );
  return made;
}

function avatar(message: MessageView): HTMLElement {
  const names = { person: "account", agent: "hubot", operator: "megaphone", system: "gear" };
  return h("span", { class: "avatar" }, icon(names[message.author.is]));
}

const MARKS: Record<DeliveryView["state"]["is"], string> = {
  stored: "clock",
  delivered: "arrow-right",
  started: "sync",
  answered: "check-all",
  failed: "error",
  held: "debug-pause",
  withdrawn: "circle-slash",
};

function became(state: DeliveryView["state"]): string {
  switch (state.is) {
    case "stored":
      return l10n.t("in its queue");
    case "delivered":
      return l10n.t("delivered");
    case "started":
      return l10n.t("at work on it");
    case "answered":
      return l10n.t("answered");
    case "failed":
      return l10n.t("failed: {0}", state.why);
    case "held":
      return l10n.t("held at {0}", state.pause);
    case "withdrawn":
      return l10n.t("withdrawn");
  }
}

function delivery(message: MessageView, it: DeliveryView, context: Context): HTMLElement {
  const { state, agent } = it;
  const words = became(state);
  return h(
    "div",
    { class: `delivery ${state.is}` },
    icon(MARKS[state.is]),
    h("span", {}, `@${agent} `),
    state.is === "answered"
      ? button(words, () => context.jump(state.message))
      : state.is === "held"
        ? button(words, () => context.does("openPause", { pause: state.pause }))
        : h("span", { class: "dim" }, words),
    state.is === "stored" && button(l10n.t("Withdraw"), () => context.withdraw(message.id, agent)),
    (state.is === "started" || state.is === "delivered") &&
      button(l10n.t("Terminal"), () => context.does("openTerminal", { agent })),
  );
}

function time(at: number): string {
  const date = new Date(at);
  const clock = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  if (date.toDateString() === new Date().toDateString()) return clock;
  return `${date.toLocaleDateString([], { month: "short", day: "numeric" })} ${clock}`;
}
