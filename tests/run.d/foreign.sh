#!/usr/bin/env bash
# The language server through a client that we did not write: pytest-lsp, which checks each answer against the specification and the
# capabilities that real editors send.
set -euo pipefail

# install_pytest_lsp FOLDER: the client of tests/pytest_lsp in a virtual environment, pinned.
install_pytest_lsp() {
    local folder="$1" wanted=tests/pytest_lsp/requirements.txt
    if ! cmp -s "$wanted" "$folder/installed.txt"; then
        rm -rf "$folder"
        python3 -m venv "$folder" || { install_packages python3-venv && python3 -m venv --clear "$folder"; }
        "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$wanted"
        cp "$wanted" "$folder/installed.txt"
    fi
}

# foreign_client FOLDER: a day through the specification alone.
foreign_client() {
    local folder
    install_pytest_lsp "$1"
    folder="$(cd "$1" && pwd)"
    cargo build --quiet
    CALLBOARD="$PWD/target/debug/callboard" PYTHONDONTWRITEBYTECODE=1 \
        "$folder/bin/python" -m pytest -p no:cacheprovider --quiet -c tests/pytest_lsp/pytest.ini --rootdir tests/pytest_lsp \
        tests/pytest_lsp
}
