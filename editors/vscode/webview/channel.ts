// The channel's page: a list of messages, a composer, and what is between them. It fetches nothing: the extension tells it all.

import "./language";
import "@vscode/codicons/dist/codicon.css";
import "./channel.css";
import * as l10n from "@vscode/l10n";
import type { Allowed, Facts, Sought, ToView } from "../src/channel/wire";
import type { MessageView } from "../src/protocol";
import { authorName, headline, span, stateName } from "../src/words";
import { Composer } from "./composer";
import { button, h, host, icon, watchPolicy } from "./dom";
import { keep, kept } from "./kept";
import { Known } from "./known";
import { List } from "./list";
import { visible, type Target } from "./markdown";
import { row } from "./message";
import { Search } from "./search";

const began = performance.now();
const known = new Known();
let messages: MessageView[] = [];
const place = new Map<string, number>();
let channel = "main";
let thread: string | undefined;
let older = false;
let asking = false;
let seen = 0;
let firstNew: string | undefined;
let focused = -1;
let painted = false;

const does = (command: Allowed, argument: Record<string, string>): void =>
  host.postMessage({ is: "do", command, argument });

const select = h("select", { class: "channels", "aria-label": l10n.t("Channel"), onchange: () => go(select.value) });
const title = h("div", { class: "bar" }, icon("comment-discussion"), select);
const box = h("div", {
  class: "messages",
  role: "feed",
  "aria-label": l10n.t("Messages"),
  "aria-busy": "false",
  tabindex: 0,
  onkeydown: (event) => keys(event as KeyboardEvent),
});
const jump = button(l10n.t("New messages ↓"), () => list.toEnd(), { class: "jump primary" });
jump.hidden = true;
const working = h("div", { class: "working", "aria-live": "off" });
const said = h("div", { class: "sr", role: "status", "aria-live": "polite" });
const off = h("div", { class: "off", hidden: true });
const composer = new Composer({
  send: () => list.toEnd(),
  complete: (ask, text, cursor) => host.postMessage({ is: "complete", ask, text, cursor }),
  leaveThread: () => go(channel),
});
const list = new List(box, { draw, nearTop, atEnd });
const search = new Search({
  messages: () => messages,
  show: (index) => focus(index),
  more: () => older,
  older: nearTop,
  close: () => composer.focus(),
});
const frame = h("div", { class: "frame" }, box, jump);
const main = h("div", { class: "page" }, title, search.node, frame, working, composer.node, said);
document.getElementById("root")?.append(main, off);
watchPolicy();

function draw(index: number): HTMLElement {
  const message = messages[index];
  if (message === undefined) return h("article", {});
  return row(message, {
    known,
    does,
    follow,
    inThread: thread !== undefined,
    isFirstNew: message.id === firstNew,
    isLastOfStep: isLastOfStep(message, index),
    opensThread: (it) => go(channel, it.thread ?? it.id),
    withdraw: (id, agent) => host.postMessage({ is: "withdraw", message: id, agent }),
    jump: (id) => showMessage(id),
  });
}

/** The row of the last message of each step, kept as messages come. */
const lastOf = new Map<string, number>();

function stepOf(message: MessageView): string | undefined {
  const { about } = message;
  return about?.run === undefined || about.turn === undefined ? undefined : `${about.run}/${about.step ?? ""}`;
}

function isLastOfStep(message: MessageView, index: number): boolean {
  const step = stepOf(message);
  return step !== undefined && lastOf.get(step) === index;
}

function note(from: number): void {
  for (let at = from; at < messages.length; at += 1) {
    const message = messages[at];
    if (message === undefined) continue;
    place.set(message.id, at);
    const step = stepOf(message);
    if (step === undefined) continue;
    const before = lastOf.get(step);
    lastOf.set(step, Math.max(before ?? at, at));
    if (before !== undefined && before !== at) list.redraw(before);
  }
}

function follow(target: Target): void {
  switch (target.is) {
    case "file":
      host.postMessage({ is: "file", path: target.path, line: target.line });
      return;
    case "url":
      host.postMessage({ is: "link", url: target.url });
      return;
    case "id": {
      const { id } = target;
      if (id.startsWith("r")) does("showRun", { run: id });
      else if (id.startsWith("p")) does("openPause", { pause: id });
      else if (id.startsWith("f")) does("openFinding", { finding: id });
      else showMessage(id);
      return;
    }
    case "mention":
      composer.insert(`@${target.name} `);
  }
}

function showMessage(id: string): void {
  const at = place.get(id);
  if (at === undefined) say(l10n.t("{0} is further up; scroll there, or search for it.", id));
  else focus(at);
}

/** The newest message about a turn or a pause. */
function showAbout({ turn, pause }: Sought): void {
  const found = messages.findLast(
    ({ about }) => (turn !== undefined && about?.turn === turn) || (pause !== undefined && about?.pause === pause),
  );
  if (found === undefined)
    say(l10n.t("The message of {0} is further up; scroll there, or search for it.", turn ?? pause ?? ""));
  else showMessage(found.id);
}

