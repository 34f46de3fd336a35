#!/usr/bin/env bash
# Draws docs/pictures/nvim-*.svg from what a full-screen Neovim shows: the sample project of `callboard demo`, its real linter, fixer
# and tests. NVIM, CALLBOARD and PICTURE name the programs (target/debug/picture draws); OUT keeps the screens.
#
# The person in the pictures is called ada on every machine: the script runs again as a user that has no account, of whom
# Callboard knows only what USER says. The hour stands still, so that the same screens are drawn each time.
set -euo pipefail
: "${PICTURE:?names the program that draws}"
if [ "${1:-}" != inside ]; then
    # Folders that were made for this user are this user's inside too.
    exec unshare --user --map-user=4711 --map-group=4711 env USER=ada LOGNAME=ada "$0" inside
fi
pictures="$(cd "$(dirname "$0")/../../../docs/pictures" && pwd)"
project="$(cd "$(dirname "$0")/../../../server/src/cli/demo/project" && pwd)"
PICTURE="$(realpath "$PICTURE")"
# shellcheck source=editors/nvim/tests/screen.sh
. "$(dirname "$0")/screen.sh"
OUT="${OUT:-$home}"
mkdir -p "$OUT"

# draws NAME SIZE TITLE: the screen that was kept under the name.
draws() {
    "$PICTURE" "$pictures/nvim-$1.svg" --size "$2" --title "$3" -- cat "$OUT/$1.ansi"
}

# settled: the line at the bottom is empty, and the screen is the same twice.
settled() {
    local before='' now try
    types C-l
    for try in $(seq 50); do
        sleep 0.4
        now="$(screen capture-pane -e -p -t 0)"
        [ "$now" != "$before" ] || return 0
        before="$now"
    done
    echo "not ok - the screen comes to rest: it moved at each of $try looks" >&2
    exit 1
}

workspace meter
for file in Cargo.toml Cargo.lock src/lib.rs; do
    mkdir -p "$(dirname "$workspace/$file")"
    cp "$project/$file.in" "$workspace/$file"
done
# Cargo's own lines have times in them, which would be others each time.
mkdir "$workspace/.cargo"
printf '[term]\nquiet = true\n' >"$workspace/.cargo/config.toml"
# What is built before shows no folder of this machine when it is run.
(cd "$workspace" && cargo test --offline --quiet --no-run && cargo clippy --offline --quiet) >/dev/null 2>&1 || true
opens 120 32 src/lib.rs "
require('callboard.render').time = function() return '14:08' end
vim.opt.number = true
vim.opt.signcolumn = 'no'
vim.opt.wrap = false
vim.opt.fillchars = { eob = ' ' }
"
sees 'Reads electricity meters' 'the file is shown'
types ':Callboard channel' Enter
sees 'Nothing was said here yet' 'the channel is shown'
types C-w h
types ':Callboard post @tests is everything all right in src?' Enter
sees 'answered' 'the tests answer'
types ':Callboard run review-fix path=src/lib.rs @lint=reviewer @autofix=fixer' Enter
sees '◆ p1' 'the pause point is in the channel'
sees '✓ tests' 'the tests have run'
sees '4 findings' 'the linter has found something'
settled
keep channel
types ':Callboard inbox p1' Enter
sees 'approve \a' 'its page is open'
types '7G'
settled
keep pause
types ':Callboard decide approve p1' Enter
sees '✓ p1 approved' 'it goes on'
sees '◆ p2' 'what no tool can mend is asked'
types ':only | edit src/lib.rs' Enter
types ':Callboard terminal @lint' Enter
types C-w k
types ':Callboard channel' Enter
types ':Callboard post @lint what is left in src/lib.rs?' Enter
sees '✓ @lint answered' 'the linter answers'
sees '@lint  stopped' 'its program has ended'
sees 'lint: 1 finding: 1 warning' 'the terminal shows what it printed'
types G
settled
keep terminal
ends
draws channel 120x32 'The channel beside the code'
draws pause 120x32 'A pause point: what is struck and saved is what goes on'
draws terminal 120x32 'The terminal of an agent'
