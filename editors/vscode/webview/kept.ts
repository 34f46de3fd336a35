// What the page keeps: drafts, what was sent last, and which channel was shown. The extension has it too, since the editor writes
// a page's own state down only when its window closes in order.

import { host } from "./dom";

export interface Kept {
  channel?: string;
  thread?: string;
  drafts?: Record<string, string>;
  history?: string[];
  /** When it was kept: of two the younger one counts. */
  at?: number;
}

/** How long changes are gathered before the extension is told. */
const PACE = 200;
/** What is longer is kept here and not by the extension. */
const MOST = 200 * 1024;

let state: Kept = first();
let timer: ReturnType<typeof setTimeout> | undefined;

export function kept(): Kept {
  return state;
}

export function keep(more: Kept): void {
  state = { ...state, ...more, at: Date.now() };
  host.setState(state);
  timer ??= setTimeout(() => {
    timer = undefined;
    const text = JSON.stringify(state);
    if (text.length <= MOST) host.postMessage({ is: "keep", state: text });
  }, PACE);
}

function first(): Kept {
  const own = (host.getState() ?? {}) as Kept;
  try {
    const told = JSON.parse(document.getElementById("root")?.dataset.kept ?? "{}") as Kept;
    return (told.at ?? 0) > (own.at ?? 0) ? told : own;
  } catch {
    return own;
  }
}
