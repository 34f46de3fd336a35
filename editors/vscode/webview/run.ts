// The picture of a run: lanes of agents over time, the graph of its steps, and the same facts as a list.

import "./language";
import "@vscode/codicons/dist/codicon.css";
import "./run.css";
import * as l10n from "@vscode/l10n";
import { columns, offers, type Bar, type GraphStep, type Offer, type Picture } from "../src/run/wire";
import { headline, roundOf, runStatus, span, stepStatus } from "../src/words";
import { button, h, host, icon, s, watchPolicy } from "./dom";

watchPolicy();
const root = document.getElementById("root");
let last: Picture | undefined;
/** The bar or the box whose ways on are shown, by its key. */
let chosen: string | undefined;
let form: "picture" | "list" = (host.getState() as { form?: "picture" | "list" } | undefined)?.form ?? "picture";

const does = (command: string, argument: Record<string, string> = {}): void =>
  host.postMessage({ is: "do", command, argument });

addEventListener("message", (event: MessageEvent<Picture>) => {
  last = event.data;
  draw();
});
addEventListener("resize", draw);
// What goes on grows while nothing else changes.
setInterval(() => {
  if (last?.live === true && !document.hidden) {
    const more = Date.now();
    for (const { bars } of last.lanes) for (const bar of bars) if (bar.to >= last.to) bar.to = more;
    last.to = more;
    draw();
  }
}, 1000);

