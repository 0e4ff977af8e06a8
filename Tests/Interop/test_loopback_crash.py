"""kill -9 in the middle of a storm of calls on real devices: data stays, and nothing is leaked."""

import concurrent.futures
import os

import pytest

import calls
import driver
from calls import GIB, Code, csi
from loopback import LoopRig, Volume, delete_snapshot, digest, write
from test_crash import Storm

MIB = 1 << 20
MANY = 500


@pytest.fixture
def rig():
    with LoopRig("xfs") as made:
        yield made.start()


def assert_clean(rig):
    assert rig.devices() == []
    assert driver.mount_points(rig.staging) == [] and driver.mount_points(rig.targets) == []
    assert rig.leftovers() == []


@pytest.mark.timeout(1200)
def test_a_node_that_is_killed_loses_no_data_and_no_device(rig):
    last = {}

    def work(storm, client, worker):
        with rig.controller.connect() as controller:
            fs = ("ext4", "xfs", "btrfs", "ext4")[worker % 4]
            volume = Volume(rig, f"pvc-{worker}", fs=fs).create(controller, 512 * MIB)
        rounds = 0
        while not storm.over.is_set() or rounds == 0:
            storm.until_done(lambda: volume.stage(client))
            target = storm.until_done(lambda: volume.publish(client))
            if worker in last:
                assert digest(target / "data") == last[worker]
            last[worker] = write(target / "data", MIB, f"{worker}-{rounds}")
            storm.until_done(lambda: volume.unpublish(client))
            storm.until_done(lambda: volume.unstage(client))
            rounds += 1

    storm = Storm(rig, rig.node, kills=8, seed=3).run(work)
    assert storm.cut > 0, "no kill met a call"
    with rig.controller.connect() as controller, rig.node.connect() as node:
        for worker, expected in last.items():
            volume = Volume(rig, f"pvc-{worker}")
            volume.id = f"pvc-{worker}"
            assert digest(volume.use(node) / "data") == expected
            volume.rest(node)
            volume.delete(controller)
    assert_clean(rig)


@pytest.mark.timeout(1200)
def test_a_controller_that_is_killed_leaves_whole_volumes_or_none(rig):
    def work(storm, client, worker):
        rounds = 0
        while not storm.over.is_set() or rounds == 0:
            source = Volume(rig, f"pvc-{worker}", block=True)
            storm.until_done(lambda: source.create(client, 64 * MIB))
            snapshot = storm.until_done(lambda: source.snapshot(client, f"snap-{worker}"))
            copy = Volume(rig, f"copy-{worker}", block=True)
            storm.until_done(lambda: copy.create(client, 128 * MIB, snapshot=snapshot.snapshot_id))
            storm.until_done(lambda: copy.expand(client, 192 * MIB))
            image = rig.pool / "volumes" / copy.id / "image"
            assert image.stat().st_size == 192 * MIB
            storm.until_done(lambda: delete_snapshot(client, snapshot.snapshot_id))
            for volume in (source, copy):
                storm.until_done(lambda volume=volume: volume.delete(client))
            rounds += 1

    storm = Storm(rig, rig.controller, kills=8, seed=4).run(work)
    assert storm.cut > 0, "no kill met a call"
    with rig.controller.connect() as controller:
        assert calls.list_ids(controller) == []
        assert not controller.controller.ListSnapshots(csi.ListSnapshotsRequest()).entries
        room = controller.controller.GetCapacity(csi.GetCapacityRequest()).available_capacity
        assert room > 20 * GIB, "room was lost"
    assert calls.code_of(lambda: rig.controller.stop()) == Code.OK
    assert_clean(rig)
    assert list((rig.pool / "volumes").iterdir()) == [] and list((rig.pool / "snapshots").iterdir()) == []


@pytest.mark.timeout(1800)
def test_five_hundred_volumes_at_once(rig, names):
    """Device numbers far beyond those that exist at boot, and each volume has its own data."""
    volumes = [Volume(rig, next(names), block=number % 5 > 0, fs="ext4" if number % 5 == 0 else "")
               for number in range(MANY)]

    with rig.controller.connect() as controller, rig.node.connect() as node, \
            concurrent.futures.ThreadPoolExecutor(32) as callers:

        def begin(index, volume):
            volume.create(controller, 16 * MIB)
            target = volume.use(node)
            with open(target / "data" if index % 5 == 0 else target, "wb" if index % 5 == 0 else "r+b") as file:
                file.write(index.to_bytes(4096, "big"))
                file.flush()
                os.fsync(file.fileno())

        def look(index, volume):
            target = volume.target() / "data" if index % 5 == 0 else volume.target()
            with open(target, "rb") as file:
                return int.from_bytes(file.read(4096), "big")

        def finish(volume):
            volume.rest(node)
            volume.delete(controller)

        list(callers.map(begin, range(MANY), volumes))
        devices = rig.devices()
        assert len(devices) == MANY
        assert max(int(one["name"].removeprefix("/dev/loop")) for one in devices) > 255
        assert list(callers.map(look, range(MANY), volumes)) == list(range(MANY))
        list(callers.map(finish, volumes))
    assert_clean(rig)


@pytest.mark.timeout(1200)
def test_a_pool_that_is_full_under_a_thin_volume():
    """Writes fail and the condition says why; once there is room again, what was synced is there and the volume is as before."""
    with LoopRig("xfs", flags=("--overcommit", "100", "--reserve", "0"), size=512 * MIB) as rig:
        rig.start()
        with rig.controller.connect() as controller, rig.node.connect() as node:
            volume = Volume(rig, "pvc-thin", fs="ext4").create(controller, 2 * GIB)
            target = volume.use(node)
            expected = write(target / "data", MIB, "synced")
            driver.wait_for(lambda: not volume.stats(node).volume_condition.abnormal)
            filler = rig.pool / "filler"
            room = os.statvfs(rig.pool)
            with open(filler, "wb") as file, pytest.raises(OSError):
                for share in range(1, 20):
                    os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize * share // 19 + share * MIB)
                os.posix_fallocate(file.fileno(), 0, 4 * GIB)
            with pytest.raises(OSError):
                write(target / "more", 256 * MIB, "lost")
            condition = volume.stats(node).volume_condition
            assert condition.abnormal and condition.message, condition
            filler.unlink()
            volume.rest(node)
            assert digest(volume.use(node) / "data") == expected
            driver.wait_for(lambda: not volume.stats(node).volume_condition.abnormal)
            write(target / "again", 16 * MIB, "room")
            volume.rest(node)
            volume.delete(controller)
        assert_clean(rig)
