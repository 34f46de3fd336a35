// The extension in a language that is none: each of its texts in brackets, so that one that stands in the code, or that was not asked
// for in the editor's language, is one without.
import fs from "node:fs";
import path from "node:path";
import { LONG, story, until, World } from "./harness.mjs";

const LANGUAGE = "qps-ploc";
const world = new World({ "notes.md": "# Rounds\n\none \n" });
const marked = (words) => Object.fromEntries(Object.entries(words).map(([key, it]) => [key, bracketed(it)]));
/** A link of a welcome text keeps its address. */
const bracketed = (text) =>
  text
    .split(/(\]\(command:[^)]*\)|\n\n?)/)
    .map((it) =>
      /^(\]\(|\n|$)/.test(it) ? it : it.replace(/^([^[]*)(\[?)(.*)$/s, (_, a, b, c) => wrap(a) + b + wrap(c)),
    )
    .join("");
const wrap = (it) => (/[A-Za-z]/.test(it) ? `⟦${it}⟧` : it);

let window;
/** Texts with letters that are in no brackets: each element's own text, and what a screen reader says of it. */
const bare = (root) =>
  root.evaluate((top) => {
    const found = [];
    const all = [top, ...top.querySelectorAll("*")];
    for (const it of all) {
      if (it.closest("[hidden], .codicon, pre, code, .monaco-icon-label-container .label-description") !== null)
        continue;
      const own = [...it.childNodes].filter((node) => node.nodeType === 3).map((node) => node.textContent.trim());
      found.push(...own, it.getAttribute("aria-label") ?? "", it.getAttribute("placeholder") ?? "");
    }
    return found.filter((it) => /[A-Za-z]{3,}/.test(it) && !/⟦/.test(it));
  });
const none = (where, found, same) => {
  const left = found.filter((it) => !same.test(it));
  if (left.length > 0) throw new Error(`${where}: not in the editor's language: ${JSON.stringify(left)}`);
};

await story(world, [
  [
    "the workbench starts in a language of brackets",
    async () => {
      await world.start();
      const [folder] = fs.readdirSync(world.of("extensions")).filter((it) => it.startsWith("callboard."));
      const of = (name) => path.join(world.of("extensions"), folder, name);
      const translate = (from, to) =>
        fs.writeFileSync(of(to), JSON.stringify(marked(JSON.parse(fs.readFileSync(of(from), "utf8")))));
      translate("package.nls.json", `package.nls.${LANGUAGE}.json`);
      translate("l10n/bundle.l10n.json", `l10n/bundle.l10n.${LANGUAGE}.json`);
      // The workbench's own words stay English: it has the language, and no pack of it.
      const speak = (language) => {
        const stays = () => {
          // Whatever the workbench would set.
        };
        Object.defineProperty(globalThis, "_VSCODE_NLS_LANGUAGE", { get: () => language, set: stays });
      };
      window = await world.window({ files: ["notes.md"], prepare: (page) => page.addInitScript(speak, LANGUAGE) });
      const tab = window.page.locator('.activitybar a[aria-label^="Callboard"]').first();
      const headers = window.page.locator(".pane-header .title");
      await until(
        "the side bar",
        async () => {
          if ((await headers.filter({ hasText: "⟦Inbox⟧" }).count()) > 0) return true;
          await tab.click({ force: true, timeout: 3000 });
          await headers.filter({ hasText: "⟦Inbox⟧" }).waitFor({ timeout: 4000 });
          return true;
        },
        LONG,
      );
    },
  ],
  [
    "what stands in package.json and what the code says before trust is in it",
    async () => {
      const page = await window.frame(async (it) => (await it.locator(".off").count()) > 0);
      await page.locator(".off", { hasText: "⟦Trust This Workspace…⟧" }).waitFor();
      none("the channel's page", await bare(page.locator(".off")), /^$/);
      const inbox = window.pane("⟦Inbox⟧").locator(".welcome-view");
      await inbox.locator("a", { hasText: "⟦Trust This Workspace…⟧" }).first().waitFor();
      // What a screen reader is told that it is, is the editor's.
      none("the inbox", await bare(inbox), /^Welcome$/);
      await page.locator(".off button").click();
      await window.page
        .locator(".monaco-dialog-box .monaco-button", { hasText: "⟦Trust This Workspace⟧" })
        .first()
        .click();
    },
  ],
  [
    "the channel, the inbox and the run's picture are in it",
    async () => {
      const channel = await window.channel();
      await channel.locator(".composer textarea").waitFor({ timeout: LONG });
      // Names of channels, and an example of what is typed, are the same in every language.
      none("the empty channel", await bare(channel.locator("#root")), /^(#?main|@lint)/);
      try {
        world.callboard("run", "review-fix", "--detach", "--agent", "reviewer=lint", "--agent", "fixer=autofix");
      } catch (error) {
        // Paused and detached.
        if (error.status !== 3) throw error;
      }
      const card = channel.locator(".card.pause");
      await card.first().waitFor({ timeout: LONG });
      none("the pause's card", await bare(card.first()), /^p1$/);
      world.callboard("decide", "p1", "stop");
      await world.ended("r1");
      await window.command("⟦Show Run as Picture⟧");
      const picture = await window.frame(async (it) => (await it.locator("svg .bar").count()) > 0);
      // Titles of workflows and steps, and what the hub says of a run, are not the extension's.
      const hub = /^(Review–fix loop|Until the|Review|Tests|Which findings|Fix|root stopped|The reviewer asks)/;
      none("the run's picture", await bare(picture.locator("#root")), new RegExp(`${hub.source}|^@`));
      await picture.locator("button", { hasText: "⟦Show as list⟧" }).click();
      none(
        "the run as a list",
        await bare(picture.locator("#root")),
        new RegExp(`${hub.source}|^@|^\\d+ (finding|passed)|no test`),
      );
      await window.picture("words-dark");
    },
  ],
]);
