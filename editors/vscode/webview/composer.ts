// Where a person writes: grows with its lines, completes @agents, #channels, /commands and `files`, keeps drafts and history.

import * as l10n from "@vscode/l10n";
import type { CompleteItem } from "../src/protocol";
import { button, h, host } from "./dom";
import { keep, kept } from "./kept";
import { completes, stillFits } from "./word";

/** How many sent texts the arrow keys bring back. */
const MOST_HISTORY = 50;

export interface Wants {
  send(text: string): void;
  complete(ask: number, text: string, cursor: number): void;
  leaveThread(): void;
}

export class Composer {
  readonly node: HTMLElement;
  private readonly area: HTMLTextAreaElement;
  private readonly popup: HTMLElement;
  private readonly chip: HTMLElement;
  private readonly problem: HTMLElement;
  private asked = 0;
  /** What was offered, and where the cursor stood then. */
  private offered: { items: readonly CompleteItem[]; at: number } = { items: [], at: 0 };
  /** What of it fits now. */
  private items: ReturnType<typeof stillFits> = [];
  private askedAt = 0;
  private chosen = 0;
  private channel = "main";
  private past = -1;
  private sending: { key: string; text: string } | undefined;

  constructor(private readonly wants: Wants) {
    this.area = h("textarea", {
      rows: 1,
      class: "input",
      "aria-label": l10n.t("Message"),
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
      "aria-label": l10n.t("Completions"),
      hidden: true,
    });
    this.chip = h("div", { class: "chip", hidden: true });
    this.problem = h("div", { class: "problem", role: "alert", hidden: true });
    const send = button(l10n.t("Send (Enter)"), () => this.send(), { icon: "send", class: "icon" });
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
    this.area.placeholder =
      thread === undefined ? l10n.t("Message #{0}", channel) : l10n.t("Reply in the thread of {0}", thread);
    this.chip.replaceChildren();
    this.chip.hidden = thread === undefined;
    if (thread !== undefined) {
      this.chip.append(
        l10n.t("Thread of {0}", thread),
        button(l10n.t("Back to the channel"), () => this.wants.leaveThread(), { icon: "close", class: "icon" }),
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

  completions(ask: number, items: readonly CompleteItem[]): void {
    if (ask !== this.asked) return;
    this.offered = { items, at: this.askedAt };
    this.fit();
  }

  /** What is shown must fit what is typed at each moment: Enter takes it. */
  private fit(): void {
    const { items, at } = this.offered;
    const { value, selectionStart } = this.area;
    this.items = stillFits(items, at, value, selectionStart);
    this.chosen = 0;
    this.open();
  }

  private send(): void {
    const text = this.area.value.trim() === "" ? "" : this.area.value.replace(/\s+$/, "");
    if (text === "") return;
    const key = `vscode-${Date.now().toString(36)}-${crypto.randomUUID()}`;
    this.sending = { key, text };
    keep({ history: [text, ...(kept().history ?? []).filter((it) => it !== text)].slice(0, MOST_HISTORY) });
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
    const { value, selectionStart } = this.area;
    if (!completes(value, selectionStart)) {
      this.close();
      return;
    }
    this.fit();
    this.asked += 1;
    this.askedAt = selectionStart;
    this.wants.complete(this.asked, value, selectionStart);
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
      if (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey && this.enterTakes())) {
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

  /** Enter takes what is offered for a word that is begun; a command that is whole it sends. */
  private enterTakes(): boolean {
    const chosen = this.items[this.chosen];
    if (chosen === undefined) return false;
    const { value, selectionStart } = this.area;
    const written = value.slice(chosen.start, selectionStart);
    return written !== "" && !(/^\s*\//.test(value) && chosen.item.insert.trim() === written);
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
    const chosen = this.items[index];
    if (chosen === undefined) return;
    this.area.setRangeText(chosen.item.insert, chosen.start, chosen.end, "end");
    this.close();
    this.changed();
  }

  private open(): void {
    this.popup.replaceChildren(
      ...this.items.map(({ item: it }, index) =>
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
    this.offered = { items: [], at: 0 };
    this.asked += 1;
    this.open();
  }

  private grow(): void {
    this.area.style.height = "auto";
    this.area.style.height = `${Math.min(this.area.scrollHeight + 2, 220)}px`;
  }

  private keep(): void {
    const others = Object.entries(kept().drafts ?? {}).filter(([key]) => key !== this.channel);
    const drafts = Object.fromEntries(this.area.value === "" ? others : [...others, [this.channel, this.area.value]]);
    keep({ drafts });
  }
}
