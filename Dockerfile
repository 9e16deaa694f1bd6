# The image of speaker and controller. Needs BuildKit (or Podman, Buildah), which keep a file's capabilities when they copy it.
ARG NODE=24
ARG DEBIAN=bookworm

FROM node:${NODE}-${DEBIAN}-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY scripts scripts
COPY src src
COPY lab lab
COPY bench bench
COPY drill drill
COPY test test
RUN sh scripts/image.sh /image

FROM node:${NODE}-${DEBIAN}-slim AS node
RUN apt-get update && apt-get install -y --no-install-recommends libcap2-bin
# permitted, not in force: the program starts where a pod withholds them, and puts in force what it has (src/linux/capabilities.ts)
RUN setcap cap_net_bind_service,cap_net_raw,cap_sys_nice+p /usr/local/bin/node

# libc and libstdc++, no shell, no package manager
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=build /image /usr/lib/vipcast
USER 65532:65532
ENV NODE_ENV=production
ENTRYPOINT ["/usr/local/bin/node", "/usr/lib/vipcast/main.js"]
CMD ["speaker"]
