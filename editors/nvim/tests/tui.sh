#!/usr/bin/env bash
# A full-screen Neovim in tmux, as a person has it: the channel, a pause point's page and an agent's terminal, each looked for
# on the screen. NVIM and CALLBOARD name the programs; OUT gets the screens, with their colours, for the documents' pictures.
set -euo pipefail
here="$(cd "$(dirname "$0")/.." && pwd)"
: "${NVIM:?names the Neovim}" "${CALLBOARD:?names the binary of the server}"
OUT="${OUT:-$(mktemp -d)}"
mkdir -p "$OUT"
home="$(mktemp -d)"
run="$(mktemp -d)"
socket="callboard-$$"
screen() { tmux -L "$socket" "$@"; }
export HOME="$home" XDG_CONFIG_HOME="$home/c" XDG_STATE_HOME="$home/s" XDG_DATA_HOME="$home/d" XDG_CACHE_HOME="$home/k"
export XDG_RUNTIME_DIR="$run"
mkdir -p "$home/clinic/.callboard"
finish() {
    (cd "$home/clinic" && "$CALLBOARD" hub stop >/dev/null 2>&1) || true
    screen kill-server 2>/dev/null || true
    rm -rf "$home" "$run"
}
trap finish EXIT

printf '# Rounds   \n\nStart at the station.\nEnd at the depot. \t\n' >"$home/clinic/notes.md"
cat >"$home/init.lua" <<LUA
vim.opt.runtimepath:prepend('$here')
vim.cmd('runtime! plugin/callboard.lua')
vim.opt.termguicolors = true
vim.opt.swapfile = false
vim.opt.statusline = " %t %= %{v:lua.require'callboard'.statusline()} "
vim.diagnostic.config({ virtual_text = true })
require('callboard').setup({ cmd = { '$CALLBOARD', 'lsp' } })
vim.lsp.enable('callboard')
LUA
(cd "$home/clinic" && "$CALLBOARD" trust --yes >/dev/null)

# sees TEXT "what it is": the text comes on the screen within 20 seconds.
sees() {
    local try
    for try in $(seq 200); do
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
keep() { screen capture-pane -e -p -t 0 >"$OUT/$1.ansi"; }

TERM=xterm-256color screen -f /dev/null new-session -d -x 120 -y 30 \
    "cd '$home/clinic' && exec '$NVIM' -u '$home/init.lua' notes.md"
sees 'Start at the station' 'the file is shown'
types ':Callboard channel' Enter
sees 'Nothing was said here yet' 'an empty channel says what to do'
types C-w h
types ':Callboard post @lint what do you think of notes.md?' Enter
sees '2 findings' 'the agent that was named answers'
types ':Callboard run review-fix path=notes.md @lint=reviewer @autofix=fixer' Enter
sees 'white space at the end of the line' 'findings stand on their lines'
sees '◆ p1' 'the pause point is in the channel'
sees '▶ 1 ◆ 1' 'the statusline says what waits'
types C-l
keep channel
types ':Callboard inbox p1' Enter
sees 'Untick or delete a finding' 'its page is open beside the channel'
sees 'request-changes' 'what can be answered stands above it'
types C-l
keep pause
types '/f2' Enter 'dd' ':w' Enter
types ':Callboard decide approve' Enter
sees 'p1: approve' 'an edited page is approved'
types ':Callboard decide approve p2' Enter
types ':Callboard terminal @lint' Enter
sees '@lint' 'a terminal opens'
types C-w j C-l
sees 'notes.md' 'it shows what the agent printed'
keep terminal
types ':qa!' Enter
for _ in $(seq 100); do
    screen has-session 2>/dev/null || break
    sleep 0.1
done
if screen has-session 2>/dev/null; then
    echo 'not ok - Neovim ends' >&2
    exit 1
fi
echo 'ok - Neovim ends'
