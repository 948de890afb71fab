#!/usr/bin/env bash
# Unpacks the reference programs that tests and benchmarks run beside ours, from Debian's packages, without installing
# them: $CARGO_TARGET_DIR/reference/usr/bin/... A package that cannot be had is named; its tests count as skipped.
set -uo pipefail
root="${CARGO_TARGET_DIR:-$(cd "$(dirname "$0")/.." && pwd)/target}/reference"
packages=(prometheus prometheus-alertmanager prometheus-node-exporter prometheus-pushgateway victoria-metrics
    systemd-journal-remote libmicrohttpd12)
# Daemons of syslog with the libraries that not every machine has, in a folder of their own: reference/syslog.
syslog=(rsyslog rsyslog-gnutls rsyslog-openssl syslog-ng-core libestr0 libfastjson4 liblognorm5 libivykis0 libwrap0 libnet1
    libjson-c5 libpcre3)
mkdir -p "$root/packages" "$root/syslog"

# Unpacks a package below a folder.
unpack() {
    local package=$1 to=$2 deb
    [ -e "$to/.$package" ] && return
    (cd "$root/packages" && apt-get download -qq "$package" >/dev/null 2>&1 ||
        { apt-get update -qq >/dev/null 2>&1 && apt-get download -qq "$package" >/dev/null 2>&1; })
    deb=$(ls "$root/packages/${package}"_*.deb 2>/dev/null | head -n 1)
    if [ -n "$deb" ] && dpkg -x "$deb" "$to"; then
        touch "$to/.$package"
        rm -f "$deb"
    else
        echo "skipped: package $package cannot be had; what needs it is skipped"
    fi
}

for package in "${packages[@]}"; do
    unpack "$package" "$root"
done
for package in "${syslog[@]}"; do
    unpack "$package" "$root/syslog"
done
