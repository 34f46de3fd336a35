// A real full-screen Neovim in tmux, in a world of the workbench's tests: what a person sees of it, and what they type.
//
// CALLBOARD_NVIM names the program.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { program, until } from "./harness.mjs";
import { artefacts } from "./window.mjs";

const plugin = fileURLToPath(new URL("../../../nvim", import.meta.url));

export class Neovim {
  constructor(world, { columns = 120, rows = 34 } = {}) {
    const nvim = process.env.CALLBOARD_NVIM;
    if (nvim === undefined) throw new Error("CALLBOARD_NVIM is not set; tests/run beside sets it");
    this.world = world;
    this.nvim = path.resolve(nvim);
    this.size = ["-x", String(columns), "-y", String(rows)];
    this.env = { ...world.env, TMUX_TMPDIR: world.of("run"), TERM: "xterm-256color", LANG: "C.UTF-8" };
    delete this.env.TMUX;
    // To the world it is one of its windows: closed with it, and shown where a part fails.
    this.said = [];
    this.context = { close: () => this.end() };
  }

  /** What is on the screen, for a part that failed. */
  async picture(name) {
    fs.mkdirSync(artefacts, { recursive: true });
    const file = path.join(artefacts, `${name}.txt`);
    fs.writeFileSync(file, this.screen());
    return file;
  }

  tmux(...args) {
    return execFileSync("tmux", ["-L", "neovim", "-f", "/dev/null", ...args], {
      cwd: this.world.workspace,
      env: this.env,
      encoding: "utf8",
      timeout: 20_000,
    });
  }

  start(file) {
    const init = this.world.of("init.lua");
    const lines = [
      `vim.opt.runtimepath:prepend('${plugin}')`,
      "vim.cmd('runtime! plugin/callboard.lua')",
      "vim.opt.swapfile = false",
      "vim.opt.statusline = \" %t %= %{v:lua.require'callboard'.statusline()} \"",
      `require('callboard').setup({ cmd = { '${program}', 'lsp' } })`,
      "vim.lsp.enable('callboard')",
    ];
    fs.writeFileSync(init, lines.join("\n"));
    this.world.windows.push(this);
    this.tmux("new-session", "-d", ...this.size, `exec '${this.nvim}' -u '${init}' '${file}'`);
  }

  screen() {
    return this.tmux("capture-pane", "-p", "-t", "0");
  }

  /** Waits until the text is on the screen. */
  async sees(text, limit = 40_000) {
    await until(`Neovim shows ${text}`, () => this.screen().includes(text), limit).catch((error) => {
      throw new Error(`${error.message}\n${this.screen()}`);
    });
  }

  /** Types keys by the names that tmux has for them. */
  types(...keys) {
    this.tmux("send-keys", "-t", "0", ...keys);
  }

  command(line) {
    this.types("Escape");
    this.types(`:${line}`, "Enter");
  }

  async end() {
    if (!this.runs()) return;
    try {
      this.types("C-\\", "C-n");
      this.command("qa!");
      await until("Neovim ends", () => !this.runs());
    } finally {
      if (this.runs()) this.tmux("kill-server");
    }
  }

  runs() {
    try {
      this.tmux("has-session");
      return true;
    } catch {
      return false;
    }
  }
}
