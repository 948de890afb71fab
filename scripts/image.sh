#!/usr/bin/env bash
# Builds the images from scratch, without any registry, around a static binary.
# usage: scripts/image.sh BINARY NAME[:TAG]   makes NAME:TAG, NAME:cadvisor and NAME:node-exporter
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$1
image=$2
name=${image%:*}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

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

context() { tar -C "$root" --owner=0 --group=0 -cf - . ; }
install -m 644 deploy/docker/scratch.Dockerfile "$root/Dockerfile"
context | docker build --quiet --tag "$image" - >/dev/null
for role in cadvisor node-exporter; do
    printf 'FROM %s\nENV BONGHWA_ROLE=%s BONGHWA_LISTEN=\n' "$image" "$role" >"$root/Dockerfile"
    # cAdvisor asks the container engine, whose socket is root's.
    [ "$role" = cadvisor ] && echo 'USER 0' >>"$root/Dockerfile"
    port=$([ "$role" = cadvisor ] && echo 8080 || echo 9100)
    cat >>"$root/Dockerfile" <<END
EXPOSE $port
HEALTHCHECK CMD ["/bin/wget", "--quiet", "--tries=1", "--spider", "http://localhost:$port/healthz"]
END
    docker build --quiet --tag "$name:$role" - <"$root/Dockerfile" >/dev/null
done
docker image inspect --format '{{.RepoTags}} {{.Size}} bytes' "$image"
