# The image of csi-controller, from the root of the repository:
#
#   docker build --file deploy/image/csi-controller.Dockerfile --build-arg SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" \
#       --tag csi-controller .
#
# The tree is made by deploy/image/tree.py from csi-controller.files, here and in dev/image, which needs no container engine.
ARG SWIFT=swift:6.3.1-bookworm
FROM ${SWIFT} AS build
ARG SOURCE_DATE_EPOCH
WORKDIR /src
COPY . .
RUN deploy/image/pin-apt && dev/setup && apt-get install -y --no-install-recommends $(deploy/image/tree.py packages csi-controller)
RUN dev/release --product csi-controller && dev/release --product csictl && deploy/image/tree.py build csi-controller .build-release/build/release /image

FROM scratch
COPY --from=build /image/ /
LABEL org.opencontainers.image.title="csi-controller"
LABEL org.opencontainers.image.description="The controller part of swift-csi, a CSI driver for directories, image files and NFS exports"
LABEL org.opencontainers.image.licenses="Apache-2.0"
LABEL org.opencontainers.image.version="0.1.0"
# A controller that mounts or manages a pool is given root by its pod.
USER 65532:65532
ENTRYPOINT ["/usr/bin/csi-controller"]
