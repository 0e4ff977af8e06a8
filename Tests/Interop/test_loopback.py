"""The loopback backend end to end: real loop devices, real file systems, data checked by its hash through everything that can
happen to a volume."""

import os
import re
import subprocess

import pytest

import driver
from calls import GIB, Code, Mode, csi, refused
from driver import wait_for
from loopback import LoopRig, Volume, delete_snapshot, digest, size_of, write
from pages import get

POOLS = ["xfs", "btrfs", "ext4"]
FILE_SYSTEMS = ["ext4", "xfs", "btrfs"]
MIB = 1 << 20
# What a file system moves about by itself, for example when it frees the blocks of removed files later.
SLACK = 256 * MIB


@pytest.fixture(scope="module", params=POOLS)
def pool(request):
    with LoopRig(request.param) as made:
        made.kind = request.param
        yield made.start()


@pytest.fixture
def clients(pool):
    with pool.controller.connect() as controller, pool.node.connect() as node:
        yield controller, node
    assert pool.devices() == [], "a test left devices behind"
    assert pool.leftovers() == []


@pytest.fixture(params=FILE_SYSTEMS)
def fs(request):
    return request.param


def test_data_survives_snapshot_restore_clone_and_growth(pool, clients, fs, names):
    controller, node = clients
    first = Volume(pool, next(names), fs=fs).create(controller)
    target = first.use(node)
    before = write(target / "data", 8 * MIB, "before")
    if pool.kind == "ext4":
        # Without shared blocks there is no one moment to copy while somebody writes.
        with refused(Code.FAILED_PRECONDITION, naming=first.id):
            first.snapshot(controller, f"{first.name}-busy")
        first.rest(node)
    snapshot = first.snapshot(controller, f"{first.name}-snap")
    assert snapshot.ready_to_use and snapshot.size_bytes == GIB and snapshot.source_volume_id == first.id
    if pool.kind == "ext4":
        target = first.use(node)
    after = write(target / "data", 8 * MIB, "after")
    assert after != before
    if pool.kind == "ext4":
        first.rest(node)

    restored = Volume(pool, next(names), fs=fs).create(controller, 2 * GIB, snapshot=snapshot.snapshot_id)
    shown = restored.use(node)
    assert digest(shown / "data") == before
    assert size_of(shown) > 1.8 * GIB
    cloned = Volume(pool, next(names), fs=fs).create(controller, clone=first.id)
    copy = cloned.use(node)
    assert digest(copy / "data") == after

    # Growth: xfs and btrfs while they are used; ext4 at the next stage where this machine may not grow it mounted.
    assert cloned.expand(controller, 2 * GIB).capacity_bytes == 2 * GIB
    if fs == "ext4":
        cloned.rest(node)
        copy = cloned.use(node)
    else:
        cloned.expand_on_node(node, 2 * GIB)
    assert size_of(copy) > 1.8 * GIB
    assert digest(copy / "data") == after

    # The snapshot outlives its volume, and the restored volume its snapshot.
    if pool.kind != "ext4":
        first.rest(node)
    first.delete(controller)
    again = Volume(pool, next(names), fs=fs).create(controller, snapshot=snapshot.snapshot_id)
    delete_snapshot(controller, snapshot.snapshot_id)
    assert digest(again.use(node) / "data") == before
    for volume in (restored, cloned, again):
        volume.rest(node)
        volume.delete(controller)


def test_raw_block_through_snapshot_and_growth(pool, clients, names):
    controller, node = clients
    first = Volume(pool, next(names), block=True).create(controller, 64 * MIB)
    target = first.use(node)
    assert os.path.getsize(pool.pool / "volumes" / first.id / "image") == 64 * MIB
    before = write(target, 4 * MIB, "raw")
    if pool.kind == "ext4":
        first.rest(node)
    snapshot = first.snapshot(controller, f"{first.name}-snap")
    if pool.kind != "ext4":
        first.rest(node)
    larger = Volume(pool, next(names), block=True).create(controller, 128 * MIB, snapshot=snapshot.snapshot_id)
    target = larger.use(node)
    assert digest(target, 4 * MIB) == before
    with open(target, "rb") as device:
        assert device.seek(0, os.SEEK_END) == 128 * MIB
    larger.expand(controller, 192 * MIB)
    assert larger.expand_on_node(node, 192 * MIB).capacity_bytes == 192 * MIB
    with open(target, "rb") as device:
        assert device.seek(0, os.SEEK_END) == 192 * MIB
    assert larger.stats(node).usage[0].total == 192 * MIB
    larger.rest(node)
    # Reading only: the device itself refuses.
    target = larger.use(node, readonly=True)
    assert digest(target, 4 * MIB) == before
    with pytest.raises(OSError):
        write(target, MIB, "no")
    larger.unpublish(node)
    target = larger.publish(node)
    write(target, MIB, "yes")
    larger.rest(node)
    delete_snapshot(controller, snapshot.snapshot_id)
    for volume in (first, larger):
        volume.delete(controller)


