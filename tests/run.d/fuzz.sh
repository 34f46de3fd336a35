#!/usr/bin/env bash
# The fuzz targets of tests/fuzz with coverage to guide them, on the toolchain and with the artefacts of everything else. As a step they
# do the same for one commit wherever it is checked: so many runs from one seed, begun with what the repository has. With
# CALLBOARD_FUZZ_SECONDS they look for new ground that long instead; what they reach is kept below target/tests/fuzz.
set -euo pipefail

# Runs of each target that take about ten seconds on a small machine.
fuzz_runs() {
    case "$1" in
    frames) echo 60000 ;;
    workflow) echo 1000 ;;
    screen) echo 30000 ;;
    agents) echo 12000 ;;
    uris) echo 200000 ;;
    esac
}

# fuzz FOLDER: builds the targets and runs each.
fuzz() {
    local folder="$1" seconds="${CALLBOARD_FUZZ_SECONDS:-}" name what failed=()
    need c++ g++
    # What one run found is no beginning of the next.
    rm -rf "$folder/seeds"
    mkdir -p "$folder/seeds" "$folder/found"
    folder="$(cd "$folder" && pwd)"
    CALLBOARD_WRITE_SEEDS="$folder/seeds" cargo test --quiet --lib entries::tests::seeds_are_written
    RUSTC_WRAPPER="$PWD/tests/run.d/fuzzed.sh" \
        cargo build --locked --manifest-path tests/fuzz/Cargo.toml --target-dir target
    for name in frames workflow screen agents uris; do
        mkdir -p "$folder/corpus/$name" "tests/fuzz/found/$name"
        if [ -n "$seconds" ]; then
            echo "-- $name, $seconds s"
            what=("$folder/corpus/$name" "$folder/seeds/$name" "tests/fuzz/found/$name" "-max_total_time=$seconds")
        else
            echo "-- $name, $(fuzz_runs "$name") runs"
            # In the order of their names: a folder's own order is another on each disk.
            find "$folder/seeds/$name" "tests/fuzz/found/$name" -type f | LC_ALL=C sort | tr '\n' ',' | sed 's/,$//' >"$folder/$name.begin"
            what=("-seed_inputs=@$folder/$name.begin" -seed=1 "-runs=$(fuzz_runs "$name")")
        fi
        if ! "target/debug/$name" "${what[@]}" -max_len=8192 -timeout=60 -rss_limit_mb=2048 -print_final_stats=1 \
            -artifact_prefix="$folder/found/$name-" 2>"$folder/$name.log"; then
            failed+=("$name")
            tail -40 "$folder/$name.log"
        fi
        # What was reached, which is the same for the same commit.
        grep -E '^#[0-9]+\s+DONE|stat::(average_exec_per_sec|new_units_added|slowest_unit_time_sec)' "$folder/$name.log" || true
    done
    if [ "${#failed[@]}" -gt 0 ]; then
        echo "error: input was found that breaks ${failed[*]}; it is in $folder/found" >&2
        echo "help: put it into tests/fuzz/found/NAME, mend what it shows, and cargo test entries:: holds it for ever" >&2
        return 1
    fi
}
