#!/usr/bin/env bash
# Makes $CARGO_TARGET_DIR/node/node_modules with the clients from npm that suite tests drive us with. Where they cannot be
# had, those tests count as skipped.
set -uo pipefail
root="${CARGO_TARGET_DIR:-$(cd "$(dirname "$0")/.." && pwd)/target}/node"
ready="$root/.ready.$(cksum <"$0" | cut -d ' ' -f 1)"
[ -e "$ready" ] && exit 0
mkdir -p "$root" && cd "$root" && echo '{"private":true}' >package.json &&
    npm install --no-audit --no-fund --ignore-scripts --loglevel=error @elastic/elasticsearch@9 fluent-logger@3 \
        winston@3 winston-loki@6 gelf-pro@1 >/dev/null 2>&1 &&
    touch "$ready" ||
    echo "skipped: the clients from npm cannot be had; what needs them is skipped"
