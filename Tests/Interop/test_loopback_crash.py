"""kill -9 in the middle of a storm of calls on real devices: data stays, and nothing is leaked."""

import pytest

import calls
import driver
from calls import GIB, Code, csi
from loopback import LoopRig, Volume, delete_snapshot, digest, write
from test_crash import Storm

MIB = 1 << 20


@pytest.fixture
def rig():
    with LoopRig("xfs") as made:
        yield made.start()


def assert_clean(rig):
    assert rig.devices() == []
    assert driver.mount_points(rig.staging) == [] and driver.mount_points(rig.targets) == []
    assert rig.leftovers() == []


@pytest.mark.timeout(240)
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


@pytest.mark.timeout(240)
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


@pytest.mark.timeout(240)
def test_many_volumes_on_one_node(rig, names):
    """Device numbers beyond those that exist at boot."""
    with rig.controller.connect() as controller, rig.node.connect() as node:
        volumes = [Volume(rig, next(names), block=True).create(controller, MIB) for _ in range(64)]
        for index, volume in enumerate(volumes):
            with open(volume.use(node), "r+b", buffering=0) as device:
                device.write(index.to_bytes(4096, "big"))
        assert len(rig.devices()) == 64
        for index, volume in enumerate(volumes):
            volume.rest(node)
            image = rig.pool / "volumes" / volume.id / "image"
            assert image.read_bytes()[:4096] == index.to_bytes(4096, "big")
            volume.delete(controller)
    assert_clean(rig)