def test_what_is_there_is_never_formatted(pool, clients, fs, names):
    controller, node = clients
    for put in ("mkfs.xfs -q -f", "mkswap -q", None):
        volume = Volume(pool, next(names), fs=fs).create(controller, 512 * MIB)
        image = pool.pool / "volumes" / volume.id / "image"
        if put:
            subprocess.run([*put.split(), str(image)], check=True, capture_output=True)
        else:
            # No known signature, and yet somebody's bytes.
            with open(image, "r+b") as file:
                file.seek(300_000)
                file.write(b"precious")
        before = digest(image)
        with refused(Code.FAILED_PRECONDITION, naming=volume.id):
            volume.stage(node)
        assert digest(image) == before
        volume.delete(controller)


def test_another_file_system_than_the_volumes_own_is_refused(pool, clients, names):
    controller, node = clients
    volume = Volume(pool, next(names), fs="ext4").create(controller, 64 * MIB)
    volume.use(node)
    volume.rest(node)
    image = pool.pool / "volumes" / volume.id / "image"
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    before = digest(image)
    with refused(Code.FAILED_PRECONDITION, naming="uuid"):
        volume.stage(node)
    # Erased altogether: it was formatted once, so it is not formatted again.
    with open(image, "r+b") as file:
        file.truncate(0)
        file.truncate(64 * MIB)
    with refused(Code.FAILED_PRECONDITION, naming="uuid"):
        volume.stage(node)
    assert before != digest(image)
    volume.delete(controller)


def test_publish_shows_this_volume_or_nothing(pool, clients, names):
    controller, node = clients
    mine = Volume(pool, next(names), fs="ext4").create(controller, 64 * MIB)
    other = Volume(pool, next(names), fs="ext4").create(controller, 64 * MIB)
    raw = Volume(pool, next(names), block=True).create(controller, 64 * MIB)
    for volume in (mine, raw):
        with refused(Code.FAILED_PRECONDITION, naming="not staged"):
            volume.publish(node)
    other.stage(node)
    subprocess.run(["mount", "--bind", str(other.staging), str(mine.staging)], check=True)
    with refused(Code.FAILED_PRECONDITION, naming="not staged"):
        mine.publish(node)
    with refused(Code.ALREADY_EXISTS):
        mine.stage(node)
    subprocess.run(["umount", str(mine.staging)], check=True)
    assert not mine.target().exists()
    # In use: neither the device nor the volume goes.
    other.publish(node)
    with refused(Code.FAILED_PRECONDITION, naming="/dev/loop"):
        other.delete(controller)
    with refused(Code.FAILED_PRECONDITION, naming=str(other.target())):
        other.unstage(node)
    other.rest(node)
    for volume in (mine, other, raw):
        volume.delete(controller)


def test_devices_are_as_promised(pool, clients, names):
    controller, node = clients
    volume = Volume(pool, next(names), fs="ext4").create(controller, 64 * MIB)
    volume.stage(node)
    devices = pool.devices()
    assert len(devices) == 1
    assert devices[0]["dio"] in (1, True, "1") and int(devices[0]["log-sec"]) == 4096
    volume.unstage(node)
    volume.delete(controller)


def test_read_only_publish_and_stats(pool, clients, fs, names):
    controller, node = clients
    volume = Volume(pool, next(names), fs=fs, mode=Mode.SINGLE_NODE_MULTI_WRITER).create(controller, 512 * MIB)
    writable = volume.use(node, "writable")
    shown = volume.publish(node, "shown", readonly=True)
    written = write(writable / "data", MIB, "shared")
    assert digest(shown / "data") == written
    with pytest.raises(OSError):
        write(shown / "more", MIB, "no")
    answer = volume.stats(node, "shown")
    assert answer.usage[0].total > 100 * MIB
    driver.wait_for(lambda: not volume.stats(node, "shown").volume_condition.abnormal)
    for name in ("writable", "shown"):
        volume.unpublish(node, name)
    volume.unstage(node)
    volume.delete(controller)


