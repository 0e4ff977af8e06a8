# The image of csi-node, from the root of the repository:
#
#   docker build --file deploy/image/csi-node.Dockerfile --build-arg SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" --tag csi-node .
#
# The tree is made by deploy/image/tree.py from csi-node.files, here and in dev/image, which needs no container engine.
ARG SWIFT=swift:6.3.1-bookworm
FROM ${SWIFT} AS build
ARG SOURCE_DATE_EPOCH
WORKDIR /src
COPY . .
RUN deploy/image/pin-apt && dev/setup && apt-get install -y --no-install-recommends $(deploy/image/tree.py packages csi-node)
RUN dev/release --product csi-node && dev/release --product csictl && deploy/image/tree.py build csi-node .build-release/build/release /image

FROM scratch
COPY --from=build /image/ /
LABEL org.opencontainers.image.title="csi-node"
LABEL org.opencontainers.image.description="The node part of swift-csi, a CSI driver for directories, image files and NFS exports"
LABEL org.opencontainers.image.licenses="Apache-2.0"
LABEL org.opencontainers.image.version="0.1.0"
# It mounts. The rest of what it may do is the pod's business.
USER 0:0
ENTRYPOINT ["/usr/bin/csi-node"]
