#!/usr/bin/env bash
# Makes $CARGO_TARGET_DIR/python: a virtual environment with the clients from PyPI that suite tests drive us with. Where it
# cannot be made, those tests count as skipped.
set -uo pipefail
root="${CARGO_TARGET_DIR:-$(cd "$(dirname "$0")/.." && pwd)/target}/python"
[ -e "$root/.ready" ] && exit 0
python3 -m venv "$root" >/dev/null 2>&1 &&
    "$root/bin/pip" install -q prometheus_client opentelemetry-sdk opentelemetry-exporter-otlp-proto-http >/dev/null 2>&1 &&
    touch "$root/.ready" ||
    echo "skipped: the Python clients cannot be had; what needs them is skipped"