def test_thick_volumes_take_their_room(pool, clients, names):
    controller, node = clients

    def free():
        return controller.controller.GetCapacity(csi.GetCapacityRequest(parameters={"provisioning": "thick"}))

    before = free().available_capacity
    volume = Volume(pool, next(names), fs="ext4").create(controller, GIB, parameters={"provisioning": "thick"})
    image = pool.pool / "volumes" / volume.id / "image"
    assert image.stat().st_blocks * 512 >= GIB
    assert before - free().available_capacity >= GIB - SLACK
    volume.use(node)
    assert image.stat().st_blocks * 512 >= GIB, "mkfs gave room of a thick volume back"
    volume.rest(node)
    volume.delete(controller)
    thin = Volume(pool, next(names), fs="ext4").create(controller, GIB)
    assert before - free().available_capacity >= GIB - SLACK, "a thin promise is kept too"
    thin.delete(controller)
    with refused(Code.OUT_OF_RANGE):
        Volume(pool, next(names), fs="ext4").create(controller, 1 << 50)
    # More than can be had now, also when the room of what was deleted comes back only now, and less than the empty pool has.
    kept = Volume(pool, next(names), fs="ext4").create(controller, 4 * GIB)
    with refused(Code.RESOURCE_EXHAUSTED):
        Volume(pool, next(names), fs="ext4").create(controller, free().available_capacity + 2 * GIB)
    kept.delete(controller)


def test_thick_volumes_keep_their_room(pool, clients, fs, names):
    controller, node = clients
    thick = {"provisioning": "thick"}
    volume = Volume(pool, next(names), fs=fs).create(controller, GIB, parameters=thick)
    raw = Volume(pool, next(names), block=True).create(controller, 64 * MIB, parameters=thick)

    def missing(one):
        status = (pool.pool / "volumes" / one.id / "image").stat()
        return status.st_size - status.st_blocks * 512

    target = volume.use(node)
    with open(target / "data", "wb") as file:
        for _ in range(200):
            file.write(os.urandom(MIB))
    driver.flush(target, pool.pool)
    (target / "data").unlink()
    driver.flush(target, pool.pool)
    assert subprocess.run(["fstrim", str(target)], check=False, capture_output=True).returncode != 0
    assert missing(volume) <= 0
    device = raw.use(node)
    write(device, 4 * MIB, "raw")
    assert subprocess.run(["blkdiscard", "-f", str(device)], check=False, capture_output=True).returncode != 0
    assert missing(raw) <= 0
    for one in (volume, raw):
        driver.wait_for(lambda: not one.stats(node).volume_condition.abnormal)
        one.rest(node)

    # What is gone all the same is told, and taken again before anybody writes there.
    image = pool.pool / "volumes" / volume.id / "image"
    hole = ["--offset", "660MiB", "--length", "80MiB"]
    subprocess.run(["fallocate", "--punch-hole", *hole, str(image)], check=True)
    assert missing(volume) > 70 * MIB
    listed = controller.controller.ListVolumes(csi.ListVolumesRequest()).entries
    told = next(one.status.volume_condition for one in listed if one.volume.volume_id == volume.id)
    assert told.abnormal and "thick" in told.message
    volume.use(node)
    assert missing(volume) <= 0
    driver.wait_for(lambda: not volume.stats(node).volume_condition.abnormal)
    volume.rest(node)

    # The device's number is a thin volume's next, which gives back what it does not use.
    thin = Volume(pool, next(names), fs=fs).create(controller, GIB)
    assert subprocess.run(["fstrim", str(thin.use(node))], check=False).returncode == 0
    thin.rest(node)
    for one in (volume, raw, thin):
        one.delete(controller)


@pytest.mark.parametrize("parameters, word", [
    ({"provisioning": "fat"}, "provisioning"), ({"fsfreeze": "true"}, "fsfreeze"),
    ({"mkfsOptions": "-F"}, "mkfsOptions"), ({"csi.storage.k8s.io/fstype": "ntfs"}, "ntfs")])
def test_bad_parameters_are_named(pool, clients, names, parameters, word):
    controller, _ = clients
    with refused(Code.INVALID_ARGUMENT, naming=word):
        Volume(pool, next(names)).create(controller, parameters=parameters)


def test_restarts_change_nothing(names):
    with LoopRig("xfs") as rig:
        rig.start()
        with rig.controller.connect() as controller, rig.node.connect() as node:
            volume = Volume(rig, next(names), fs="xfs").create(controller)
            raw = Volume(rig, next(names), block=True).create(controller, 64 * MIB)
            target = volume.use(node)
            raw.stage(node)
            written = write(target / "data", MIB, "kept")
            snapshot = volume.snapshot(controller, "kept")
        for binary in (rig.controller, rig.node):
            binary.kill()
        with rig.controller.start().connect() as controller:
            lost = Volume(rig, next(names), fs="ext4").create(controller, 64 * MIB)
        image = rig.pool / "volumes" / lost.id / "image"
        subprocess.run(["losetup", "-f", str(image)], check=True)
        rig.node.start()
        with rig.controller.connect() as controller, rig.node.connect() as node:
            assert digest(target / "data") == written
            assert len(rig.devices()) == 3, "a device that another program attached is not ours to detach"
            foreign = next(one["name"] for one in rig.devices() if lost.id in one["back-file"])
            subprocess.run(["losetup", "-d", foreign], check=True)
            listed = controller.controller.ListSnapshots(csi.ListSnapshotsRequest(source_volume_id=volume.id))
            assert [one.snapshot.snapshot_id for one in listed.entries] == [snapshot.snapshot_id]
            raw.publish(node)
            raw.rest(node)
            volume.stage(node)
            volume.publish(node)
            volume.rest(node)
            for one in (volume, raw, lost):
                one.delete(controller)
        assert rig.devices() == []


