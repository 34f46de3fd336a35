// Where a person writes: grows with its lines, completes @agents, #channels, /commands and `files`, keeps drafts and history.

import type { Completion } from "../src/channel/wire";
import { button, h, host } from "./dom";
import { wordAt } from "./word";

interface Kept {
  drafts?: Record<string, string>;
  history?: string[];
}

/** How many sent texts the arrow keys bring back. */
const MOST_HISTORY = 50;

export interface Wants {
  send(text: string): void;
  complete(ask: number, sign: string, word: string): void;
  leaveThread(): void;
}

export class Composer {
  readonly node: HTMLElement;
  private readonly area: HTMLTextAreaElement;
  private readonly popup: HTMLElement;
  private readonly chip: HTMLElement;
  private readonly problem: HTMLElement;
  private asked = 0;
  private items: Completion[] = [];
  private chosen = 0;
  private from = 0;
  private channel = "main";
  private past = -1;
  private sending: { key: string; text: string } | undefined;

  constructor(private readonly wants: Wants) {
    this.area = h("textarea", {
      rows: 1,
      class: "input",
      "aria-label": "Message",
      role: "combobox",
      "aria-expanded": "false",
      "aria-controls": "completions",
      "aria-autocomplete": "list",
      spellcheck: "true",
      oninput: () => this.changed(),
      onkeydown: (event) => this.key(event as KeyboardEvent),
      onblur: () => this.close(),
    });
    this.popup = h("ul", {
      id: "completions",
      class: "completions",
      role: "listbox",
      "aria-label": "Completions",
      hidden: true,
    });
    this.chip = h("div", { class: "chip", hidden: true });
    this.problem = h("div", { class: "problem", role: "alert", hidden: true });
    const send = button("Send (Enter)", () => this.send(), { icon: "send", class: "icon" });
    this.node = h(
      "div",
      { class: "composer" },
      this.popup,
      this.chip,
      this.problem,
      h("div", { class: "line" }, this.area, send),
    );
  }

  /** The channel, or the thread, that is written to. */
  at(channel: string, thread: string | undefined): void {
    const key = thread === undefined ? channel : `${channel}/${thread}`;
    if (key !== this.channel || this.area.value === "") {
      this.channel = key;
      this.area.value = kept().drafts?.[key] ?? "";
      this.grow();
    }
    this.area.placeholder = thread === undefined ? `Message #${channel}` : `Reply in the thread of ${thread}`;
    this.chip.replaceChildren();
    this.chip.hidden = thread === undefined;
    if (thread !== undefined) {
      this.chip.append(
        `Thread of ${thread}`,
        button("Back to the channel", () => this.wants.leaveThread(), { icon: "close", class: "icon" }),
      );
    }
  }

  focus(): void {
    this.area.focus();
  }

  insert(text: string): void {
    const { selectionStart, selectionEnd, value } = this.area;
    const space = selectionStart > 0 && !/\s$/.test(value.slice(0, selectionStart)) ? " " : "";
    this.area.setRangeText(space + text, selectionStart, selectionEnd, "end");
    this.focus();
    this.changed();
  }

  /** It is in the journal. */
  posted(key: string): void {
    if (this.sending?.key === key) this.sending = undefined;
  }

  /** It is not: the words come back. */
  refused(key: string, why: string): void {
    const { sending } = this;
    if (sending?.key === key) {
      if (this.area.value.trim() === "") this.area.value = sending.text;
      this.sending = undefined;
      this.keep();
      this.grow();
    }
    this.problem.textContent = why;
    this.problem.hidden = false;
  }

  completions(ask: number, items: Completion[]): void {
    if (ask !== this.asked) return;
    this.items = items;
    this.chosen = 0;
    this.open();
  }

  private send(): void {
    const text = this.area.value.trim() === "" ? "" : this.area.value.replace(/\s+$/, "");
    if (text === "") return;
    const key = `vscode-${Date.now().toString(36)}-${crypto.randomUUID()}`;
    this.sending = { key, text };
    const state = kept();
    const history = [text, ...(state.history ?? []).filter((it) => it !== text)].slice(0, MOST_HISTORY);
    host.setState({ ...state, history });
    this.area.value = "";
    this.past = -1;
    this.keep();
    this.grow();
    this.close();
    this.problem.hidden = true;
    this.sent(text, key);
  }

