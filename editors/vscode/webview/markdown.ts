// Markdown as nodes. HTML in it is text, images are their words, links go to the extension, and what names a file, a finding or
// a run can be clicked. Nothing that is written can become markup of the page.

import * as l10n from "@vscode/l10n";
import type { Element as HastElement, Root, RootContent } from "hast";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import lua from "highlight.js/lib/languages/lua";
import python from "highlight.js/lib/languages/python";
import ruby from "highlight.js/lib/languages/ruby";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { createLowlight } from "lowlight";
import MarkdownIt from "markdown-it";
import type Token from "markdown-it/lib/token.mjs";

/** What a link leads to. */
export type Target =
  | { is: "file"; path: string; line: number }
  | { is: "url"; url: string }
  | { is: "id"; id: string }
  | { is: "mention"; name: string };

export type Follow = (target: Target) => void;

const languages = {
  bash,
  c,
  cpp,
  css,
  diff,
  go,
  java,
  javascript,
  json,
  lua,
  python,
  ruby,
  rust,
  sql,
  typescript,
  xml,
  yaml,
};
const lowlight = createLowlight(languages);
lowlight.registerAlias({
  bash: ["sh", "shell", "console"],
  javascript: ["js", "jsx"],
  typescript: ["ts", "tsx"],
  python: ["py"],
  rust: ["rs"],
  xml: ["html"],
  yaml: ["yml"],
});

const markdown = new MarkdownIt({ html: false, linkify: false, breaks: true }).disable(["image"]);

/** Longer texts are cut, with a word that they are; what was said whole is in the journal. */
const MOST = 64 * 1024;
/** Code above this is not coloured. */
const MOST_COLOURED = 16 * 1024;

const TAGS = new Set([
  "p",
  "h1",
  "h2",
  "h3",
  "h4",
  "h5",
  "h6",
  "ul",
  "ol",
  "li",
  "blockquote",
  "strong",
  "em",
  "s",
  "table",
  "thead",
  "tbody",
  "tr",
  "th",
  "td",
]);

export function render(text: string, follow: Follow): DocumentFragment {
  const cut = text.length > MOST;
  const made = document.createDocumentFragment();
  tokens(markdown.parse(cut ? text.slice(0, MOST) : text, {}), made, follow);
  if (cut) made.append(element("p", "cut", l10n.t("… (the rest is left out here)")));
  return made;
}

function tokens(all: readonly Token[], into: ParentNode, follow: Follow): void {
  const stack: ParentNode[] = [into];
  for (const token of all) {
    const top = stack.at(-1) ?? into;
    if (token.nesting === 1) {
      const made = opened(token, follow);
      top.append(made);
      stack.push(made);
    } else if (token.nesting === -1) {
      if (stack.length > 1) stack.pop();
    } else {
      single(token, top, follow);
    }
  }
}

function opened(token: Token, follow: Follow): HTMLElement {
  if (token.type === "link_open") {
    const made = element("a", "");
    const url = token.attrGet("href") ?? "";
    made.setAttribute("href", "#");
    made.title = visible(url);
    onFollow(made, () => follow(targetOf(url)));
    return made;
  }
  // A paragraph of a tight list is no paragraph to be seen.
  if (token.hidden) return element("span", "tight");
  // Headings of a message are no headings of the page.
  const made = element(TAGS.has(token.tag) ? (token.tag as "p") : "p", "");
  const start = token.tag === "ol" ? token.attrGet("start") : null;
  if (start !== null) made.setAttribute("start", start);
  return made;
}

