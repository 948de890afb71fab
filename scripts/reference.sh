#!/usr/bin/env bash
# Unpacks the reference programs that tests and benchmarks run beside ours, from Debian's packages, without installing
# them: $CARGO_TARGET_DIR/reference/usr/bin/... A package that cannot be had is named; its tests count as skipped.
set -uo pipefail
root="${CARGO_TARGET_DIR:-$(cd "$(dirname "$0")/.." && pwd)/target}/reference"
packages=(prometheus prometheus-alertmanager prometheus-node-exporter prometheus-pushgateway victoria-metrics)
mkdir -p "$root/packages"
for package in "${packages[@]}"; do
    [ -e "$root/.$package" ] && continue
    (cd "$root/packages" && apt-get download -qq "$package" >/dev/null 2>&1 ||
        { apt-get update -qq >/dev/null 2>&1 && apt-get download -qq "$package" >/dev/null 2>&1; })
    deb=$(ls "$root/packages/${package}"_*.deb 2>/dev/null | head -n 1)
    if [ -n "$deb" ] && dpkg -x "$deb" "$root"; then
        touch "$root/.$package"
        rm -f "$deb"
    else
        echo "skipped: package $package cannot be had; what needs it is skipped"
    fi
done