  private sent(text: string, key: string): void {
    host.postMessage({ is: "post", text, key });
    this.wants.send(text);
  }

  private changed(): void {
    this.past = -1;
    this.problem.hidden = true;
    this.grow();
    this.keep();
    const at = wordAt(this.area.value, this.area.selectionStart);
    if (at === undefined) {
      this.close();
      return;
    }
    this.from = at.from;
    // What is shown must fit what is typed at each moment: Enter takes it.
    const word = at.word.toLowerCase();
    this.items = this.items.filter((it) =>
      it.label
        .replace(/^[@#/]/, "")
        .toLowerCase()
        .startsWith(word),
    );
    this.chosen = 0;
    this.open();
    this.asked += 1;
    this.wants.complete(this.asked, at.sign, at.word);
  }

  private key(event: KeyboardEvent): void {
    // An input method is at work on the word.
    if (event.isComposing) return;
    if (!this.popup.hidden && this.items.length > 0) {
      const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
      if (step !== 0) {
        event.preventDefault();
        this.chosen = (this.chosen + step + this.items.length) % this.items.length;
        this.open();
        return;
      }
      if (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey)) {
        event.preventDefault();
        this.take(this.chosen);
        return;
      }
      if (event.key === "Escape") {
        event.preventDefault();
        this.close();
        return;
      }
    }
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      this.send();
      return;
    }
    if (event.key === "ArrowUp" && (this.area.value === "" || this.past >= 0)) return this.recall(event, 1);
    if (event.key === "ArrowDown" && this.past >= 0) return this.recall(event, -1);
    if (event.key === "Escape" && !this.chip.hidden) this.wants.leaveThread();
  }

  private recall(event: KeyboardEvent, step: number): void {
    const history = kept().history ?? [];
    const next = this.past + step;
    if (next >= history.length) return;
    event.preventDefault();
    this.past = next;
    this.area.value = next < 0 ? "" : (history[next] ?? "");
    this.grow();
    this.keep();
  }

  private take(index: number): void {
    const item = this.items[index];
    if (item === undefined) return;
    this.area.setRangeText(item.insert, this.from, this.area.selectionStart, "end");
    this.close();
    this.changed();
  }

  private open(): void {
    this.popup.replaceChildren(
      ...this.items.map((it, index) =>
        h(
          "li",
          {
            id: `completion-${index}`,
            role: "option",
            "aria-selected": index === this.chosen ? "true" : "false",
            class: index === this.chosen ? "chosen" : "",
            onmousedown: (event) => {
              event.preventDefault();
              this.take(index);
            },
          },
          h("span", { class: "name" }, it.label),
          h("span", { class: "dim" }, it.detail),
        ),
      ),
    );
    const none = this.items.length === 0;
    this.popup.hidden = none;
    this.area.setAttribute("aria-expanded", none ? "false" : "true");
    if (none) this.area.removeAttribute("aria-activedescendant");
    else this.area.setAttribute("aria-activedescendant", `completion-${this.chosen}`);
    this.popup.children[this.chosen]?.scrollIntoView({ block: "nearest" });
  }

  private close(): void {
    this.items = [];
    this.asked += 1;
    this.open();
  }

  private grow(): void {
    this.area.style.height = "auto";
    this.area.style.height = `${Math.min(this.area.scrollHeight + 2, 220)}px`;
  }

  private keep(): void {
    const state = kept();
    const others = Object.entries(state.drafts ?? {}).filter(([key]) => key !== this.channel);
    const drafts = Object.fromEntries(this.area.value === "" ? others : [...others, [this.channel, this.area.value]]);
    host.setState({ ...state, drafts });
  }
}

function kept(): Kept {
  const state = host.getState();
  return typeof state === "object" && state !== null ? state : {};
}
