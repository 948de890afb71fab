#!/usr/bin/env bash
# Builds the static binary: target/static/PROFILE/bonghwa. Everything but the last link is shared with the usual build.
# usage: scripts/static.sh release|debug
set -euo pipefail
cd "$(dirname "$0")/.."
profile=${1:-release}
target="${CARGO_TARGET_DIR:-$PWD/target}"
flags=()
[ "$profile" = release ] && flags=(--release)
cargo rustc "${flags[@]}" -p app --bin bonghwa -- -C target-feature=+crt-static
mkdir -p "$target/static/$profile"
# A debug binary is large by what only a debugger reads.
strip -o "$target/static/$profile/bonghwa" "$target/$profile/bonghwa"
if ldd "$target/static/$profile/bonghwa" >/dev/null 2>&1 &&
    ! ldd "$target/static/$profile/bonghwa" 2>&1 | grep -q 'statically linked'; then
    echo "the binary is not static" >&2
    exit 1
fi
