#!/usr/bin/env bash
# Builds the images from scratch, without any registry, around a static binary.
# usage: scripts/image.sh BINARY NAME[:TAG]   makes NAME:TAG, NAME:cadvisor and NAME:node-exporter
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$1
image=$2
case "$image" in *:*) ;; *) image=$image:latest ;; esac
name=${image%:*}
# One at a time: the steps of one would remove what the steps of another stand on.
exec 9<scripts/image.sh
flock 9
# Nothing is done again where neither the binary nor what is put around it has changed.
made_of=$( (stat -c '%Y %s' "$binary" && cat "$0" deploy/docker/scratch.Dockerfile) | sha256sum | cut -c 1-16)
if [ "$(docker image inspect --format '{{ index .Config.Labels "made-of" }}' "$image" 2>/dev/null)" = "$made_of" ]; then
    exit 0
fi
root=$(mktemp -d)
trap 'rm -rf "$root" "$root.log"' EXIT

mkdir -p "$root"/{bin,prometheus,tmp,etc/ssl/certs,etc/prometheus}
install -m 755 "$binary" "$root/bin/bonghwa"
for link in prometheus promtool wget cadvisor node_exporter; do ln -s bonghwa "$root/bin/$link"; done
printf 'root:x:0:0:root:/:/\nnobody:x:65534:65534:nobody:/prometheus:/\n' >"$root/etc/passwd"
printf 'root:x:0:\nnobody:x:65534:\n' >"$root/etc/group"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
for certificates in "${CA_CERTIFICATES:-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt; do
    if [ -s "$certificates" ]; then
        install -m 644 "$certificates" "$root/etc/ssl/certs/ca-certificates.crt"
        break
    fi
done
[ -s "$root/etc/ssl/certs/ca-certificates.crt" ] ||
    echo "no certificate authorities found (CA_CERTIFICATES=FILE names them): https targets cannot be verified" >&2

# The build says what it is made of on standard input; its own words are shown only where it fails.
build() { docker build --quiet "$@" - >"$root.log" 2>&1 || { cat "$root.log" >&2; exit 1; }; }

install -m 644 deploy/docker/scratch.Dockerfile "$root/Dockerfile"
tar -C "$root" --owner=0 --group=0 -cf - . | build --tag "$name:base"
for role in cadvisor node-exporter; do
    port=$([ "$role" = cadvisor ] && echo 8080 || echo 9100)
    {
        printf 'FROM %s:base\nENV BONGHWA_ROLE=%s\nEXPOSE %s\n' "$name" "$role" "$port"
        # cAdvisor asks the container engine, whose socket is root's.
        if [ "$role" = cadvisor ]; then echo 'USER 0'; fi
        echo "HEALTHCHECK CMD [\"/bin/wget\", \"--quiet\", \"--tries=1\", \"--spider\", \"http://localhost:$port/healthz\"]"
    } | build --tag "$name:$role"
done
# Last: its label says that all of them are there.
printf 'FROM %s:base\nLABEL made-of=%s\n' "$name" "$made_of" | build --tag "$image"
docker rmi "$name:base" >/dev/null
docker image inspect --format '{{ index .RepoTags 0 }}: {{ .Size }} bytes' "$image"
