// A list of many rows of which only those in sight are nodes: rows keep their place while others above them are measured,
// and the list stays at its end while new rows come, unless the person scrolled away.
//
// Invariant: what is at the top of the window moves only when the person moves it.

import { Heights } from "./heights";

const GUESS = 72;
/** Rows beyond the window, in pixels, on each side. */
const MARGIN = 600;
/** How far from the end still counts as at the end. */
const NEAR = 24;

export interface Rows {
  draw(index: number): HTMLElement;
  /** The list was scrolled near its beginning. */
  nearTop(): void;
  /** The list came to its end, or left it. */
  atEnd(is: boolean): void;
}

export class List {
  readonly heights = new Heights(GUESS);
  private readonly drawn = new Map<number, HTMLElement>();
  private readonly spacer = document.createElement("div");
  private readonly watcher: ResizeObserver;
  private stuck = true;
  private frame = 0;
  private top = 0;
  /** The row whose place is kept, and how far its top is above the window's. */
  private anchor: { index: number; offset: number } | undefined;

  constructor(
    readonly box: HTMLElement,
    private readonly rows: Rows,
  ) {
    this.spacer.className = "spacer";
    box.append(this.spacer);
    this.watcher = new ResizeObserver((entries) => this.measured(entries));
    box.addEventListener("scroll", () => this.scrolled(), { passive: true });
    new ResizeObserver(() => this.soon()).observe(box);
  }

  get length(): number {
    return this.heights.length;
  }

  get isAtEnd(): boolean {
    return this.stuck;
  }

  clear(): void {
    for (const node of this.drawn.values()) this.drop(node);
    this.drawn.clear();
    this.heights.clear();
    this.stuck = true;
    this.anchor = undefined;
    this.soon();
  }

  grow(front: number, behind: number): void {
    if (front > 0) {
      const moved = [...this.drawn].map(([index, node]) => [index + front, node] as const);
      this.drawn.clear();
      for (const [index, node] of moved) {
        node.dataset.index = String(index);
        this.drawn.set(index, node);
      }
      if (this.anchor !== undefined) this.anchor.index += front;
    }
    this.heights.grow(front, behind);
    // Those that stay are told of the others, or a screen reader would count wrong.
    for (const [index, node] of this.drawn) this.number(index, node);
    this.render();
  }

  /** Draws a row anew where it is in sight. */
  redraw(index: number): void {
    const node = this.drawn.get(index);
    if (node === undefined) return;
    const active = document.activeElement;
    const had = active !== null && node.contains(active);
    const fresh = this.make(index);
    this.watcher.unobserve(node);
    node.replaceWith(fresh);
    this.drawn.set(index, fresh);
    if (had) fresh.focus();
  }

  redrawAll(): void {
    for (const index of [...this.drawn.keys()]) this.redraw(index);
  }

  toEnd(): void {
    this.stuck = true;
    this.rows.atEnd(true);
    this.render();
  }

  /** Brings a row into sight, and returns it. */
  show(index: number, where: "nearest" | "middle" = "middle"): HTMLElement | undefined {
    const top = this.heights.before(index);
    const { scrollTop, clientHeight } = this.box;
    const inSight = top >= scrollTop && top + this.heights.get(index) <= scrollTop + clientHeight;
    if (where === "middle" || !inSight) {
      this.stuck = false;
      const above =
        where === "middle" ? clientHeight / 3 : top < scrollTop ? 0 : clientHeight - this.heights.get(index);
      this.anchor = { index, offset: -above };
    }
    this.render();
    return this.drawn.get(index);
  }

  node(index: number): HTMLElement | undefined {
    return this.drawn.get(index);
  }

  /** The first row that is in sight. */
  first(): number {
    return this.heights.at(this.box.scrollTop);
  }

  private scrolled(): void {
    const { scrollTop, clientHeight, scrollHeight } = this.box;
    // What grew below the window moved nobody away from the end; only going up does.
    const up = scrollTop < this.top - 1;
    this.top = scrollTop;
    const stuck = scrollTop + clientHeight >= scrollHeight - NEAR || (this.stuck && !up);
    if (stuck !== this.stuck) {
      this.stuck = stuck;
      this.rows.atEnd(stuck);
    }
    const index = this.heights.at(scrollTop);
    this.anchor = { index, offset: scrollTop - this.heights.before(index) };
    if (scrollTop < clientHeight * 3) this.rows.nearTop();
    this.soon();
  }

  private measured(entries: ResizeObserverEntry[]): void {
    let changed = false;
    for (const { target, borderBoxSize } of entries) {
      const index = Number((target as HTMLElement).dataset.index);
      const height = borderBoxSize[0]?.blockSize ?? 0;
      if (this.drawn.get(index) === target && height > 0) changed = this.heights.set(index, height) !== 0 || changed;
    }
    if (changed) this.render();
  }

  private soon(): void {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.render();
    });
  }

  private render(): void {
    const { box, heights } = this;
    const height = box.clientHeight;
    this.spacer.style.height = `${heights.total}px`;
    if (this.length === 0 || height === 0) return;
    let top = box.scrollTop;
    if (this.stuck) top = Math.max(0, heights.total - height);
    else if (this.anchor !== undefined) top = heights.before(this.anchor.index) + this.anchor.offset;
    top = Math.max(0, Math.min(top, heights.total - height));
    const from = heights.at(Math.max(0, top - MARGIN));
    const to = heights.at(top + height + MARGIN);
    for (const [index, node] of this.drawn) {
      if (index >= from && index <= to) continue;
      // What has the focus stays, or the keyboard would lose its place.
      if (node.contains(document.activeElement)) continue;
      this.drop(node);
      this.drawn.delete(index);
    }
    const fresh: HTMLElement[] = [];
    for (let index = from; index <= to; index += 1) {
      if (this.drawn.has(index)) continue;
      const node = this.make(index);
      this.drawn.set(index, node);
      fresh.push(node);
      this.insert(index, node);
    }
    // Measured at once, so that nothing jumps after it was painted.
    let moved = false;
    for (const node of fresh) moved = heights.set(Number(node.dataset.index), node.offsetHeight) !== 0 || moved;
    for (const [index, node] of this.drawn) node.style.transform = `translateY(${heights.before(index)}px)`;
    if (moved) {
      this.spacer.style.height = `${heights.total}px`;
      if (this.stuck) top = Math.max(0, heights.total - height);
      else if (this.anchor !== undefined) top = heights.before(this.anchor.index) + this.anchor.offset;
    }
    if (Math.abs(box.scrollTop - top) > 0.5) box.scrollTop = top;
    this.top = box.scrollTop;
  }

  /** Nodes stand in the order of their rows, so that a screen reader and the tab key meet them so. */
  private insert(index: number, node: HTMLElement): void {
    let next: HTMLElement | undefined;
    let best = Infinity;
    for (const [other, candidate] of this.drawn) {
      if (other > index && other < best && candidate.isConnected) {
        best = other;
        next = candidate;
      }
    }
    this.spacer.insertBefore(node, next ?? null);
  }

  private make(index: number): HTMLElement {
    const node = this.rows.draw(index);
    node.dataset.index = String(index);
    this.number(index, node);
    node.style.transform = `translateY(${this.heights.before(index)}px)`;
    this.watcher.observe(node);
    return node;
  }

  private number(index: number, node: HTMLElement): void {
    node.setAttribute("aria-posinset", String(index + 1));
    node.setAttribute("aria-setsize", String(this.length));
  }

  private drop(node: HTMLElement): void {
    this.watcher.unobserve(node);
    node.remove();
  }
}
