"""Raw block volumes of the hostPath backend, end to end on real file systems: content checked by its hash."""

import os
import subprocess
import time

import pytest

import calls
import driver
from calls import Code, Mode, csi, refused
from loopback import digest, write
from trees import KINDS, MIB, POOL_SIZE, TreeRig, delete_snapshot

BLOCK = calls.capability(Mode.SINGLE_NODE_MULTI_WRITER, block=True)


class BlockRig(TreeRig):
    """A pool whose volumes may be attached; no device outlives it."""

    def devices(self):
        """The loop devices of volumes: device, whether it goes around the page cache, as losetup sees them."""
        listed = subprocess.run(
            ["losetup", "--list", "--noheadings", "--raw", "-O", "NAME,DIO,BACK-FILE"], check=True,
            capture_output=True, text=True)
        rows = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
        return [(name, dio == "1") for name, dio, file in rows if file.startswith((f"{self.pool}/", "/volumes/"))]

    def end(self):
        self.controller.end()
        self.node.end()
        for point in sorted(driver.mount_points(self.targets), reverse=True):
            subprocess.run(["umount", "-l", point], check=False)
        for name, _ in self.devices():
            subprocess.run(["losetup", "-d", name], check=False)
        super().end()


@pytest.fixture(scope="module", params=KINDS)
def rig(request):
    with BlockRig(request.param) as made:
        yield made.start()


def connected(rig):
    with rig.controller.connect() as controller, rig.node.connect() as node:
        yield controller, node
    assert rig.devices() == [], "a test left devices behind"
    assert rig.leftovers() == []


@pytest.fixture
def clients(rig):
    yield from connected(rig)


def create(client, name, size=16 * MIB, *, snapshot=None, clone=None, **fields):
    if snapshot:
        fields["volume_content_source"] = csi.VolumeContentSource(
            snapshot=csi.VolumeContentSource.SnapshotSource(snapshot_id=snapshot))
    if clone:
        fields["volume_content_source"] = csi.VolumeContentSource(
            volume=csi.VolumeContentSource.VolumeSource(volume_id=clone))
    return calls.create(client, name, size, volume_capabilities=[BLOCK], **fields)


def publish(client, volume, target, *, readonly=False):
    client.node.NodePublishVolume(csi.NodePublishVolumeRequest(
        volume_id=volume.volume_id, target_path=str(target), volume_capability=BLOCK, readonly=readonly))


def modify(client, volume, **parameters):
    client.controller.ControllerModifyVolume(csi.ControllerModifyVolumeRequest(
        volume_id=volume.volume_id, mutable_parameters=parameters))


def take(client, volume, name):
    """A snapshot, asked for until it is ready, as the snapshotter does."""
    while True:
        made = client.controller.CreateSnapshot(csi.CreateSnapshotRequest(
            source_volume_id=volume.volume_id, name=name)).snapshot
        if made.ready_to_use:
            return made


def size_of(device):
    with open(device, "rb") as file:
        return file.seek(0, os.SEEK_END)


