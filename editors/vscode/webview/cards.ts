// Cards in a message: a run with its steps, a pause with its decisions, findings with their places.

import * as l10n from "@vscode/l10n";
import type { Allowed, FindingCard, PauseCard, RunCard } from "../src/channel/wire";
import {
  decisionTitle,
  findingState,
  headline,
  plainly,
  roundOf,
  runStatus,
  severityName,
  span,
  stepStatus,
  steps as inSteps,
} from "../src/words";
import { button, h, icon } from "./dom";

export type Does = (command: Allowed, argument: Record<string, string>) => void;

const STEP_ICONS: Record<string, string> = {
  waiting: "circle-outline",
  queued: "clock",
  running: "sync",
  backoff: "history",
  paused: "debug-breakpoint",
  done: "pass",
  skipped: "debug-step-over",
  failed: "error",
};

const RUN_ICONS: Record<string, string> = {
  running: "sync",
  waiting: "bell-dot",
  held: "debug-pause",
  approved: "pass-filled",
  done: "pass",
  failed: "error",
  rejected: "circle-slash",
  stopped: "debug-stop",
};

const GOOD = ["approved", "done"];
const ENDS = ["approved", "done", "failed", "rejected", "stopped"];

export function runCard(run: RunCard, does: Does): HTMLElement {
  const over = ENDS.includes(run.status);
  const argument = { run: run.id };
  const leaves = run.steps.filter((it, at) => (run.steps[at + 1]?.depth ?? 0) <= it.depth);
  const done = leaves.filter((it) => ["done", "skipped", "failed"].includes(it.status)).length;
  const steps = run.steps.map((it) =>
    h(
      "li",
      { class: `step ${it.status}`, style: undefined, "data-depth": Math.min(it.depth, 6) },
      icon(STEP_ICONS[it.status] ?? "circle-outline", stepStatus(it.status)),
      h("span", { class: "name" }, it.title),
      it.agent !== undefined && h("span", { class: "dim" }, `@${it.agent}`),
      it.round > 1 && h("span", { class: "dim" }, roundOf(it.round)),
    ),
  );
  const took = span((run.ended ?? Date.now()) - run.started);
  return h(
    "section",
    { class: `card run ${run.status}`, "aria-label": l10n.t("Run {0}, {1}", run.id, runStatus(run.status)) },
    h(
      "header",
      {},
      icon(RUN_ICONS[run.status] ?? "circle-outline"),
      h("span", { class: "name" }, runStatus(run.status)),
      h("span", { class: "dim" }, `${run.id} · ${over ? took : inSteps(done, leaves.length)}`),
    ),
    !over &&
      h("progress", {
        max: Math.max(1, leaves.length),
        value: done,
        "aria-label": inSteps(done, leaves.length),
      }),
    run.why !== "" && h("p", { class: GOOD.includes(run.status) ? "dim" : "why" }, run.why),
    h("ul", { class: "steps" }, ...steps),
    h(
      "footer",
      {},
      button(l10n.t("Picture"), () => does("showRun", argument)),
      run.changedFiles > 0 && button(l10n.t("Diff ({0})", run.changedFiles), () => does("showChanges", argument)),
      !over && run.status !== "held" && button(l10n.t("Pause"), () => does("pause", argument)),
      run.status === "held" && button(l10n.t("Resume"), () => does("resume", argument)),
      !over && button(l10n.t("Stop…"), () => does("cancel", argument)),
      over && run.changedFiles > 0 && button(l10n.t("Undo…"), () => does("undo", argument)),
    ),
  );
}

/** How much of a pause's document a card shows. A decision from a card whose document is longer leads to the page. */
const MOST = 2500;
/** A document of so many lines is shown without scrolling within it: what is allowed should be in sight above the button. */
const SHORT = 40;

/** What says that a run has changed files that steer programs; in sight though the document is closed. */
const steers = (files: string): string => l10n.t("Steers programs: {0}", files);

export function pauseCard(pause: PauseCard, does: Does): HTMLElement {
  const { id, hash } = pause;
  if (pause.answered !== undefined) {
    return h(
      "section",
      { class: "card pause answered" },
      icon("check"),
      h("span", { class: "dim" }, ` ${id}: ${pause.answered}`),
    );
  }
  const whole = pause.document.length <= MOST;
  const isShort = whole && pause.document.split("\n").length <= SHORT;
  const documentBox = h("details", {
    class: isShort ? "document short" : "document",
    open: pause.kind === "permission" || pause.kind === "question",
  });
  const shown = whole ? pause.document : `${pause.document.slice(0, MOST)}\n…`;
  documentBox.append(
    h("summary", {}, l10n.t("What is shown")),
    h("pre", { tabindex: 0, "aria-label": l10n.t("The document") }, h("code", {}, ...coloured(shown))),
  );
  const decide = (decision: string): void => {
    switch (decision) {
      case "approve":
        // Bound to what the card shows; where it does not show all, the page does.
        if (whole && documentBox.open) does("approve", { pause: id, hash });
        else if (whole) {
          documentBox.open = true;
          documentBox.querySelector("pre")?.focus({ preventScroll: true });
        } else does("openPause", { pause: id });
        return;
      case "edit":
        does("openPause", { pause: id });
        return;
      case "request-changes":
        does("requestChanges", { pause: id });
        return;
      case "reject":
        does("reject", { pause: id });
        return;
      default:
        does("decide", { pause: id, decision, hash });
    }
  };
  const usual = pause.decisions[0];
  const approve = button(decisionTitle(usual ?? "approve"), () => decide(usual ?? "approve"), { class: "primary" });
  documentBox.addEventListener("toggle", () => {
    if (usual !== "approve") return;
    const label = !whole
      ? l10n.t("Read and approve…")
      : documentBox.open
        ? decisionTitle("approve")
        : l10n.t("Look, then approve");
    approve.textContent = label;
    approve.title = label;
    approve.setAttribute("aria-label", label);
  });
  documentBox.dispatchEvent(new Event("toggle"));
  const buttons =
    pause.kind === "permission"
      ? permission(pause, does)
      : pause.kind === "question"
        ? question(pause, does)
        : undefined;
  if (buttons !== undefined) {
    return h(
      "section",
      {
        class: `card pause of-${pause.kind}`,
        "aria-label": l10n.t("{0} waits for you: {1}", id, headline(pause.title)),
      },
      whole ? documentBox : h("p", { class: "dim" }, l10n.t("It is longer than this card: open it to see all of it.")),
      h(
        "footer",
        {},
        ...(whole ? buttons : []),
        button(l10n.t("Open"), () => does("openPause", { pause: id }), { class: "secondary" }),
      ),
    );
  }
  return h(
    "section",
    { class: `card pause of-${pause.kind}`, "aria-label": l10n.t("{0} waits for you: {1}", id, headline(pause.title)) },
    pause.steering !== "" && h("p", { class: "steering" }, icon("warning"), ` ${steers(pause.steering)}`),
    documentBox,
    h(
      "footer",
      {},
      approve,
      button(l10n.t("Open"), () => does("openPause", { pause: id }), { class: "secondary" }),
      ...pause.decisions
        .filter((it) => it !== usual && it !== "edit")
        .map((it) => button(decisionTitle(it), () => decide(it), { class: "secondary" })),
    ),
  );
}