function go(name: string, of?: string): void {
  host.postMessage({ is: "channel", name, thread: of });
}

function nearTop(): void {
  const first = messages[0];
  if (!older || asking || first === undefined) return;
  asking = true;
  box.setAttribute("aria-busy", "true");
  host.postMessage({ is: "older", before: first.id });
}

function atEnd(is: boolean): void {
  if (is) {
    jump.hidden = true;
    tellSeen();
  }
}

function tellSeen(): void {
  const last = messages.at(-1);
  if (last === undefined || thread !== undefined || !document.hasFocus()) return;
  const number = Number(last.id.slice(1));
  if (number <= seen) return;
  seen = number;
  host.postMessage({ is: "seen", number });
}

/** Marks the first of the messages that come while nobody looks. */
function markNew(from: number, stuck: boolean): void {
  const before = messages[from - 1];
  const isUnread = before !== undefined && Number(before.id.slice(1)) > seen;
  if (thread !== undefined || isUnread || (stuck && document.hasFocus())) return;
  const old = firstNew === undefined ? undefined : place.get(firstNew);
  firstNew = messages[from]?.id;
  if (old !== undefined) list.redraw(old);
}

function focus(index: number): void {
  focused = Math.max(0, Math.min(index, messages.length - 1));
  const node = list.show(focused, "nearest");
  node?.focus({ preventScroll: true });
}

function keys(event: KeyboardEvent): void {
  const inside = event.target !== box && !(event.target instanceof HTMLElement && event.target.tagName === "ARTICLE");
  if (inside) {
    if (event.key === "Escape") focus(Math.max(0, focused));
    return;
  }
  const from = focused < 0 ? messages.length : focused;
  const step: Record<string, number> = { ArrowUp: -1, ArrowDown: 1, PageUp: -8, PageDown: 8 };
  const by = step[event.key];
  if (by !== undefined) {
    event.preventDefault();
    focus(from + by);
  } else if (event.key === "Home") {
    event.preventDefault();
    focus(0);
  } else if (event.key === "End") {
    event.preventDefault();
    focused = messages.length - 1;
    list.toEnd();
    list.node(focused)?.focus({ preventScroll: true });
  } else if (event.key === "Enter") {
    const first = list.node(focused)?.querySelector<HTMLElement>("button, a");
    event.preventDefault();
    first?.focus();
  } else if (event.key === "r" || event.key === "R") {
    const message = messages[focused];
    if (message !== undefined) go(channel, message.thread ?? message.id);
  } else if (event.key === "Escape" || event.key === "i") {
    event.preventDefault();
    composer.focus();
  }
}

function say(text: string): void {
  said.textContent = text;
}

function take(facts: Facts): void {
  const changed = known.take(facts);
  if (changed.size > 0) {
    for (const [index, message] of inSight()) {
      const { about, author } = message;
      const touches =
        (about?.run !== undefined && changed.has(about.run)) ||
        (about?.pause !== undefined && changed.has(about.pause)) ||
        (author.is === "agent" && about?.run !== undefined && changed.has(about.run));
      if (touches) list.redraw(index);
    }
  }
  if (facts.channels !== undefined) showChannels();
  showWorking();
}

function* inSight(): Generator<[number, MessageView]> {
  for (let at = Math.max(0, list.first() - 20); at < messages.length; at += 1) {
    const message = messages[at];
    if (message === undefined) return;
    if (list.node(at) !== undefined) yield [at, message];
    else if (at > list.first() + 200) return;
  }
}

function showChannels(): void {
  const names = [...known.channels.keys()];
  if (!names.includes(channel)) names.unshift(channel);
  select.replaceChildren(...names.map((it) => h("option", { value: it }, `#${it}`)));
  select.value = channel;
}

function ofAgent(command: Allowed, label: string, agent: string): HTMLElement {
  const made = button(label, () => does(command, { agent }));
  made.dataset.agent = `${command} ${agent}`;
  return made;
}

/** What agents that are at work are writing, by name. */
const tails = new Map<string, string[]>();

function showWorking(): void {
  const busy = [...known.agents.values()].filter((it) => !["idle", "stopped"].includes(it.state) && !it.missing);
  for (const name of [...tails.keys()]) if (!busy.some((it) => it.name === name)) tails.delete(name);
  const active = document.activeElement;
  const had = working.contains(active) ? active?.getAttribute("data-agent") : undefined;
  working.replaceChildren(
    ...busy.slice(0, 4).map((it) => {
      const lines = tails.get(it.name) ?? [];
      return h(
        "div",
        { class: "who", title: it.title },
        icon(
          it.state === "working" || it.state === "starting"
            ? "loading"
            : it.state === "takenOver"
              ? "person"
              : "warning",
        ),
        ` @${it.name} ${stateName(it.state)} · ${span(Date.now() - it.since)} `,
        ofAgent("openTerminal", l10n.t("Terminal"), it.name),
        it.state === "takenOver" && ofAgent("handBack", l10n.t("Hand back"), it.name),
        lines.length > 0 &&
          h("pre", { class: "tail", "aria-label": l10n.t("What @{0} is writing", it.name) }, visible(lines.join("\n"))),
      );
    }),
  );
  if (had) working.querySelector<HTMLElement>(`button[data-agent="${had}"]`)?.focus({ preventScroll: true });
  for (const box of working.querySelectorAll(".tail")) box.scrollTop = box.scrollHeight;
  working.hidden = busy.length === 0;
}
setInterval(() => {
  if (!working.hidden && !document.hidden) showWorking();
}, 1000);

