// Nodes without HTML: what agents write becomes text nodes, and nothing else ever does.

type Child = Node | string | undefined | false;
type Handler = (event: Event) => void;
type Props = Record<string, string | number | boolean | Handler | undefined>;

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = String(value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  append(made, children);
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

export function s(tag: string, props: Props = {}, ...children: Child[]): SVGElement {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, String(value));
  }
  append(made, children);
  return made;
}

function append(to: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child !== undefined && child !== false) to.append(child);
  }
}

export function icon(name: string, title?: string): HTMLElement {
  return h("span", {
    class: `codicon codicon-${name}`,
    "aria-hidden": title === undefined ? "true" : undefined,
    role: title === undefined ? undefined : "img",
    "aria-label": title,
    title,
  });
}

export function button(label: string, act: () => void, options: { icon?: string; class?: string } = {}): HTMLElement {
  const { icon: name } = options;
  return h(
    "button",
    {
      type: "button",
      class: options.class ?? "link",
      title: label,
      "aria-label": label,
      onclick: (event) => {
        event.stopPropagation();
        act();
      },
    },
    name === undefined ? label : icon(name),
  );
}

export interface Host {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare function acquireVsCodeApi(): Host;

export const host: Host = acquireVsCodeApi();

/** Tells the extension of whatever the content policy stopped: nothing ever should be. */
export function watchPolicy(): void {
  document.addEventListener("securitypolicyviolation", (event) => {
    host.postMessage({ is: "violation", what: `${event.violatedDirective}: ${event.blockedURI}` });
  });
}
