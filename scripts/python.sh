#!/usr/bin/env bash
# Makes $CARGO_TARGET_DIR/python: a virtual environment with the clients from PyPI that suite tests drive us with. A client
# that cannot be had is named, and what needs it counts as skipped.
set -uo pipefail
root="${CARGO_TARGET_DIR:-$(cd "$(dirname "$0")/.." && pwd)/target}/python"
ready="$root/.ready.$(cksum <"$0" | cut -d ' ' -f 1)"
[ -e "$ready" ] && exit 0
python3 -m venv "$root" >/dev/null 2>&1 || { echo "skipped: no Python environment can be made; what needs one is skipped"; exit 0; }
all=1
install() {
    "$root/bin/pip" install -q --disable-pip-version-check "$@" >/dev/null 2>&1 && return
    all=0
    echo "skipped: ${*: -1} cannot be had for Python; what needs it is skipped"
}
for client in prometheus_client opentelemetry-sdk opentelemetry-exporter-otlp-proto-http \
    opentelemetry-exporter-otlp-proto-grpc 'elasticsearch>=9,<10' fluent-logger pylogbeat python-logstash-async graypy \
    python-logging-loki; do
    install "$client"
done
# Older major versions, each with its own dependencies.
for version in 7 8; do
    [ -d "$root/elasticsearch$version" ] ||
        install --target "$root/elasticsearch$version" "elasticsearch>=$version,<$((version + 1))"
done
[ "$all" = 0 ] || touch "$ready"