function draw(): void {
  const it = last;
  if (it === undefined || root === null) return;
  const focused = document.activeElement?.getAttribute("data-key");
  const top = scrollY;
  root.replaceChildren(head(it), ...(form === "list" ? [table(it)] : [timeline(it), graph(it), ways(it)]));
  if (focused) root.querySelector<HTMLElement>(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  scrollTo(0, top);
}

/** Chooses a bar or a box, and goes to the first of its ways on. */
function choose(key: string): void {
  chosen = key;
  draw();
  root?.querySelector<HTMLElement>(".ways button")?.focus({ preventScroll: true });
}

function drop(): void {
  const before = chosen;
  chosen = undefined;
  draw();
  if (before !== undefined) root?.querySelector<HTMLElement>(`[data-key="${CSS.escape(before)}"]`)?.focus();
}

addEventListener("keydown", ({ key }) => {
  if (key === "Escape" && chosen !== undefined) drop();
});

/** What can be opened of what was chosen. */
function ways(it: Picture): HTMLElement {
  const bar = it.lanes.flatMap((lane) => lane.bars).find((other) => barKey(other) === chosen);
  const step = it.steps.find((other) => stepKey(other) === chosen);
  const made = h("aside", { class: "ways", "aria-label": l10n.t("What was chosen"), "aria-live": "polite" });
  const of = bar ?? step;
  if (of === undefined) {
    made.hidden = true;
    return made;
  }
  const words = "kind" in of ? barWords(of) : stepWords(of);
  made.append(h("span", { class: "what" }, headline(words, 160)));
  offers(of).forEach((offer, index) => made.append(way(offer, `way-${index}`)));
  made.append(button(l10n.t("Close"), drop, { icon: "close", class: "icon" }));
  return made;
}

function way({ what, argument }: Offer, key: string): HTMLElement {
  const [title, command] = WAYS()[what];
  const made = button(title, () => does(command, argument));
  made.setAttribute("data-key", key);
  return made;
}

function WAYS(): Record<Offer["what"], [title: string, command: string]> {
  return {
    page: [l10n.t("Open"), "openPause"],
    message: [l10n.t("Show message"), "openChannel"],
    terminal: [l10n.t("Terminal"), "openTerminal"],
    sent: [l10n.t("What was sent"), "showSent"],
    diff: [l10n.t("Show diff"), "showChanges"],
  };
}

function barKey(bar: Bar): string {
  return bar.turn ?? bar.pause ?? bar.step;
}

function stepKey(step: GraphStep): string {
  return `step-${step.id}`;
}

function head(it: Picture): HTMLElement {
  const other = form === "list" ? "picture" : "list";
  return h(
    "header",
    { class: "head" },
    h("h1", {}, it.title, h("span", { class: `status ${it.status}` }, runStatus(it.status))),
    h("p", { class: "dim" }, [it.id, span(it.to - it.from), ...it.facts].join(" · ")),
    it.why !== "" && h("p", { class: ["approved", "done"].includes(it.status) ? "dim" : "why" }, it.why),
    h(
      "p",
      { class: "tools" },
      button(other === "list" ? l10n.t("Show as list") : l10n.t("Show as picture"), () => {
        form = other;
        host.setState({ form });
        draw();
      }),
      it.changed && button(l10n.t("Show diff"), () => does("showChanges")),
      it.live && it.status !== "held" && button(l10n.t("Pause now"), () => does("pause")),
      it.status === "held" && button(l10n.t("Resume"), () => does("resume")),
      it.live && button(l10n.t("Stop…"), () => does("cancel")),
      !it.live && it.changed && button(l10n.t("Undo…"), () => does("undo")),
      button(l10n.t("Channel"), () => does("openChannel")),
    ),
  );
}

const LANE = 34;
const LEFT = 110;
const WIDTHS = [1, 2, 5];

function timeline(it: Picture): HTMLElement {
  const width = Math.max(360, document.documentElement.clientWidth - 48);
  const space = width - LEFT - 12;
  const length = Math.max(1, it.to - it.from);
  const x = (at: number): number => LEFT + ((Math.max(it.from, at) - it.from) / length) * space;
  const height = it.lanes.length * LANE + 28;
  const marks: SVGElement[] = [];
  for (const at of ticks(length, Math.max(3, Math.floor(space / 110)))) {
    const place = x(it.from + at);
    marks.push(s("line", { class: "tick", x1: place, x2: place, y1: 0, y2: height - 22 }));
    // A time at the right edge would be cut off.
    if (place + 44 <= width) marks.push(s("text", { class: "time", x: place + 3, y: height - 8 }, label(at)));
  }
  const lanes = it.lanes.flatMap((lane, index) => {
    const y = index * LANE;
    return [
      s("line", { class: "lane", x1: 0, x2: width, y1: y + LANE - 0.5, y2: y + LANE - 0.5 }),
      s("text", { class: "who", x: 4, y: y + LANE / 2 + 4 }, lane.name),
      ...lane.bars.flatMap((bar) => drawBar(bar, x, y, width)),
    ];
  });
  const picture = s(
    "svg",
    {
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      role: "group",
      "aria-label": l10n.t("Timeline, one lane an agent"),
    },
    ...marks,
    ...lanes,
  );
  const section = h("section", { "aria-label": l10n.t("Timeline") }, h("h2", {}, l10n.t("Timeline")));
  section.append(picture);
  if (it.lanes.length === 0) section.append(h("p", { class: "dim" }, l10n.t("No agent has taken a turn yet.")));
  return section;
}

function barKind(kind: Bar["kind"]): string {
  switch (kind) {
    case "work":
      return l10n.t("done");
    case "failed":
      return l10n.t("failed");
    case "lost":
      return l10n.t("lost");
    case "going":
      return l10n.t("going on");
    case "waiting":
      return l10n.t("waits for you");
    case "answered":
      return l10n.t("answered");
  }
}

function barWords(bar: Bar): string {
  return `${headline(bar.label, 80)}, ${barKind(bar.kind)}, ${span(bar.to - bar.from)}`;
}

function stepWords(step: GraphStep): string {
  return `${step.title}: ${stepStatus(step.status)}${step.summary === "" ? "" : `. ${step.summary}`}`;
}

function pressed(event: KeyboardEvent, key: string): void {
  if (event.key !== "Enter" && event.key !== " ") return;
  // A space would scroll the page, and the key's own end would press what has the focus by then.
  event.preventDefault();
  choose(key);
}

function drawBar(bar: Bar, x: (at: number) => number, y: number, width: number): SVGElement[] {
  const from = x(bar.from);
  const long = Math.max(4, Math.min(x(bar.to), width - 4) - from);
  const words = barWords(bar);
  const group = s(
    "g",
    {
      class: `bar ${bar.kind}`,
      tabindex: 0,
      role: "button",
      "aria-label": words,
      "data-key": barKey(bar),
      "aria-pressed": String(chosen === barKey(bar)),
      onclick: () => choose(barKey(bar)),
      onkeydown: (event) => pressed(event as KeyboardEvent, barKey(bar)),
    },
    s("title", {}, words),
    s("rect", { x: from, y: y + 6, width: long, height: LANE - 13, rx: 3 }),
  );
  if (long > 46) {
    const most = Math.floor((long - 10) / 6.6);
    group.append(s("text", { x: from + 5, y: y + LANE / 2 + 4 }, headline(bar.label, Math.max(3, most))));
  }
  if (bar.queued === undefined) return [group];
  const waited = x(bar.queued);
  if (from - waited < 2) return [group];
  return [s("line", { class: "queued", x1: waited, x2: from, y1: y + LANE / 2, y2: y + LANE / 2 }), group];
}

/** Round times, so many that they can be read. */
function ticks(length: number, most: number): number[] {
  let unit = 1;
  for (let power = 0; power < 9; power += 1) {
    const fits = WIDTHS.map((it) => it * 10 ** power).find((it) => length / it <= most);
    if (fits !== undefined) {
      unit = fits;
      break;
    }
  }
  // From a minute on, in minutes.
  for (const minutes of [1, 2, 5, 10, 30, 60, 120, 360, 1440]) {
    if (length > 120_000 && length / (minutes * 60_000) <= most) {
      unit = minutes * 60_000;
      break;
    }
  }
  const found: number[] = [];
  for (let at = 0; at <= length && found.length < 50; at += unit) found.push(at);
  return found;
}

function label(ms: number): string {
  if (ms === 0) return "0";
  if (ms < 1000) return l10n.t("{0} ms", ms);
  return ms < 60_000 ? l10n.t("{0} s", ms / 1000) : span(ms);
}

const BOX = { width: 200, height: 52, gap: 40, row: 68 };

function graph(it: Picture): HTMLElement {
  const column = columns(it.steps);
  const at = new Map<string, { x: number; y: number }>();
  const rows = new Map<string, number>();
  // Each nesting gets a band of its own, below the one that it stands in.
  let band = 0;
  let depth = 0;
  let bottom = 0;
  for (const step of it.steps) {
    if (step.depth !== depth) {
      band = bottom;
      depth = step.depth;
    }
    const col = column.get(step.id) ?? 0;
    const key = `${band}/${depth}/${col}`;
    const rowIndex = rows.get(key) ?? 0;
    rows.set(key, rowIndex + 1);
    at.set(step.id, { x: 8 + step.depth * 20 + col * (BOX.width + BOX.gap), y: 8 + (band + rowIndex) * BOX.row });
    bottom = Math.max(bottom, band + rowIndex + 1);
  }
  const width = Math.max(...[...at.values()].map((p) => p.x + BOX.width + 12), 200);
  const height = bottom * BOX.row + 12;
  const edges = it.steps.flatMap((step) =>
    step.needs.flatMap((need) => {
      const [from, to] = [at.get(need), at.get(step.id)];
      if (from === undefined || to === undefined) return [];
      const [x1, y1, x2, y2] = [from.x + BOX.width, from.y + BOX.height / 2, to.x, to.y + BOX.height / 2];
      // Past the boxes between it goes below them, and turns in the last gap.
      const isFar = x2 - x1 > BOX.width;
      const low = y1 + BOX.height / 2 + 8;
      const turn = x2 - BOX.gap;
      const way = isFar
        ? `M${x1},${y1} C${x1 + 12},${y1} ${x1 + 4},${low} ${x1 + 20},${low} H${turn} C${turn + 20},${low} ${x2 - 20},${y2} ${x2 - 5},${y2}`
        : `M${x1},${y1} C${x1 + 16},${y1} ${x2 - 16},${y2} ${x2 - 5},${y2}`;
      return [
        s("path", { class: "edge", d: way }),
        s("path", { class: "tip", d: `M${x2 - 7},${y2 - 4} L${x2 - 1},${y2} L${x2 - 7},${y2 + 4} Z` }),
      ];
    }),
  );
  const boxes = it.steps.map((step) => drawStep(step, at.get(step.id) ?? { x: 0, y: 0 }));
  const section = h("section", { "aria-label": l10n.t("Steps") }, h("h2", {}, l10n.t("Steps")));
  const holder = h("div", { class: "scroll" });
  holder.append(
    s(
      "svg",
      { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": l10n.t("Steps") },
      ...edges,
      ...boxes,
    ),
  );
  section.append(holder);
  return section;
}

function drawStep(step: GraphStep, { x, y }: { x: number; y: number }): SVGElement {
  const who = [
    step.agent === undefined ? "" : `@${step.agent}`,
    step.round > 1 ? roundOf(step.round) : "",
    step.took === undefined ? "" : span(step.took),
  ];
  const words = stepWords(step);
  return s(
    "g",
    {
      class: `box ${step.status}`,
      tabindex: 0,
      role: "button",
      "aria-label": words,
      "data-key": stepKey(step),
      "aria-pressed": String(chosen === stepKey(step)),
      onclick: () => choose(stepKey(step)),
      onkeydown: (event) => pressed(event as KeyboardEvent, stepKey(step)),
    },
    s("title", {}, words),
    s("rect", { x, y, width: BOX.width, height: BOX.height, rx: 4 }),
    s("text", { class: "name", x: x + 10, y: y + 21 }, headline(step.title, 27)),
    s(
      "text",
      { class: "sub", x: x + 10, y: y + 39 },
      headline([stepStatus(step.status), ...who.filter((part) => part !== "")].join(" · "), 31),
    ),
  );
}

function table(it: Picture): HTMLElement {
  const rows = it.steps.map((step) =>
    h(
      "tr",
      { class: step.status },
      h("td", { "data-depth": Math.min(step.depth, 6) }, step.title),
      h("td", {}, stepStatus(step.status)),
      h("td", {}, step.agent === undefined ? "" : `@${step.agent}`),
      h("td", {}, step.round > 0 ? String(step.round) : ""),
      h("td", {}, step.took === undefined ? "" : span(step.took)),
      h("td", {}, headline(step.summary, 200)),
      h("td", { class: "links" }, ...offers(step).map((offer) => way(offer, `${stepKey(step)}-${offer.what}`))),
    ),
  );
  const bars = it.lanes
    .flatMap((lane) => lane.bars.map((bar) => ({ ...bar, who: lane.name })))
    .sort((a, b) => a.from - b.from)
    .map((bar) =>
      h(
        "tr",
        {},
        h("td", {}, `+${span(bar.from - it.from)}`),
        h("td", {}, bar.who),
        h("td", {}, headline(bar.label, 120)),
        h("td", {}, barKind(bar.kind)),
        h("td", {}, span(bar.to - bar.from)),
        h("td", { class: "links" }, ...offers(bar).map((offer) => way(offer, `${barKey(bar)}-${offer.what}`))),
      ),
    );
  const titles = (...names: string[]): HTMLElement =>
    h("tr", {}, ...names.map((name) => h("th", { scope: "col" }, name)));
  return h(
    "section",
    { class: "list" },
    h("h2", {}, icon("list-unordered"), ` ${l10n.t("Steps")}`),
    h(
      "table",
      {},
      titles(l10n.t("Step"), l10n.t("Status"), l10n.t("Agent"), l10n.t("Round"), l10n.t("Took"), l10n.t("Result"), ""),
      ...rows,
    ),
    h("h2", {}, icon("history"), ` ${l10n.t("Turns and pauses")}`),
    h("table", {}, titles(l10n.t("From"), l10n.t("Who"), l10n.t("What"), l10n.t("How"), l10n.t("Took"), ""), ...bars),
  );
}

host.postMessage({ is: "ready" });
