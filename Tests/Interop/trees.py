"""Pools of directories on real file systems, and trees to compare."""

import os
import stat
import subprocess
import time

import calls
import driver
from calls import csi

MIB = 1 << 20
POOL_SIZE = 1024 * MIB
KINDS = ["ext4", "xfs", "btrfs"]


class TreeRig(driver.Rig):
    """A pool on one real file system: ext4 copies, XFS shares blocks, btrfs has subvolumes."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        backing = self.scratch / "pool.img"
        with open(backing, "wb") as file:
            file.truncate(POOL_SIZE)
        subprocess.run([f"mkfs.{kind}", "-q", str(backing)], check=True)
        subprocess.run(["mount", "-o", "loop", str(backing), str(self.pool)], check=True)

    def data(self, volume):
        return self.pool / "volumes" / volume.volume_id / "data"


def fill(folder, files=200):
    """Some files of each kind, with what belongs to them."""
    for number in range(files):
        place = folder / f"d{number % 20}"
        place.mkdir(exist_ok=True)
        with open(place / f"f{number}", "wb") as file:
            file.write(os.urandom(100 + number))
    (folder / "link").symlink_to("d1/f1")
    os.link(folder / "d1" / "f1", folder / "hard")
    os.mkfifo(folder / "fifo", 0o640)
    with open(folder / "sparse", "wb") as file:
        file.truncate(64 * MIB)
    os.setxattr(folder / "hard", "user.color", b"red")
    os.chown(folder / "d2", 1000, 2000)
    os.chmod(folder / "d2", 0o2751)
    driver.flush(folder)


def manifest(folder):
    """All that a copy keeps of a tree."""
    found, numbers = {}, {}
    for place, directories, names in os.walk(folder):
        for name in [".", *names, *(name for name in directories if os.path.islink(os.path.join(place, name)))]:
            path = os.path.join(place, name)
            status = os.lstat(path)
            key = os.path.relpath(path, folder)
            entry = [stat.filemode(status.st_mode), status.st_uid, status.st_gid, status.st_mtime_ns]
            entry.append({key: os.getxattr(path, key, follow_symlinks=False)
                          for key in os.listxattr(path, follow_symlinks=False) if key.startswith("user.")})
            if stat.S_ISREG(status.st_mode):
                entry += [status.st_size, numbers.setdefault(status.st_ino, key)]
                if status.st_size < MIB:
                    with open(path, "rb") as file:
                        entry.append(file.read())
            if stat.S_ISLNK(status.st_mode):
                entry.append(os.readlink(path))
            found[key] = entry
    # Which of its names a file was met by first is chance.
    links = {}
    for key, entry in found.items():
        if len(entry) > 6:
            links.setdefault(entry[6], []).append(key)
            entry[6] = None
    return found, sorted(sorted(names) for names in links.values())


def take(client, volume, name, *, attempts=200):
    """A snapshot, asked for until it is ready, as the snapshotter does."""
    for _ in range(attempts):
        snapshot = client.controller.CreateSnapshot(csi.CreateSnapshotRequest(
            source_volume_id=volume.volume_id, name=name)).snapshot
        if snapshot.ready_to_use:
            return snapshot
        time.sleep(0.005)
    raise AssertionError(f"snapshot {name} is never ready")


def restore(client, snapshot, name, size=MIB, **fields):
    source = csi.VolumeContentSource(
        snapshot=csi.VolumeContentSource.SnapshotSource(snapshot_id=snapshot.snapshot_id))
    return calls.create(client, name, size, volume_content_source=source, **fields)


def clone(client, volume, name, size=MIB, **fields):
    source = csi.VolumeContentSource(
        volume=csi.VolumeContentSource.VolumeSource(volume_id=volume.volume_id))
    return calls.create(client, name, size, volume_content_source=source, **fields)


def listed(client, **filters):
    return client.controller.ListSnapshots(csi.ListSnapshotsRequest(**filters)).entries


def delete_snapshot(client, snapshot_id):
    client.controller.DeleteSnapshot(csi.DeleteSnapshotRequest(snapshot_id=snapshot_id))
