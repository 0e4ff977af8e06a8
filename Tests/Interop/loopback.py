"""The two binaries with the loopback backend, on a pool with a file system of its own, and short ways to make its calls."""

import hashlib
import json
import os
import subprocess

import calls
import driver
from calls import GIB, csi

POOL_SIZE = 24 * GIB


class LoopRig(driver.Rig):
    """A pool on a real ext4, xfs or btrfs, which lies on a loop device of its own; all devices are gone at the end."""

    def __init__(self, pool_type, *, flags=(), size=POOL_SIZE):
        super().__init__(flags=flags, backend="loopback")
        self.staging = self.scratch / "staging"
        self.staging.mkdir()
        self.backing = self.scratch / "pool.img"
        with open(self.backing, "wb") as file:
            file.truncate(size)
        quick = ["-E", "lazy_itable_init=1,lazy_journal_init=1"] if pool_type == "ext4" else []
        subprocess.run([f"mkfs.{pool_type}", "-q", *quick, str(self.backing)], check=True)
        subprocess.run(["mount", "-o", "loop", str(self.backing), str(self.pool)], check=True)

    def devices(self):
        """The loop devices of volumes: device and file, as losetup sees them."""
        answer = subprocess.run(
            ["losetup", "--json", "--list", "-O", "NAME,BACK-FILE,RO,DIO,LOG-SEC"], check=True, capture_output=True)
        listed = json.loads(answer.stdout or b'{"loopdevices": []}')["loopdevices"]
        return [one for one in listed if (one["back-file"] or "").startswith((f"{self.pool}/", "/volumes/"))]

    def start_node_in_container(self):
        """Starts the node's program in a mount namespace that ends with it and has the pool mounted at another place; staging and target
        paths are shared, as the kubelet's directory is."""
        inner = self.scratch / "inner"
        inner.mkdir()
        for shared in (self.staging, self.targets):
            subprocess.run(["mount", "--bind", str(shared), str(shared)], check=True)
            subprocess.run(["mount", "--make-shared", str(shared)], check=True)
        node = driver.Driver("csi-node", self.scratch, pool=inner, backend="loopback")
        enter = 'mount --bind "$0" "$1" && shift && exec "$@"'
        node.arguments = ["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", enter, str(self.pool), str(inner),
                          *node.arguments]
        return node.start()

    def end(self):
        self.controller.end()
        self.node.end()
        for point in sorted(driver.mount_points(self.scratch), reverse=True):
            if point != str(self.pool):
                subprocess.run(["umount", "-l", point], check=False)
        for one in self.devices():
            subprocess.run(["losetup", "-d", one["name"]], check=False)
        subprocess.run(["umount", str(self.pool)], check=False)
        super().end()

    def path(self, kind, name):
        """A staging or target path whose parent exists, as the kubelet prepares it."""
        folder = {"staging": self.staging, "target": self.targets}[kind] / name
        if kind == "staging":
            folder.mkdir(exist_ok=True)
        return folder


class Volume:
    """A volume and the calls that its life is made of."""

    def __init__(self, rig, name, *, fs="", block=False, mode=calls.Mode.SINGLE_NODE_WRITER, flags=()):
        self.rig = rig
        self.name = name
        self.capability = calls.capability(mode, fs_type=fs, block=block, flags=flags)
        self.id = None
        self.size = None

    def create(self, client, size=GIB, *, snapshot=None, clone=None, parameters=None, limit=0):
        source = None
        if snapshot is not None:
            source = csi.VolumeContentSource(
                snapshot=csi.VolumeContentSource.SnapshotSource(snapshot_id=snapshot))
        if clone is not None:
            source = csi.VolumeContentSource(volume=csi.VolumeContentSource.VolumeSource(volume_id=clone))
        made = client.controller.CreateVolume(csi.CreateVolumeRequest(
            name=self.name, volume_capabilities=[self.capability], parameters=parameters or {},
            capacity_range=csi.CapacityRange(required_bytes=size, limit_bytes=limit), volume_content_source=source))
        self.id, self.size = made.volume.volume_id, made.volume.capacity_bytes
        return self

    @property
    def staging(self):
        return self.rig.path("staging", self.name)

    def target(self, name="target"):
        return self.rig.path("target", f"{self.name}-{name}")

    def stage(self, client):
        client.node.NodeStageVolume(csi.NodeStageVolumeRequest(
            volume_id=self.id, staging_target_path=str(self.staging), volume_capability=self.capability), timeout=60)
        return self

    def publish(self, client, name="target", *, readonly=False):
        client.node.NodePublishVolume(csi.NodePublishVolumeRequest(
            volume_id=self.id, staging_target_path=str(self.staging), target_path=str(self.target(name)),
            volume_capability=self.capability, readonly=readonly))
        return self.target(name)

    def unpublish(self, client, name="target"):
        client.node.NodeUnpublishVolume(csi.NodeUnpublishVolumeRequest(
            volume_id=self.id, target_path=str(self.target(name))))

    def unstage(self, client):
        client.node.NodeUnstageVolume(csi.NodeUnstageVolumeRequest(
            volume_id=self.id, staging_target_path=str(self.staging)))

    def use(self, client, name="target", **named):
        self.stage(client)
        return self.publish(client, name, **named)

    def rest(self, client, name="target"):
        self.unpublish(client, name)
        self.unstage(client)

    def snapshot(self, client, name):
        return client.controller.CreateSnapshot(csi.CreateSnapshotRequest(
            name=name, source_volume_id=self.id)).snapshot

    def expand(self, client, size):
        return client.controller.ControllerExpandVolume(csi.ControllerExpandVolumeRequest(
            volume_id=self.id, capacity_range=csi.CapacityRange(required_bytes=size),
            volume_capability=self.capability))

    def expand_on_node(self, client, size, name="target"):
        return client.node.NodeExpandVolume(csi.NodeExpandVolumeRequest(
            volume_id=self.id, volume_path=str(self.target(name)),
            capacity_range=csi.CapacityRange(required_bytes=size)), timeout=60)

    def stats(self, client, name="target"):
        return client.node.NodeGetVolumeStats(csi.NodeGetVolumeStatsRequest(
            volume_id=self.id, volume_path=str(self.target(name))))

    def delete(self, client):
        calls.delete(client, self.id)


def delete_snapshot(client, snapshot_id):
    client.controller.DeleteSnapshot(csi.DeleteSnapshotRequest(snapshot_id=snapshot_id))


def write(path, count, seed):
    """Writes bytes that only the seed knows, durably; returns their hash."""
    data = b"".join(hashlib.sha256(f"{seed}-{index}".encode()).digest() for index in range(count // 32))
    with open(path, "r+b" if os.path.exists(path) else "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return hashlib.sha256(data).hexdigest()


def digest(path, count=None):
    """The hash of a file, or of the first bytes of a device."""
    with open(path, "rb") as file:
        return hashlib.sha256(file.read() if count is None else file.read(count)).hexdigest()


def size_of(path):
    """The size of a mounted file system."""
    room = os.statvfs(path)
    return room.f_frsize * room.f_blocks
