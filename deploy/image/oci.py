#!/usr/bin/env python3
"""Packs a tree into an OCI image archive, with the configuration that the Dockerfile's last stage states: no engine, no registry.

    deploy/image/oci.py IMAGE TREE ARCHIVE

Load it with `podman load -i ARCHIVE` or `skopeo copy oci-archive:ARCHIVE ...`. The same tree gives the same bytes.
"""

import datetime
import gzip
import hashlib
import io
import json
import os
import re
import sys
import tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def configuration(image):
    """User, entry point and labels of the Dockerfile's last stage."""
    with open(os.path.join(HERE, f"{image}.Dockerfile")) as file:
        stage = file.read().rpartition("\nFROM ")[2]
    labels = dict(re.findall(r'^LABEL (\S+?)="(.*)"$', stage, re.MULTILINE))
    user = re.search(r"^USER (\S+)$", stage, re.MULTILINE).group(1)
    entry = json.loads(re.search(r"^ENTRYPOINT (\[.*\])$", stage, re.MULTILINE).group(1))
    return {"User": user, "Entrypoint": entry, "Labels": labels, "Env": ["PATH=/usr/sbin:/usr/bin"], "WorkingDir": "/"}


def _add(archive, name, data, epoch):
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = len(data), epoch, 0o644
    archive.addfile(member, io.BytesIO(data))


def layer(tree, epoch):
    """The tree as a tar file: sorted, of root, of one time."""
    out = io.BytesIO()

    def reset(member):
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mtime = epoch
        return member

    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for folder, names, files in os.walk(tree):
            names.sort()
            for name in sorted(names + files):
                path = os.path.join(folder, name)
                archive.add(path, os.path.relpath(path, tree), recursive=False, filter=reset)
    return out.getvalue()


def pack(image, tree, path):
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or 0)
    plain = layer(tree, epoch)
    packed = gzip.compress(plain, 9, mtime=0)
    created = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    blobs = {}

    def blob(data, kind):
        digest = hashlib.sha256(data).hexdigest()
        blobs[digest] = data
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}

    config = blob(json.dumps({
        "created": created, "architecture": ARCHITECTURES[os.uname().machine], "os": "linux", "config": configuration(image),
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(plain).hexdigest()]},
        "history": [{"created": created, "created_by": "deploy/image/tree.py"}],
    }, sort_keys=True).encode(), "application/vnd.oci.image.config.v1+json")
    manifest = blob(json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config,
        "layers": [blob(packed, "application/vnd.oci.image.layer.v1.tar+gzip")],
    }, sort_keys=True).encode(), "application/vnd.oci.image.manifest.v1+json")
    version = configuration(image)["Labels"]["org.opencontainers.image.version"]
    manifest["annotations"] = {"org.opencontainers.image.ref.name": f"{image}:{version}"}
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        _add(archive, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}', epoch)
        _add(archive, "index.json", json.dumps({"schemaVersion": 2, "manifests": [manifest]}, sort_keys=True).encode(), epoch)
        for digest in sorted(blobs):
            _add(archive, f"blobs/sha256/{digest}", blobs[digest], epoch)
    print(f"{image}: {len(plain) / 1e6:.1f} MB, {len(packed) / 1e6:.1f} MB to download, {manifest['digest']}")


if len(sys.argv) != 4:
    raise SystemExit(__doc__)
pack(*sys.argv[1:])