def test_content_survives_growth_snapshot_restore_and_clone(rig, clients, names, target):
    controller, node = clients
    volume = create(controller, next(names))
    assert volume.volume_context["quota"] == "image"
    publish(node, volume, target)
    before = write(target, 4 * MIB, "before")
    grown = controller.controller.ControllerExpandVolume(csi.ControllerExpandVolumeRequest(
        volume_id=volume.volume_id, capacity_range=csi.CapacityRange(required_bytes=32 * MIB)))
    assert grown.capacity_bytes == 32 * MIB and grown.node_expansion_required
    assert node.node.NodeExpandVolume(csi.NodeExpandVolumeRequest(
        volume_id=volume.volume_id, volume_path=str(target),
        capacity_range=csi.CapacityRange(required_bytes=32 * MIB))).capacity_bytes == 32 * MIB
    assert size_of(target) == 32 * MIB

    def shown():
        return node.node.NodeGetVolumeStats(csi.NodeGetVolumeStatsRequest(
            volume_id=volume.volume_id, volume_path=str(target)))

    assert shown().usage[0].total == 32 * MIB
    driver.wait_for(lambda: not shown().volume_condition.abnormal)
    with refused(Code.FAILED_PRECONDITION, naming=volume.volume_id):
        calls.delete(controller, volume.volume_id)

    if rig.kind == "ext4":
        # Without shared blocks there is no one moment to copy while somebody may write.
        with refused(Code.FAILED_PRECONDITION, naming="unpublish it first"):
            take(controller, volume, next(names))
        calls.unpublish(node, volume.volume_id, target)
    snapshot = take(controller, volume, next(names))
    if rig.kind == "ext4":
        publish(node, volume, target)
    after = write(target, 4 * MIB, "after")
    calls.unpublish(node, volume.volume_id, target)
    restored = create(controller, next(names), 64 * MIB, snapshot=snapshot.snapshot_id)
    cloned = create(controller, next(names), clone=volume.volume_id)
    assert restored.capacity_bytes == 64 * MIB and cloned.capacity_bytes == 32 * MIB
    delete_snapshot(controller, snapshot.snapshot_id)
    for made, content in ((restored, before), (cloned, after)):
        publish(node, made, target)
        assert digest(target, 4 * MIB) == content
        assert size_of(target) == made.capacity_bytes
        calls.unpublish(node, made.volume_id, target)
    with refused(Code.INVALID_ARGUMENT, naming="raw block device"):
        calls.create(controller, next(names), 64 * MIB, volume_content_source=csi.VolumeContentSource(
            volume=csi.VolumeContentSource.VolumeSource(volume_id=volume.volume_id)))
    for one in (volume, restored, cloned):
        calls.delete(controller, one.volume_id)


def test_what_was_written_without_a_sync_is_in_a_snapshot(rig, clients, names, target):
    if rig.kind == "ext4":
        return
    controller, node = clients
    volume = create(controller, next(names))
    publish(node, volume, target)
    with open(target, "r+b") as device:
        device.write(b"not synced")
        device.flush()
        snapshot = take(controller, volume, next(names))
    calls.unpublish(node, volume.volume_id, target)
    restored = create(controller, next(names), snapshot=snapshot.snapshot_id)
    publish(node, restored, target)
    assert target.open("rb").read(10) == b"not synced"
    calls.unpublish(node, restored.volume_id, target)
    delete_snapshot(controller, snapshot.snapshot_id)
    for one in (volume, restored):
        calls.delete(controller, one.volume_id)


def test_reading_only_is_the_devices_own(rig, clients, names, target):
    controller, node = clients
    volume = create(controller, next(names))
    publish(node, volume, target)
    content = write(target, MIB, "kept")
    calls.unpublish(node, volume.volume_id, target)
    publish(node, volume, target, readonly=True)
    assert digest(target, MIB) == content
    with pytest.raises(OSError):
        write(target, MIB, "no")
    with refused(Code.FAILED_PRECONDITION, naming="for all or for none"):
        publish(node, volume, target.parent / "other")
    calls.unpublish(node, volume.volume_id, target)
    calls.delete(controller, volume.volume_id)


def test_settings_reach_the_device(rig, clients, names, target):
    controller, node = clients
    volume = create(controller, next(names), mutable_parameters={"readAhead": "64Ki", "directIO": "false"})
    publish(node, volume, target)
    (name, direct), = rig.devices()
    ahead = lambda: int(subprocess.run(  # noqa: E731
        ["blockdev", "--getra", name], check=True, capture_output=True, text=True).stdout)
    assert ahead() == 128 and not direct
    modify(controller, volume, readAhead="1Mi", directIO="true")
    assert ahead() == 2048 and rig.devices() == [(name, True)]
    context = controller.controller.ControllerGetVolume(csi.ControllerGetVolumeRequest(
        volume_id=volume.volume_id)).volume.volume_context
    assert context["readAhead"] == "1048576" and context["directIO"] == "true"
    with refused(Code.INVALID_ARGUMENT, naming="readAhead"):
        modify(controller, volume, readAhead="5000")
    calls.unpublish(node, volume.volume_id, target)
    calls.delete(controller, volume.volume_id)


