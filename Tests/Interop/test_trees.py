"""Snapshots, restores, clones, groups and inline volumes of the hostPath backend, end to end on real file systems."""

import random
import subprocess
import time

import pytest

import calls
from calls import Code, csi, refused
from trees import KINDS, MIB, TreeRig, clone, delete_snapshot, fill, listed, manifest, restore, take


@pytest.fixture(scope="module", params=KINDS)
def rig(request):
    with TreeRig(request.param) as made:
        yield made.start()


@pytest.fixture
def clients(rig):
    with rig.controller.connect() as controller, rig.node.connect() as node:
        yield controller, node
    assert rig.leftovers() == []


def group_request(name, volumes):
    return csi.CreateVolumeGroupSnapshotRequest(
        name=name, source_volume_ids=[volume.volume_id for volume in volumes])


def delete_group(client, group):
    client.group.DeleteVolumeGroupSnapshot(csi.DeleteVolumeGroupSnapshotRequest(group_snapshot_id=group))


def test_a_snapshot_is_restored_and_cloned_with_everything(rig, clients, names):
    controller, _ = clients
    volume = calls.create(controller, next(names), MIB)
    fill(rig.data(volume))
    before = manifest(rig.data(volume))
    snapshot = take(controller, volume, next(names))
    (rig.data(volume) / "d1" / "f1").write_bytes(b"changed")
    restored = restore(controller, snapshot, next(names), 2 * MIB)
    assert restored.capacity_bytes == 2 * MIB
    assert manifest(rig.data(restored)) == before
    copied = clone(controller, volume, next(names))
    assert manifest(rig.data(copied)) == manifest(rig.data(volume)) != before
    with refused(Code.OUT_OF_RANGE):
        calls.create(
            controller, next(names), 1, limit=2, volume_content_source=csi.VolumeContentSource(
                snapshot=csi.VolumeContentSource.SnapshotSource(snapshot_id=snapshot.snapshot_id)))
    assert [entry.snapshot.snapshot_id for entry in listed(controller, source_volume_id=volume.volume_id)] == [
        snapshot.snapshot_id]
    delete_snapshot(controller, snapshot.snapshot_id)
    assert manifest(rig.data(restored)) == before
    for one in (volume, restored, copied):
        calls.delete(controller, one.volume_id)


def test_blocks_are_shared_where_the_file_system_can(rig, clients, names):
    controller, _ = clients
    volume = calls.create(controller, next(names), 64 * MIB)
    with open(rig.data(volume) / "large", "wb") as file:
        for _ in range(100):
            file.write(random.randbytes(MIB))
    subprocess.run(["sync", "-f", str(rig.pool)], check=True)
    free = lambda: int(subprocess.run(  # noqa: E731
        ["stat", "-f", "-c", "%a*%S", str(rig.pool)], capture_output=True, text=True, check=True)
        .stdout.strip().split("*")[0]) * 4096
    before = free()
    snapshot = take(controller, volume, next(names))
    copies = [restore(controller, snapshot, next(names), 64 * MIB) for _ in range(3)]
    subprocess.run(["sync", "-f", str(rig.pool)], check=True)
    # ext4 shares no blocks: there each copy takes its own room.
    assert (before - free() < 20 * MIB) == (rig.kind != "ext4")
    for one in (volume, *copies):
        calls.delete(controller, one.volume_id)
    delete_snapshot(controller, snapshot.snapshot_id)


def test_kill_9_at_random_points_of_a_group_leaves_all_or_none(rig, clients, names):
    controller, _ = clients
    volumes = [calls.create(controller, next(names), MIB) for _ in range(3)]
    for volume in volumes:
        fill(rig.data(volume), files=100)
    contents = [manifest(rig.data(volume)) for volume in volumes]
    chance = random.Random(7)
    for round_number in range(15):
        name = f"{next(names)}-group"
        with rig.controller.connect() as client:
            future = client.group.CreateVolumeGroupSnapshot.future(group_request(name, volumes))
            time.sleep(chance.uniform(0, 0.12))
            rig.controller.kill()
            future.exception()
        rig.controller.start()
        with rig.controller.connect() as client:
            members = listed(client)
            assert len(members) in (0, len(volumes)), f"round {round_number}: {members}"
            group = client.group.CreateVolumeGroupSnapshot(group_request(name, volumes)).group_snapshot
            assert len(group.snapshots) == len(volumes)
            with refused(Code.INVALID_ARGUMENT, naming=group.group_snapshot_id):
                delete_snapshot(client, group.snapshots[0].snapshot_id)
            if round_number % 5 == 0:
                for member in group.snapshots:
                    index = [volume.volume_id for volume in volumes].index(member.source_volume_id)
                    restored = restore(client, member, next(names))
                    assert manifest(rig.data(restored)) == contents[index]
                    calls.delete(client, restored.volume_id)
            delete_group(client, group.group_snapshot_id)
            assert not listed(client)
    with rig.controller.connect() as client:
        for volume in volumes:
            calls.delete(client, volume.volume_id)


def test_kill_9_at_random_points_of_copies_ends_with_whole_ones(rig, clients, names):
    controller, _ = clients
    volume = calls.create(controller, next(names), MIB)
    fill(rig.data(volume), files=1000)
    before = manifest(rig.data(volume))
    chance = random.Random(11)
    for round_number in range(10):
        snapshot_name, copy_name = next(names), next(names)
        with rig.controller.connect() as client:
            first = client.controller.CreateSnapshot.future(csi.CreateSnapshotRequest(
                source_volume_id=volume.volume_id, name=snapshot_name))
            second = client.controller.CreateVolume.future(calls.create_request(
                copy_name, MIB, volume_content_source=csi.VolumeContentSource(
                    volume=csi.VolumeContentSource.VolumeSource(volume_id=volume.volume_id))))
            time.sleep(chance.uniform(0, 0.3))
            rig.controller.kill()
            first.exception()
            second.exception()
        rig.controller.start()
        with rig.controller.connect() as client:
            snapshot = take(client, volume, snapshot_name)
            restored = restore(client, snapshot, next(names))
            copied = clone(client, volume, copy_name)
            assert manifest(rig.data(restored)) == before, f"round {round_number}"
            assert manifest(rig.data(copied)) == before, f"round {round_number}"
            for one in (restored, copied):
                calls.delete(client, one.volume_id)
            delete_snapshot(client, snapshot.snapshot_id)
    with rig.controller.connect() as client:
        calls.delete(client, volume.volume_id)


def test_an_inline_volume_comes_and_goes_with_its_pod(rig, clients, target):
    _, node = clients
    handle = "csi-" + "5" * 64
    request = csi.NodePublishVolumeRequest(
        volume_id=handle, target_path=str(target), volume_capability=calls.capability(),
        volume_context={"csi.storage.k8s.io/ephemeral": "true", "size": "1Mi", "mode": "0750"})
    node.node.NodePublishVolume(request)
    (target / "file").write_bytes(b"scratch")
    node.node.NodePublishVolume(request)
    rig.node.kill()
    rig.node.start()
    with rig.node.connect() as again:
        assert (target / "file").read_bytes() == b"scratch"
        assert target.stat().st_mode & 0o7777 == 0o750
        calls.unpublish(again, handle, target)
        calls.unpublish(again, handle, target)
    assert not target.exists()
    assert list((rig.pool / "volumes").iterdir()) == []
