#!/usr/bin/env bash
# Puts in place what the steps need, by package name through the machine's own package clients. Nothing is fetched twice.
set -euo pipefail

# Installs Debian packages, as root or by sudo where that asks nothing.
install_packages() {
    local as=()
    if [ "$(id -u)" -ne 0 ]; then
        as=(sudo -n)
    fi
    if ! command -v apt-get >/dev/null || ! "${as[@]}" true 2>/dev/null; then
        return 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    "${as[@]}" apt-get install -y --no-install-recommends "$@" ||
        { "${as[@]}" apt-get update && "${as[@]}" apt-get install -y --no-install-recommends "$@"; }
}

# need COMMAND PACKAGE…: the command is there, or its packages are installed, or the run ends with what to do.
need() {
    local program="$1"
    shift
    if command -v "$program" >/dev/null; then
        return 0
    fi
    install_packages "$@" || true
    if ! command -v "$program" >/dev/null; then
        echo "error: $program is not on this machine and could not be installed from here" >&2
        echo "help: install it (Debian: apt-get install $*), then run tests/run again" >&2
        return 1
    fi
}

install_programs() {
    if ! command -v cargo >/dev/null; then
        echo "error: cargo is not on the PATH" >&2
        echo "help: install Rust with rustup, open a new shell, then run tests/run again" >&2
        return 1
    fi
    if command -v rustup >/dev/null; then
        cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt
        cargo clippy --version >/dev/null 2>&1 || rustup component add clippy
    fi
    need git git
    need cc build-essential
    need python3 python3 python3-venv
    need node nodejs npm
    need npm npm
    # Wanted, not needed: the steps that use them do with less.
    if [ "$(uname -s)" = Linux ]; then
        command -v bwrap >/dev/null || install_packages bubblewrap >/dev/null 2>&1 || true
        command -v strace >/dev/null || install_packages strace >/dev/null 2>&1 || true
    fi
    command -v shellcheck >/dev/null || install_packages shellcheck >/dev/null 2>&1 || true
    cargo --version
    rustc --version
    git --version
    python3 --version
    echo "node $(node --version), npm $(npm --version 2>/dev/null)"
}

# install_python_programs FOLDER: the programs of tests/fixtures/python in a virtual environment.
install_python_programs() {
    local folder="$1" wanted=tests/fixtures/python/requirements.txt
    if ! cmp -s "$wanted" "$folder/installed.txt"; then
        rm -rf "$folder"
        # Debian has venv in a package of its own, and says so only when it is used.
        python3 -m venv "$folder" || { install_packages python3-venv && python3 -m venv --clear "$folder"; }
        "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$wanted"
        cp "$wanted" "$folder/installed.txt"
    fi
    "$folder/bin/ruff" --version
    "$folder/bin/pytest" --version
}

# install_node_programs FOLDER: the programs of tests/fixtures/node, exactly as its lock says, with no script of theirs run.
install_node_programs() {
    local folder="$1" wanted=tests/fixtures/node
    if ! cmp -s "$wanted/package-lock.json" "$folder/installed.json"; then
        rm -rf "$folder"
        mkdir -p "$folder"
        cp "$wanted/package.json" "$wanted/package-lock.json" "$folder/"
        (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund)
        cp "$wanted/package-lock.json" "$folder/installed.json"
    fi
    "$folder/node_modules/.bin/eslint" --version
    "$folder/node_modules/.bin/vitest" --version
}

# install_clis FOLDER: the real agents that tests/real is run with, exactly as the lock of tests/fixtures/clis says. No script
# of theirs is run but the one that puts Claude Code's own program in its place.
install_clis() {
    local folder="$1" wanted=tests/fixtures/clis try
    if ! cmp -s "$wanted/package-lock.json" "$folder/installed.json"; then
        mkdir -p "$folder"
        for try in 1 2 3; do
            rm -rf "$folder/node_modules" "$folder/installed.json"
            cp "$wanted/package.json" "$wanted/package-lock.json" "$folder/"
            if (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund &&
                node node_modules/@anthropic-ai/claude-code/install.cjs && install_amp); then
                cp "$wanted/package-lock.json" "$folder/installed.json"
                break
            fi
            if [ "$try" -eq 3 ]; then
                echo "error: the package registry did not give the real agents (Claude Code, Codex CLI, Gemini CLI, Amp)" >&2
                echo "help: npm's own words are above; run tests/run clis again later, or every other step without it" >&2
                return 1
            fi
            echo "npm failed; trying again in $((try * 10)) s" >&2
            sleep "$((try * 10))"
        done
    fi
    local program
    for program in claude codex gemini amp; do
        if [ "$program" != amp ] || [ -e "$folder/node_modules/.bin/amp" ]; then
            echo "$program $("$folder/node_modules/.bin/$program" --version)"
        fi
    done
}

# Amp's own program is there for some systems only, so it is optional. The package that brings it for every system can't be
# locked, as some of those it names are not published; the one with the program alone has no link, so it is made here.
install_amp() {
    local program
    for program in node_modules/@ampcode/cli-*/amp; do
        if [ -x "$program" ]; then
            ln -sf "../${program#node_modules/}" node_modules/.bin/amp
        fi
    done
}