def test_a_group_of_a_device_and_a_directory(rig, clients, names, target):
    controller, node = clients
    device, folder = create(controller, next(names)), calls.create(controller, next(names), MIB)
    publish(node, device, target)
    content = write(target, MIB, "grouped")
    if rig.kind == "ext4":
        calls.unpublish(node, device.volume_id, target)
    (rig.data(folder) / "file").write_bytes(b"grouped")
    group = controller.group.CreateVolumeGroupSnapshot(csi.CreateVolumeGroupSnapshotRequest(
        name=next(names), source_volume_ids=[device.volume_id, folder.volume_id])).group_snapshot
    assert group.ready_to_use and len(group.snapshots) == 2
    if rig.kind != "ext4":
        calls.unpublish(node, device.volume_id, target)
    member, = [one for one in group.snapshots if one.source_volume_id == device.volume_id]
    restored = create(controller, next(names), snapshot=member.snapshot_id)
    publish(node, restored, target)
    assert digest(target, MIB) == content
    calls.unpublish(node, restored.volume_id, target)
    controller.group.DeleteVolumeGroupSnapshot(csi.DeleteVolumeGroupSnapshotRequest(
        group_snapshot_id=group.group_snapshot_id))
    for one in (device, folder, restored):
        calls.delete(controller, one.volume_id)


def test_kill_9_of_the_node_leaves_no_device(rig, clients, names, target):
    controller, node = clients
    volume = create(controller, next(names))
    for round_number in range(6):
        request = csi.NodePublishVolumeRequest(
            volume_id=volume.volume_id, target_path=str(target), volume_capability=BLOCK)
        future = node.node.NodePublishVolume.future(request)
        # The moment differs from round to round by what the machine does.
        if round_number % 2:
            future.exception()
        rig.node.kill()
        # Or the client could find the next one, and call it late.
        future.exception()
        rig.node.start()
        with rig.node.connect() as again:
            again.node.NodePublishVolume(request)
            assert len(rig.devices()) == 1
            calls.unpublish(again, volume.volume_id, target)
        assert rig.devices() == []
    calls.delete(controller, volume.volume_id)


class PoolsRig(BlockRig):
    """A second pool, `bulk`, on a file system of its own, with which the first shares no blocks."""

    BULK = {"ext4": "xfs", "xfs": "ext4", "btrfs": "xfs"}

    def __init__(self, kind):
        super().__init__(kind)
        self.bulk = self.scratch / "bulk"
        self.bulk.mkdir()
        backing = self.scratch / "bulk.img"
        with open(backing, "wb") as file:
            file.truncate(POOL_SIZE)
        subprocess.run([f"mkfs.{self.BULK[kind]}", "-q", str(backing)], check=True)
        subprocess.run(["mount", "-o", "loop", str(backing), str(self.bulk)], check=True)
        for program in (self.controller, self.node):
            program.arguments += ["--pool", f"bulk={self.bulk}"]

    def leftovers(self):
        return [str(path) for pool in (self.pool, self.bulk)
                for path in (*pool.rglob("*.partial"), *(pool / ".trash").iterdir())]


@pytest.fixture(scope="module", params=KINDS)
def pools(request):
    with PoolsRig(request.param) as made:
        yield made.start()


@pytest.fixture
def pools_clients(pools):
    yield from connected(pools)


IN_BULK = {"parameters": {"pool": "bulk"}}