function scopeTitle(scope: string): string {
  const names: Record<string, string> = {
    once: l10n.t("Allow once"),
    run: l10n.t("Allow for this run"),
    always: l10n.t("Always allow"),
  };
  return names[scope] ?? scope;
}

function permission({ id, hash, scopes, decisions }: PauseCard, does: Does): HTMLElement[] {
  const allowed = scopes.length === 0 ? ["once"] : scopes;
  const buttons = allowed.map((scope, index) =>
    button(scopeTitle(scope), () => does("decide", { pause: id, hash, decision: "approve", scope }), {
      class: index === 0 ? "primary" : "secondary",
    }),
  );
  if (decisions.includes("reject"))
    buttons.push(button(l10n.t("Deny…"), () => does("reject", { pause: id, hash }), { class: "secondary" }));
  return buttons;
}

function question({ id, hash, choices, decisions }: PauseCard, does: Does): HTMLElement[] {
  const answer = (document: string): void => does("decide", { pause: id, hash, decision: "edit", document });
  const input = h("input", {
    class: "input",
    "aria-label": l10n.t("Your answer to {0}", id),
    placeholder: l10n.t("Your answer"),
    onkeydown: (event) => {
      const text = input.value.trim();
      if ((event as KeyboardEvent).key === "Enter" && text !== "") answer(text);
    },
  });
  const buttons: HTMLElement[] = choices.map((it) => button(it, () => answer(it), { class: "secondary" }));
  if (decisions.includes("reject")) {
    buttons.push(button(l10n.t("Don't answer…"), () => does("reject", { pause: id, hash }), { class: "secondary" }));
  }
  return [h("div", { class: "answer" }, input), ...buttons];
}

/** Lines of a diff in their colours, everything else as it is. */
function coloured(text: string): (Node | string)[] {
  if (!/^(@@ |diff --git )/m.test(text)) return [text];
  return text.split(/(?<=\n)/).map((line) => {
    const kind = line.startsWith("+") ? "hljs-addition" : line.startsWith("-") ? "hljs-deletion" : "";
    return kind === "" ? line : h("span", { class: kind }, line);
  });
}

const SEVERITY: Record<string, string> = { error: "error", warning: "warning", info: "info", hint: "lightbulb" };
const MOST_FINDINGS = 20;

export function findingCards(all: readonly FindingCard[], does: Does): HTMLElement | undefined {
  if (all.length === 0) return undefined;
  const rows = all.slice(0, MOST_FINDINGS).map((it) => {
    const open = it.state === "open" || it.state === "stale";
    const argument = { finding: it.id };
    const place = it.path === undefined ? "" : `${it.path}:${it.line ?? 1}`;
    return h(
      "li",
      { class: `finding ${it.severity} ${it.state}` },
      icon(
        open ? (SEVERITY[it.severity] ?? "info") : "check",
        open ? severityName(it.severity) : findingState(it.state),
      ),
      h(
        "button",
        {
          type: "button",
          class: "row",
          title: it.text,
          disabled: !open,
          "aria-label": `${severityName(it.severity)} ${it.id}, ${findingState(it.state)}: ${headline(it.text)} ${place}`,
          onclick: () => does("openFinding", argument),
        },
        h("span", { class: "name" }, plainly(headline(it.text, 200))),
        h("span", { class: "dim" }, `${place} ${it.id}${open ? "" : ` · ${findingState(it.state)}`}`),
      ),
      open &&
        button(l10n.t("Fix {0} with…", it.id), () => does("fixFinding", argument), { icon: "wand", class: "icon" }),
      open &&
        button(l10n.t("Dismiss {0}…", it.id), () => does("dismissFinding", argument), {
          icon: "circle-slash",
          class: "icon",
        }),
    );
  });
  const more = all.length - rows.length;
  return h(
    "ul",
    { class: "card findings", "aria-label": l10n.t("Findings") },
    ...rows,
    more > 0 && h("li", { class: "dim" }, l10n.t("and {0} more, in the Findings view", more)),
  );
}
