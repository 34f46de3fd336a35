#!/usr/bin/env bash
# A full-screen Neovim in tmux, as a person has it: the channel, a pause point's page, a comparison and an agent's terminal, each
# looked for on the screen. NVIM and CALLBOARD name the programs.
set -euo pipefail
# shellcheck source=editors/nvim/tests/screen.sh
. "$(dirname "$0")/screen.sh"

workspace clinic
printf '# Rounds   \n\nStart at the station.\nEnd at the depot. \t\n' >"$workspace/notes.md"
opens 120 30 notes.md
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
types ':Callboard inbox p1' Enter
sees 'Untick or delete a finding' 'its page is open beside the channel'
sees 'request changes \c' 'what can be answered stands above it'
types '/f2' Enter
types 'dd'
sees 'not saved :w' 'what is not saved can not be approved'
types ':w' Enter
sees 'approve as edited \a' 'what was saved can'
types '\a'
sees 'edited and approved by' 'the page says what was decided'
sees 'r1 approved: 1 file changed' 'the end of the run is said'
types ':Callboard terminal @lint' Enter
sees '@lint  stopped' 'a terminal opens'
sees 'lint: 1 finding: 1 warning' 'it shows what the agent printed'
types C-l
types ':quit' Enter
types ':Callboard diff r1' Enter
sees 'modified notes.md  by @autofix' 'what the run changed is listed'
types Enter
sees 'before @autofix' 'a file is compared in diff mode'
ends
