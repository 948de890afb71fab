#!/usr/bin/env bash
# A Docker engine for the tests, started by hand: `scripts/dockerd.sh start|stop|status`.
# `start` does nothing where an engine answers already; `stop` ends only an engine that `start` started.
set -euo pipefail
cd "$(dirname "$0")/.."

RUN_DIR=/run/bonghwa-docker
PID_FILE=$RUN_DIR/dockerd.pid
LOG=${BONGHWA_DOCKER_LOG:-$RUN_DIR/dockerd.log}
DATA_ROOT=${BONGHWA_DOCKER_ROOT:-/var/lib/bonghwa-docker}
WAIT_SECONDS=40

# Asks the engine's socket itself: the `docker` program may be missing, and its contexts may point elsewhere.
answers() {
    if [ -n "${DOCKER_HOST:-}" ] && command -v docker >/dev/null 2>&1; then
        timeout 5 docker info >/dev/null 2>&1
    elif command -v curl >/dev/null 2>&1; then
        [ "$(curl -s -m 5 --unix-socket /var/run/docker.sock http://localhost/_ping 2>/dev/null)" = OK ]
    else
        timeout 5 docker info >/dev/null 2>&1
    fi
}

running() { [ -s "$PID_FILE" ] && kill -0 "$(cat "$PID_FILE")" 2>/dev/null; }

# runc needs the controllers mounted. A container that was started without an init may have none of them.
mount_cgroups() {
    grep -qE ' (cgroup|cgroup2) ' /proc/self/mounts && return 0
    mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null && return 0
    mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
    local name
    awk '!/^#/ && $4 == 1 { print $1 }' /proc/cgroups | while read -r name; do
        mkdir -p "/sys/fs/cgroup/$name"
        mount -t cgroup -o "$name" cgroup "/sys/fs/cgroup/$name" || rmdir "/sys/fs/cgroup/$name"
    done
}

# Tries one set of flags; succeeds once the engine answers.
try() {
    rm -f "$PID_FILE"
    printf '== dockerd %s\n' "$*" >>"$LOG"
    setsid dockerd --data-root "$DATA_ROOT" --exec-root "$RUN_DIR/exec" --pidfile "$PID_FILE" \
        "$@" >>"$LOG" 2>&1 </dev/null &
    local pid=$! waited=0
    while [ "$waited" -lt "$WAIT_SECONDS" ]; do
        if answers; then
            disown "$pid" 2>/dev/null || true
            return 0
        fi
        kill -0 "$pid" 2>/dev/null || return 1
        sleep 1
        waited=$((waited + 1))
    done
    kill "$pid" 2>/dev/null || true
    return 1
}

start() {
    if answers; then
        return 0
    fi
    command -v dockerd >/dev/null 2>&1 || { echo "dockerd.sh: dockerd is not installed (Debian: docker.io)" >&2; return 1; }
    [ "$(id -u)" = 0 ] || { echo "dockerd.sh: no engine answers, and starting one needs root" >&2; return 1; }
    mkdir -p "$RUN_DIR" "$DATA_ROOT"
    mount_cgroups
    # From the ordinary engine to the one that asks least of the kernel (no overlay, no packet filter).
    try || try --storage-driver=vfs \
        || try --iptables=false --ip6tables=false --ip-masq=false \
        || try --iptables=false --ip6tables=false --ip-masq=false --storage-driver=vfs \
        || { echo "dockerd.sh: the engine does not start; the end of $LOG:" >&2; tail -n 20 "$LOG" >&2; return 1; }
}

stop() {
    running || return 0
    local pid waited=0
    pid=$(cat "$PID_FILE")
    kill "$pid"
    while kill -0 "$pid" 2>/dev/null && [ "$waited" -lt 20 ]; do
        sleep 1
        waited=$((waited + 1))
    done
}

case ${1:-start} in
    start) start ;;
    stop) stop ;;
    status) if answers; then echo running; else echo "no engine"; exit 1; fi ;;
    *) echo "usage: $0 start|stop|status" >&2; exit 2 ;;
esac
