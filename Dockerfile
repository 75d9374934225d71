# The image holds weir, its Node and the libraries of that one: no shell, no package manager, no
# user but its own. It needs no writable file system. From a clone: docker build -t weir .

FROM node:20-bookworm-slim AS build
WORKDIR /weir
COPY . .
RUN npm ci \
 && npm run standalone -- /out \
 && config/deploy/image/rootfs.sh /out/weir-*-linux-*/ /rootfs

FROM scratch
COPY --from=build /rootfs /
USER 65532:65532
# Probes come from outside the container. The network decides who else reaches the port:
# docs/admin.md.
ENV WEIR_RUN_ADMIN=0.0.0.0:15021 \
    WEIR_RUN_LOG_FORMAT=json \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
EXPOSE 15021
STOPSIGNAL SIGTERM
VOLUME /etc/weir
ENTRYPOINT ["/opt/weir/bin/node", "/opt/weir/lib/node_modules/weir-gateway/src/cli/weir.js"]
CMD ["run", "/etc/weir"]