function replaceOrAppend(fresh: readonly MessageView[]): number {
  let added = 0;
  for (const message of fresh) {
    const at = place.get(message.id);
    if (at === undefined) {
      messages.push(message);
      place.set(message.id, messages.length - 1);
      added += 1;
    } else if ((messages[at]?.rev ?? 0) < message.rev) {
      messages[at] = message;
      list.redraw(at);
    }
  }
  return added;
}

addEventListener("message", (event: MessageEvent<ToView>) => {
  const it = event.data;
  switch (it.is) {
    case "off": {
      main.hidden = true;
      off.hidden = false;
      const { action } = it;
      off.replaceChildren(
        h("p", {}, it.why),
        ...(action === undefined ? [] : [button(action.label, () => does(action.command, {}), { class: "primary" })]),
      );
      return;
    }
    case "setup": {
      main.hidden = false;
      off.hidden = true;
      channel = it.channel;
      thread = it.thread;
      older = it.older;
      asking = false;
      seen = it.seen;
      messages = it.messages;
      place.clear();
      lastOf.clear();
      list.clear();
      known.take(it.facts);
      firstNew =
        seen === 0 || thread !== undefined ? undefined : messages.find((m) => Number(m.id.slice(1)) > seen)?.id;
      focused = -1;
      note(0);
      showChannels();
      showWorking();
      composer.at(channel, thread);
      keep({ channel, thread });
      list.grow(0, messages.length);
      search.again();
      empty();
      if (!painted) {
        painted = true;
        requestAnimationFrame(() =>
          setTimeout(() => {
            const { duration } = performance.measure("painted", { start: began });
            host.postMessage({ is: "painted", ms: duration });
          }, 0),
        );
      }
      tellSeen();
      return;
    }
    case "older": {
      asking = false;
      box.setAttribute("aria-busy", "false");
      older = it.older;
      const fresh = it.messages.filter((m) => !place.has(m.id));
      known.take(it.facts);
      messages = [...fresh, ...messages];
      if (focused >= 0) focused += fresh.length;
      place.clear();
      lastOf.clear();
      note(0);
      list.grow(fresh.length, 0);
      search.grew(fresh.length);
      return;
    }
    case "live": {
      const from = messages.length;
      // Cards are drawn with what is known by then.
      const changed = it.facts;
      const added = replaceOrAppend(it.messages);
      take(changed);
      if (added > 0) {
        const stuck = list.isAtEnd;
        markNew(from, stuck);
        note(from);
        list.grow(0, added);
        empty();
        const last = messages.at(-1);
        if (last !== undefined) say(`${authorName(last.author)}: ${headline(last.text)}`);
        if (stuck) tellSeen();
        else jump.hidden = false;
      }
      return;
    }
    case "completions":
      composer.completions(it.ask, it.items);
      return;
    case "tail":
      tails.set(it.agent, it.lines);
      showWorking();
      return;
    case "insert":
      composer.insert(it.text);
      return;
    case "search":
      search.open();
      return;
    case "focus":
      composer.focus();
      return;
    case "show":
      showAbout(it.about);
      return;
    case "posted":
      composer.posted(it.key);
      return;
    case "refused":
      composer.refused(it.key, it.why);
  }
});

const hint = h(
  "div",
  { class: "empty" },
  h("p", {}, l10n.t("Nobody has said anything here yet.")),
  h("p", {}, l10n.t("Write to an agent, for example:"), " ", h("code", {}, "@lint look at README.md")),
  button(l10n.t("Run a Workflow…"), () => does("run", {}), { class: "primary" }),
);
frame.before(hint);

function empty(): void {
  hint.hidden = messages.length > 0;
}

addEventListener("focus", () => {
  host.postMessage({ is: "focus", on: true });
  if (list.isAtEnd) tellSeen();
});
addEventListener("blur", () => host.postMessage({ is: "focus", on: false }));
// The editor hears of keys at the window, and this one goes no further: its command would open the search a second time, when
// something was typed there by then, or the search was closed.
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "f") {
    event.preventDefault();
    event.stopPropagation();
    search.open();
  }
});

host.postMessage({ is: "ready", channel: kept().channel, thread: kept().thread });
if (document.hasFocus()) host.postMessage({ is: "focus", on: true });
