// A window of the workbench, as a person has it: commands, menus, trees, lenses, pages.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { LONG, sleep, until, USUAL } from "./waits.mjs";

/** Where pictures go. */
export const artefacts = path.resolve(process.env.CALLBOARD_PICTURES ?? path.join(os.tmpdir(), "callboard-pictures"));

export class Window {
  constructor(world, context, page) {
    Object.assign(this, { world, context, page });
    this.said = [];
    page.on("console", (it) => this.said.push(`${it.type()}: ${it.text()}`));
    page.on("pageerror", (it) => this.said.push(`pageerror: ${it.message}`));
  }

  /** Opens a list and chooses a row of it. A key that is pressed while the workbench starts can be lost, so it is pressed again. */
  async chosen(what, row, open) {
    await until(
      what,
      async () => {
        try {
          await open();
          await row.click({ timeout: 4000 });
          return true;
        } catch (error) {
          await this.page.keyboard.press("Escape");
          throw error;
        }
      },
      LONG,
    );
  }
  /** Runs a command by its title. */
  async command(title) {
    const input = this.page.locator(".quick-input-widget:visible input").first();
    const row = this.page.locator(".quick-input-list .monaco-list-row", { hasText: title }).first();
    await this.chosen(`the command ${title}`, row, async () => {
      await this.page.keyboard.press("F1");
      await input.fill(`>${title}`, { timeout: 4000 });
    });
  }
  /** Chooses from the list that is open. Rows far down are drawn only when the list is narrowed. */
  async pick(words, label = words) {
    const input = this.page.locator(".quick-input-widget:visible input").first();
    await input.fill(words, { timeout: USUAL });
    const row = this.page.locator(".quick-input-list .monaco-list-row", { hasText: label }).first();
    await row.click({ timeout: USUAL });
  }
  /** Types into the input box that is open. */
  async type(text) {
    const input = this.page.locator(".quick-input-widget:visible input").first();
    await input.fill(text, { timeout: USUAL });
    // A box that still looks at what was typed does not take it yet.
    await until("the box takes it", async () => {
      if (!(await input.isVisible())) return true;
      await input.press("Enter", { timeout: 2000 });
      await input.waitFor({ state: "hidden", timeout: 1500 });
      return true;
    });
  }
  toast(text) {
    return this.page.locator(".notifications-toasts .notification-list-item", { hasText: text }).first();
  }
  async answer(text, label) {
    const toast = this.toast(text);
    await toast.waitFor({ timeout: USUAL });
    await toast.hover();
    await toast.locator("a.monaco-button, .monaco-button", { hasText: label }).first().click({ timeout: USUAL });
  }
  async dialog(label) {
    const found = this.page.locator(".monaco-dialog-box .monaco-button", { hasText: label }).first();
    await found.click({ timeout: USUAL });
  }
  /** Lenses are dead until every provider has answered; a change that is taken back asks again. */
  async lens(text) {
    const lens = this.page.locator(".codelens-decoration a", { hasText: text }).first();
    await until(
      `the lens ${text}`,
      async () => {
        try {
          await lens.click({ timeout: 4000 });
          return true;
        } catch (error) {
          await this.focusEditor();
          await this.page.keyboard.press("Control+End");
          await this.page.keyboard.type(" ");
          await this.page.keyboard.press("Control+z");
          throw error;
        }
      },
      LONG,
    );
  }
  async focusEditor() {
    await this.page
      .locator(".editor-instance .view-lines")
      .first()
      .click({ position: { x: 200, y: 6 } });
  }
  async lines() {
    return this.page.$$eval(".editor-instance .view-line", (all) =>
      all
        .map((it) => [parseFloat(it.style.top || "0"), it.textContent.replace(/\u00a0/g, " ")])
        .sort((a, b) => a[0] - b[0])
        .map((it) => it[1]),
    );
  }
  /** Waits until the file in front shows a line: a file that others changed is read again when the editor hears of it. */
  async shows(line) {
    await until(`the line ${JSON.stringify(line)}`, async () => (await this.lines()).includes(line));
  }
  async codeAction(title) {
    const row = this.page.locator(".action-widget .monaco-list-row", { hasText: title }).first();
    await this.chosen(`the code action ${title}`, row, () => this.page.keyboard.press("Control+."));
  }
  async side() {
    const tab = this.page.locator('.activitybar a[aria-label^="Callboard"]').first();
    await tab.waitFor({ timeout: LONG });
    const inbox = this.page.locator(".pane-header", { hasText: "Inbox" });
    // A window that was reloaded may be about to show it by itself, and a badge lies over the tab.
    await until(
      "the side bar",
      async () => {
        if ((await inbox.count()) > 0 && (await inbox.first().isVisible())) return true;
        await tab.click({ force: true, timeout: 3000 });
        await inbox.waitFor({ timeout: 4000 });
        return true;
      },
      LONG,
    );
    await this.expand("Findings");
  }
  /** Opens a view that is folded, or folds one. */
  async expand(name) {
    await this.fold(name, true);
  }
  async fold(name, open = false) {
    const header = this.page.locator(".pane-header", { hasText: name }).first();
    await until(`the view ${name}`, async () => {
      if ((await header.getAttribute("aria-expanded")) === String(open)) return true;
      await header.click({ timeout: 3000 });
      return false;
    });
  }
  /** Opens the menu of what the pointer is on, and waits for its entries. What is redrawn under it closes it again. */
  async menu(at) {
    const menu = this.page.locator(".monaco-menu:visible").last();
    await until("the menu", async () => {
      await at.click({ button: "right", timeout: 3000 });
      await menu.locator(".action-label").first().waitFor({ timeout: 3000 });
      return true;
    });
    return menu;
  }
  /** What the menu that is open offers. */
  async offered() {
    const labels = this.page.locator(".monaco-menu:visible .action-menu-item .action-label");
    return (await labels.allInnerTexts()).map((it) => it.trim()).filter((it) => it !== "");
  }
  /** Chooses an entry of a menu, `…` and all, by way of submenus; says what the last of them offered. */
  async choose(at, ...labels) {
    let offered = [];
    await until(
      `the entry ${labels.join(" > ")}`,
      async () => {
        try {
          await this.menu(at);
          for (const [index, label] of labels.entries()) {
            const entry = this.page
              .locator(".monaco-menu:visible .action-menu-item")
              .filter({ has: this.page.locator(".action-label", { hasText: new RegExp(`^${label}$`) }) })
              .last();
            await entry.waitFor({ timeout: 3000 });
            offered = await this.offered();
            // A menu takes no choice in the moment in which it opens.
            await sleep(250);
            if (index < labels.length - 1) await entry.hover({ timeout: 3000 });
            else await entry.click({ timeout: 3000 });
          }
          return true;
        } catch (error) {
          await this.page.keyboard.press("Escape");
          throw error;
        }
      },
      LONG,
    );
    return offered;
  }
  pane(name) {
    return this.page.locator(".pane").filter({ has: this.page.locator(".pane-header", { hasText: name }) });
  }
  rows(pane, text) {
    return this.pane(pane).locator(".monaco-list-row", { hasText: text });
  }
  row(pane, text) {
    return this.rows(pane, text).first();
  }
  async inline(row, label) {
    // A tree that is refreshed takes the row from under the pointer.
    await until(`the action ${label}`, async () => {
      await row.hover({ timeout: 3000 });
      await row.locator(`a.action-label[aria-label^="${label}"]`).first().click({ timeout: 3000 });
      return true;
    });
  }
  /** A page of ours: the frame in a webview for which `fits` holds. */
  async frame(fits, limit = LONG) {
    return until(
      "a page of ours",
      async () => {
        for (const frame of this.page.frames()) {
          const outer = frame.parentFrame();
          if (outer === null || !outer.url().includes("/webview/browser/pre/")) continue;
          if (await fits(frame).catch(() => false)) return frame;
        }
        return undefined;
      },
      limit,
    );
  }
  async channel() {
    return this.frame(async (it) => (await it.locator(".composer").count()) > 0);
  }
  /** The channel's own search by its key, which must not open the editor's too. */
  async find(channel) {
    await until("the channel's search", async () => {
      await channel.locator(".composer textarea").click({ timeout: 3000 });
      // The workbench learns within a quarter of a second that a page has the focus.
      await sleep(400);
      await this.page.keyboard.press("Control+f");
      await channel.locator(".search input").waitFor({ timeout: 3000 });
      return true;
    });
    if ((await this.page.locator(".find-widget.visible").count()) !== 0)
      throw new Error("the editor's search opened too");
  }
  async picture(name) {
    fs.mkdirSync(artefacts, { recursive: true });
    // What fades in or out is through with it.
    await sleep(350);
    const file = path.join(artefacts, `${name}.png`);
    await this.page.screenshot({ path: file });
    return file;
  }
}
