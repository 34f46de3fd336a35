// Finding text in the messages that are here, and reading further back until it is found.

import * as l10n from "@vscode/l10n";
import type { MessageView } from "../src/protocol";
import { button, h } from "./dom";

export interface Ground {
  messages(): readonly MessageView[];
  show(index: number): void;
  /** Whether there are older messages that are not here yet. */
  more(): boolean;
  older(): void;
  close(): void;
}

export class Search {
  readonly node: HTMLElement;
  private readonly input: HTMLInputElement;
  private readonly count: HTMLElement;
  private at = -1;
  private reading = false;

  constructor(private readonly ground: Ground) {
    this.input = h("input", {
      type: "search",
      class: "input",
      placeholder: l10n.t("Find in messages"),
      "aria-label": l10n.t("Find in messages"),
      oninput: () => this.again(),
      onkeydown: (event) => this.key(event as KeyboardEvent),
    });
    this.count = h("span", { class: "dim", role: "status" });
    this.node = h(
      "div",
      { class: "search", hidden: true, role: "search" },
      this.input,
      this.count,
      button(l10n.t("Find earlier (Enter)"), () => this.next(-1), { icon: "arrow-up", class: "icon" }),
      button(l10n.t("Find later (Shift+Enter)"), () => this.next(1), { icon: "arrow-down", class: "icon" }),
      button(l10n.t("Close (Escape)"), () => this.close(), { icon: "close", class: "icon" }),
    );
  }

  open(): void {
    this.node.hidden = false;
    this.at = this.ground.messages().length;
    this.input.select();
    this.input.focus();
  }

  /** Other messages are here than before: another channel, or this one anew. */
  again(): void {
    this.reading = false;
    this.at = this.ground.messages().length;
    if (!this.node.hidden) this.next(-1);
  }

  /** Older messages came in front. */
  grew(by: number): void {
    if (this.at >= 0) this.at += by;
    if (!this.reading) return;
    this.reading = false;
    this.next(-1);
  }

  private key(event: KeyboardEvent): void {
    if (event.key === "Enter") {
      event.preventDefault();
      this.next(event.shiftKey ? 1 : -1);
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.close();
    }
  }

  private close(): void {
    this.node.hidden = true;
    this.reading = false;
    this.ground.close();
  }

  private next(step: number): void {
    const wanted = this.input.value.trim().toLowerCase();
    if (wanted === "") {
      this.count.textContent = "";
      return;
    }
    const all = this.ground.messages();
    for (let at = this.at + step; at >= 0 && at < all.length; at += step) {
      const message = all[at];
      if (message?.text.toLowerCase().includes(wanted) !== true) continue;
      this.at = at;
      this.count.textContent = message.id;
      this.ground.show(at);
      this.input.focus();
      return;
    }
    if (step < 0 && this.ground.more()) {
      this.at = 0;
      this.reading = true;
      this.count.textContent = l10n.t("reading further back…");
      this.ground.older();
      return;
    }
    this.count.textContent = l10n.t("nothing more");
  }
}
