#!/usr/bin/env bash
# rustc as cargo calls it for the fuzz targets: counters of what was reached go into what is fuzzed and nothing else, so that the
# rest is what the tests have built already. The screen's parser is ours in all but name. Only sanitizers need another toolchain.
set -euo pipefail

case " $* " in
*" --crate-name callboard "* | *" --crate-name vt100 "* | *" --crate-name vte "* | *" fuzz_targets/"*)
    exec "$@" --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
    ;;
esac
exec "$@"
