#!/usr/bin/env bash
# Imports the image of the tests, Debian's static busybox and nothing else, into the Docker engine that answers.
set -euo pipefail
image=bonghwa-test/busybox
docker image inspect "$image" >/dev/null 2>&1 && exit 0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder"/{bin,tmp,proc,sys,dev,etc}
install -m 755 "${BUSYBOX:-/bin/busybox}" "$folder/bin/busybox"
# The applets that scripts call by name.
for applet in sh sleep dd cat echo wget nc httpd yes kill ls grep head tail seq usleep test; do
    ln -s busybox "$folder/bin/$applet"
done
tar -C "$folder" -c . | docker import --change 'ENV PATH=/bin' - "$image" >/dev/null
