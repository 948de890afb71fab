# Around a static binary and the few files beside it, which scripts/image.sh lays out; no registry is asked.
FROM scratch
COPY bin /bin
COPY etc /etc
COPY --chown=65534:65534 prometheus /prometheus
COPY --chown=65534:65534 tmp /tmp
ENV PATH=/bin BONGHWA_LISTEN=0.0.0.0:9090 BONGHWA_DATA=/prometheus SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
WORKDIR /prometheus
USER 65534:65534
VOLUME /prometheus
EXPOSE 9090
HEALTHCHECK CMD ["/bin/wget", "--quiet", "--tries=1", "--spider", "http://localhost:9090/-/healthy"]
ENTRYPOINT ["/bin/bonghwa"]
