#!/usr/bin/env bash
# A full-screen Neovim in tmux with a world of its own, for the scripts beside it: read by them, run by nobody. NVIM and CALLBOARD
# name the programs. Everything is below one temporary folder, and is ended and removed with the script.
set -euo pipefail
plugin="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
: "${NVIM:?names the Neovim}" "${CALLBOARD:?names the binary of the server}"
NVIM="$(realpath "$NVIM")"
CALLBOARD="$(realpath "$CALLBOARD")"
home="$(mktemp -d)"
run="$(mktemp -d)"
# Cargo and its toolchains stay where they are, if a script wants them.
export CARGO_HOME="${CARGO_HOME:-$HOME/.cargo}" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}"
export HOME="$home" XDG_CONFIG_HOME="$home/c" XDG_STATE_HOME="$home/s" XDG_DATA_HOME="$home/d" XDG_CACHE_HOME="$home/k"
export XDG_RUNTIME_DIR="$run" TMUX_TMPDIR="$run" LANG=C.UTF-8 TERM=xterm-256color
unset NVIM_APPNAME VIMRUNTIME VIMINIT TMUX

screen() { tmux -L callboard "$@"; }

finish() {
    if [ -n "${workspace:-}" ]; then
        (cd "$workspace" && "$CALLBOARD" hub stop >/dev/null 2>&1) || true
    fi
    screen kill-server 2>/dev/null || true
    # What was told to end may still write.
    local try
    for try in 1 2 3 4 5; do
        rm -rf "$home" "$run" 2>/dev/null && return 0
        sleep 1
    done
    echo "left after $try tries: $home $run" >&2
}
trap finish EXIT

# workspace NAME: a trusted folder of that name, in which everything is.
workspace() {
    workspace="$home/$1"
    mkdir -p "$workspace/.callboard"
}

# opens COLUMNS ROWS FILE [LUA]: Neovim, full screen, with the plugin and nothing else, and more of a configuration.
opens() {
    cat >"$home/init.lua" <<LUA
vim.opt.runtimepath:prepend('$plugin')
vim.cmd('runtime! plugin/callboard.lua')
vim.opt.termguicolors = true
vim.opt.swapfile = false
vim.opt.statusline = " %t %= %{v:lua.require'callboard'.statusline()} "
vim.diagnostic.config({ virtual_text = true })
require('callboard').setup({ cmd = { '$CALLBOARD', 'lsp' } })
vim.lsp.enable('callboard')
${4:-}
LUA
    (cd "$workspace" && "$CALLBOARD" trust --yes >/dev/null)
    screen -f /dev/null new-session -d -x "$1" -y "$2" "cd '$workspace' && exec '$NVIM' -u '$home/init.lua' '$3'"
}

# sees TEXT "what it is": the text comes on the screen within a minute.
sees() {
    local try
    for try in $(seq 600); do
        if screen capture-pane -p -t 0 | grep -qF -- "$1"; then
            echo "ok - $2"
            return 0
        fi
        sleep 0.1
    done
    echo "not ok - $2: no \"$1\" after $try looks at" >&2
    screen capture-pane -p -t 0 >&2
    exit 1
}

types() { screen send-keys -t 0 "$@"; }

# keep NAME: the screen as it is, with its colours, for a picture.
keep() { screen capture-pane -e -p -N -t 0 >"$OUT/$1.ansi"; }

# ends: Neovim leaves when it is told to.
ends() {
    types Escape
    types ':qa!' Enter
    local try
    for try in $(seq 300); do
        if ! screen has-session 2>/dev/null; then
            echo 'ok - Neovim ends'
            return 0
        fi
        sleep 0.1
    done
    echo "not ok - Neovim ends: it runs after $try looks" >&2
    exit 1
}
