#!/usr/bin/env bash
# The fuzz targets of tests/fuzz with coverage to guide them, on the toolchain that everything else is built with: only sanitizers
# need another. What is found is kept below target/tests/fuzz, and goes to tests/fuzz/found once it is mended.
set -euo pipefail

# fuzz FOLDER: builds the targets below FOLDER and runs each for CALLBOARD_FUZZ_SECONDS (20).
fuzz() {
    local folder="$1" seconds="${CALLBOARD_FUZZ_SECONDS:-20}" host name failed=()
    need c++ g++
    host="$(rustc -vV | sed -n 's/^host: //p')"
    mkdir -p "$folder/seeds" "$folder/found"
    folder="$(cd "$folder" && pwd)"
    CALLBOARD_WRITE_SEEDS="$folder/seeds" cargo test --quiet --lib entries::tests::seeds_are_written
    # With --target the flags are not those of build scripts.
    RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table" \
        cargo build --release --locked --manifest-path tests/fuzz/Cargo.toml --target "$host" --target-dir "$folder/build"
    for name in frames workflow screen agents uris; do
        mkdir -p "$folder/corpus/$name" "tests/fuzz/found/$name"
        echo "-- $name, $seconds s"
        if ! "$folder/build/$host/release/$name" "$folder/corpus/$name" "$folder/seeds/$name" "tests/fuzz/found/$name" \
            -max_total_time="$seconds" -max_len=8192 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
            -artifact_prefix="$folder/found/$name-" -verbosity=0 2>"$folder/$name.log"; then
            failed+=("$name")
            tail -40 "$folder/$name.log"
        fi
        grep -E 'stat::(number_of_executed_units|average_exec_per_sec|new_units_added)' "$folder/$name.log" || true
    done
    if [ "${#failed[@]}" -gt 0 ]; then
        echo "error: input was found that breaks ${failed[*]}; it is in $folder/found" >&2
        echo "help: put it into tests/fuzz/found/NAME, mend what it shows, and cargo test entries:: holds it for ever" >&2
        return 1
    fi
}
