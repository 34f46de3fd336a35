#!/usr/bin/env bash
# Steps with names, times and a count. Read by tests/run; it knows nothing of what a step does.
set -euo pipefail

passed=0
failed=0
chosen=()
run_began=$SECONDS
# What passed only when it was tried again, a line each: told at the end, since it is a fault that waits to be found.
unsteady="$(mktemp)"

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

# once_more "what it is" COMMAND…: runs the command, and where it fails once more from nothing. For what starts other people's
# programs, which are not always in time where many run on few cores. Inside both, `set -e` does not hold.
once_more() {
    local what="$1"
    shift
    "$@" && return 0
    echo "-- $what failed, and is tried once more"
    "$@" || return 1
    echo "$what" >>"$unsteady"
}

# cargo_tests FEW ARGUMENT…: `cargo test` with the arguments. Of at most FEW tests that failed beside the others each has to
# pass by itself; more than that are no matter of time, and a program that ended names none.
cargo_tests() {
    local few="$1" said name failed
    shift
    said="$(mktemp)"
    if cargo test --no-fail-fast "$@" 2>&1 | tee "$said"; then
        rm -f "$said"
        return 0
    fi
    mapfile -t failed < <(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' "$said")
    if [ "${#failed[@]}" -eq 0 ] || [ "${#failed[@]}" -gt "$few" ] || grep -q '^error: could not compile' "$said"; then
        rm -f "$said"
        return 1
    fi
    # A binary that did not end in order told no result, so what it left out is unknown.
    if grep -q 'process didn.t exit successfully.*signal' "$said"; then
        rm -f "$said"
        return 1
    fi
    echo "-- failed beside the others, and tried once more by themselves: ${failed[*]}"
    for name in "${failed[@]}"; do
        cargo test "$@" -- --exact "$name" 2>&1 | tee "$said"
        grep -qF "test $name ... ok" "$said"
        echo "$name" >>"$unsteady"
    done
    rm -f "$said"
}

# Prints the count and ends the run with its outcome.
finish() {
    if [ "${chosen[0]:-}" = "--list" ]; then
        rm -f "$unsteady"
        exit 0
    fi
    if [ -s "$unsteady" ]; then
        printf '\nfailed at first and passed when tried once more:\n'
        sed 's/^/   /' "$unsteady"
    fi
    rm -f "$unsteady"
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