def test_devices_of_a_former_container(names):
    with LoopRig("xfs") as rig:
        rig.controller.start()
        container = rig.start_node_in_container()
        try:
            with rig.controller.connect() as controller, container.connect() as node:
                made = {}
                for fate in ("kept", "removed", "replaced"):
                    for block in (False, True):
                        volume = Volume(rig, next(names), block=block).create(controller, 64 * MIB)
                        made[volume] = fate
                        volume.use(node)
        finally:
            container.end()
        wait_for(lambda: all(one["back-file"].startswith("/volumes/") for one in rig.devices()))
        assert len(rig.devices()) == len(made)
        page = rig.scratch / "http.sock"
        rig.node.arguments += ["--http-endpoint", f"unix://{page}"]
        rig.node.start()
        # The figures are taken in the background.
        wait_for(lambda: re.search(r'^csi_loop_devices\{.*"used".*\} 6$', get(page, "/metrics")[1], re.MULTILINE))
        for volume, fate in made.items():
            image = rig.pool / "volumes" / volume.id / "image"
            if fate != "kept":
                image.unlink()
            if fate == "replaced":
                with open(image, "wb") as file:
                    file.truncate(64 * MIB)
        with rig.controller.connect() as controller, rig.node.connect() as node:
            for volume in made:
                volume.rest(node)
                volume.delete(controller)
        assert rig.devices() == []


def test_a_missing_image_is_told(names):
    with LoopRig("xfs") as rig:
        rig.start()
        with rig.controller.connect() as controller, rig.node.connect() as node:
            volume = Volume(rig, next(names), fs="ext4").create(controller, 64 * MIB)
            volume.use(node)
            image = rig.pool / "volumes" / volume.id / "image"
            image.rename(rig.pool / "aside")
            assert "gone" in volume.stats(node).volume_condition.message
            listed = controller.controller.ListVolumes(csi.ListVolumesRequest())
            assert listed.entries[0].status.volume_condition.abnormal
            (rig.pool / "aside").rename(image)
            driver.wait_for(lambda: not volume.stats(node).volume_condition.abnormal)
            volume.rest(node)
            volume.delete(controller)


def test_nothing_is_left_of_mounts(pool):
    assert driver.mount_points(pool.staging) == [] and driver.mount_points(pool.targets) == []


def test_a_controller_without_the_nodes_devices_takes_nothing_away(names):
    """In a container with a /dev of its own the nodes of attached devices are missing, and the devices are there."""
    with LoopRig("xfs") as rig:
        enter = 'mount -t tmpfs dev /dev && mknod -m 666 /dev/null c 1 3 && exec "$0" "$@"'
        rig.controller.arguments = ["unshare", "--mount", "sh", "-c", enter, *rig.controller.arguments]
        rig.start()
        with rig.controller.connect() as controller, rig.node.connect() as node:
            volume = Volume(rig, next(names), fs="ext4").create(controller, 64 * MIB)
            target = volume.use(node)
            expected = write(target / "data", MIB, "kept")
            with refused(Code.FAILED_PRECONDITION, naming="/dev must be the machine's own"):
                volume.delete(controller)
            with refused(Code.FAILED_PRECONDITION, naming="/dev must be the machine's own"):
                volume.snapshot(controller, "torn")
            assert digest(target / "data") == expected
            volume.rest(node)
            volume.delete(controller)


@pytest.mark.parametrize("block", [False, True], ids=["mounted", "raw"])
def test_a_number_that_a_pod_still_has_is_given_to_no_other_volume(names, block):
    """Another program takes a raw volume's device away. Its node is still in the pod, and would show the next volume's data."""
    with LoopRig("xfs") as rig:
        rig.start()
        with rig.controller.connect() as controller, rig.node.connect() as node:
            first = Volume(rig, next(names), block=True).create(controller, 16 * MIB)
            second = Volume(rig, next(names), fs="" if block else "ext4", block=block).create(controller, 64 * MIB)
            target = first.use(node)
            device, = rig.devices()
            subprocess.run(["losetup", "-d", device["name"]], check=True)
            wait_for(lambda: rig.devices() == [])
            with refused(Code.FAILED_PRECONDITION, naming=[device["name"], str(target)]):
                second.stage(node)
            assert rig.devices() == []
            first.rest(node)
            second.use(node)
            second.rest(node)
            for volume in (first, second):
                volume.delete(controller)
