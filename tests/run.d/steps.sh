#!/usr/bin/env bash
# Steps with names, times and a count. Read by tests/run; it knows nothing of what a step does.
set -euo pipefail

passed=0
failed=0
chosen=()
run_began=$SECONDS

# Takes the names of the steps to run; none means all.
plan() {
    chosen=("$@")
}

is_chosen() {
    local name
    if [ "${#chosen[@]}" -eq 0 ]; then
        return 0
    fi
    for name in "${chosen[@]}"; do
        if [ "$name" = "$1" ]; then
            return 0
        fi
    done
    return 1
}

# extra NAME "what it is" COMMAND…: a step that runs only when it is named.
extra() {
    local name="$1" wanted
    if [ "${chosen[0]:-}" = "--list" ]; then
        step "$1" "$2 (only when named)" true
        return 0
    fi
    for wanted in ${chosen[@]+"${chosen[@]}"}; do
        if [ "$wanted" = "$name" ]; then
            step "$@"
            return 0
        fi
    done
}

# step NAME "what it is" COMMAND…: runs the command, and ends the run where it fails.
step() {
    local name="$1" what="$2" began=$SECONDS status=0
    shift 2
    if [ "${chosen[0]:-}" = "--list" ]; then
        printf '%-10s %s\n' "$name" "$what"
        return 0
    fi
    if ! is_chosen "$name"; then
        return 0
    fi
    printf '\n== %s: %s\n' "$name" "$what"
    # A subshell with its own -e: a function that is tested by `||` would go on after a failure in its middle.
    set +e
    (
        set -e
        "$@"
    )
    status=$?
    set -e
    if [ "$status" -ne 0 ]; then
        failed=$((failed + 1))
        printf '\n== FAILED: %s (exit %d after %d s): %s\n' "$name" "$status" "$((SECONDS - began))" "$*"
        printf '   to run it alone: tests/run %s\n' "$name"
        finish
    fi
    passed=$((passed + 1))
    printf '== %s: passed in %d s\n' "$name" "$((SECONDS - began))"
}

# Prints the count and ends the run with its outcome.
finish() {
    if [ "${chosen[0]:-}" = "--list" ]; then
        exit 0
    fi
    if [ "$((passed + failed))" -eq 0 ]; then
        echo "no step is called ${chosen[*]}; tests/run --list names them" >&2
        exit 2
    fi
    printf '\n%d min %d s\n' "$(((SECONDS - run_began) / 60))" "$(((SECONDS - run_began) % 60))"
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ] || exit 1
    exit 0
}

# The state of the sources in text, for comparing; empty where there is no git.
sources_state() {
    git status --porcelain 2>/dev/null || true
    git diff HEAD 2>/dev/null | cksum || true
}