def test_restore_and_clone_into_another_pool(pools, pools_clients, names):
    controller, node = pools_clients
    target = pools.targets / "one"
    volume = create(controller, next(names), 64 * MIB)
    publish(node, volume, target)
    before = write(target, 4 * MIB, "before")
    if pools.kind == "ext4":
        with refused(Code.FAILED_PRECONDITION, naming="unpublish it first"):
            create(controller, next(names), clone=volume.volume_id, **IN_BULK)
        calls.unpublish(node, volume.volume_id, target)
    snapshot = take(controller, volume, next(names))
    cloned = create(controller, next(names), clone=volume.volume_id, **IN_BULK)
    if pools.kind == "ext4":
        publish(node, volume, target)
    after = write(target, 4 * MIB, "after")
    calls.unpublish(node, volume.volume_id, target)
    restored = create(controller, next(names), 128 * MIB, snapshot=snapshot.snapshot_id, **IN_BULK)
    # A volume of the other pool is a source like any other, and its pool the one that a class without a name means.
    again = create(controller, next(names), clone=restored.volume_id)
    for made, size in ((cloned, 64 * MIB), (restored, 128 * MIB), (again, 128 * MIB)):
        assert made.capacity_bytes == size and made.volume_context["pool"] == "bulk"
        image = os.stat(pools.bulk / "volumes" / made.volume_id / "image")
        assert image.st_size == size and image.st_blocks * 512 < 8 * MIB
        publish(node, made, target)
        assert digest(target, 4 * MIB) == before and size_of(target) == size
        calls.unpublish(node, made.volume_id, target)
    publish(node, volume, target)
    assert digest(target, 4 * MIB) == after
    calls.unpublish(node, volume.volume_id, target)
    delete_snapshot(controller, snapshot.snapshot_id)
    for one in (volume, cloned, restored, again):
        calls.delete(controller, one.volume_id)


def test_kill_9_in_a_copy_between_pools(pools, names):
    target = pools.targets / "two"
    with pools.controller.connect() as controller, pools.node.connect() as node:
        volume = create(controller, next(names), 64 * MIB)
        publish(node, volume, target)
        content = write(target, 64 * MIB, "long")
        if pools.kind == "ext4":
            calls.unpublish(node, volume.volume_id, target)
    source = csi.VolumeContentSource(volume=csi.VolumeContentSource.VolumeSource(volume_id=volume.volume_id))
    for round_number in range(6):
        request = csi.CreateVolumeRequest(
            name=next(names), capacity_range=csi.CapacityRange(required_bytes=64 * MIB), volume_capabilities=[BLOCK],
            volume_content_source=source, **IN_BULK)
        with pools.controller.connect() as controller:
            answer = controller.controller.CreateVolume.future(request)
            time.sleep(0.02 * round_number)
            pools.controller.kill()
            answer.exception()
        pools.controller.start()
        assert pools.leftovers() == []
        with pools.controller.connect() as controller:
            made = controller.controller.CreateVolume(request).volume
            assert digest(pools.bulk / "volumes" / made.volume_id / "image") == content
            calls.delete(controller, made.volume_id)
    with pools.controller.connect() as controller, pools.node.connect() as node:
        calls.unpublish(node, volume.volume_id, target)
        calls.delete(controller, volume.volume_id)
    assert pools.leftovers() == []


def test_a_node_without_loop_devices_says_what_to_load(names):
    with driver.Rig() as rig:
        rig.node.arguments = [
            "unshare", "--mount", "sh", "-c",
            "mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && mknod -m 666 /dev/urandom c 1 9 && exec \"$@\"",
            "sh", *rig.node.arguments]
        rig.start()
        with rig.controller.connect() as controller, rig.node.connect() as node:
            volume = create(controller, next(names))
            with refused(Code.FAILED_PRECONDITION, naming="modprobe loop"):
                publish(node, volume, rig.targets / "t")
            calls.unpublish(node, volume.volume_id, rig.targets / "t")
            calls.delete(controller, volume.volume_id)