function single(token: Token, into: ParentNode, follow: Follow): void {
  switch (token.type) {
    case "inline":
      tokens(token.children ?? [], into, follow);
      return;
    case "text":
      into.append(...linked(token.content, follow));
      return;
    case "code_inline": {
      const made = element("code", "");
      const place = /^([\w@.+-]+(?:\/[\w@.+-]+)*\.\w+)(?::(\d+))?(?::\d+)?$/.exec(token.content);
      if (place?.[1] !== undefined) made.append(fileLink(place[1], Number(place[2] ?? 1), token.content, follow));
      else made.textContent = visible(token.content);
      into.append(made);
      return;
    }
    case "fence":
    case "code_block":
      into.append(code(token.content, token.info.trim().split(/\s+/, 1)[0] ?? ""));
      return;
    case "softbreak":
    case "hardbreak":
      into.append(document.createElement("br"));
      return;
    case "hr":
      into.append(document.createElement("hr"));
      return;
    default:
      if (token.content !== "") into.append(visible(token.content));
  }
}

function code(text: string, language: string): HTMLElement {
  const made = element("pre", "");
  made.tabIndex = 0;
  const inner = element("code", "");
  if (language !== "" && text.length <= MOST_COLOURED && lowlight.registered(language)) {
    inner.append(nodes(lowlight.highlight(language, text)));
  } else {
    inner.textContent = visible(text);
  }
  made.append(inner);
  return made;
}

function nodes(root: Root | HastElement): DocumentFragment {
  const made = document.createDocumentFragment();
  for (const child of root.children as RootContent[]) {
    if (child.type === "text") {
      made.append(visible(child.value));
    } else if (child.type === "element") {
      const names = child.properties.className;
      const span = element("span", Array.isArray(names) ? names.join(" ") : "");
      span.append(nodes(child));
      made.append(span);
    }
  }
  return made;
}

/** Places, ids and mentions in running text. */
const LINKED =
  /(?<![\w/.@])(?:([\w.+-]+(?:\/[\w@.+-]+)*\.[A-Za-z]\w*):(\d+)(?::\d+)?|@([a-z][a-z0-9-]*)|([rpfm][1-9]\d*)\b(?![\w.-]*\w))/g;

function linked(text: string, follow: Follow): (Node | string)[] {
  const made: (Node | string)[] = [];
  let from = 0;
  for (const found of text.matchAll(LINKED)) {
    const [all, path, line, name, id] = found;
    if (found.index > from) made.push(visible(text.slice(from, found.index)));
    from = found.index + all.length;
    if (path !== undefined) made.push(fileLink(path, Number(line), all, follow));
    else if (name !== undefined) made.push(element("span", "mention", all));
    else if (id !== undefined) made.push(link(all, () => follow({ is: "id", id })));
  }
  if (from < text.length) made.push(visible(text.slice(from)));
  return made;
}

function fileLink(path: string, line: number, words: string, follow: Follow): HTMLElement {
  return link(visible(words), () => follow({ is: "file", path, line }));
}

function link(words: string, act: () => void): HTMLElement {
  const made = element("a", "", words);
  made.setAttribute("href", "#");
  onFollow(made, act);
  return made;
}

function onFollow(made: HTMLElement, act: () => void): void {
  made.addEventListener("click", (event) => {
    event.preventDefault();
    event.stopPropagation();
    act();
  });
}

/** A link's address as what it leads to: a web page, or a file of the workspace. */
export function targetOf(url: string): Target {
  if (/^https?:\/\//i.test(url)) return { is: "url", url };
  const plain = decode(url).replace(/^\.\//, "");
  const place = /^(.*?)(?:#L(\d+)|:(\d+))?(?::\d+)?$/.exec(plain);
  return { is: "file", path: place?.[1] ?? plain, line: Number(place?.[2] ?? place?.[3] ?? 1) };
}

function decode(url: string): string {
  try {
    return decodeURIComponent(url);
  } catch {
    return url;
  }
}

function element<K extends keyof HTMLElementTagNameMap>(tag: K, name: string, text?: string): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (name !== "") made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** Characters that are not seen, or that turn the order of others round, as marks that are. */
export function visible(text: string): string {
  return text.replace(
    // eslint-disable-next-line no-control-regex -- Those are what is made visible.
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu,
    (it) => `⟨${(it.codePointAt(0) ?? 0).toString(16).toUpperCase()}⟩`,
  );
}
