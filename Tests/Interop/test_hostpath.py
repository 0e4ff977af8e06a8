"""The hostPath backend end to end on file systems with quotas: sizes hold in the volume and nowhere else."""

import os

import pytest

import calls
import driver
from calls import Code, csi, refused
from hostpath import MIB, QuotaRig, quota_types, write_as_pod


@pytest.fixture(scope="module", params=quota_types())
def rig(request):
    with QuotaRig(request.param) as made:
        # A pod of any user reaches its target.
        for folder in (made.scratch, made.targets):
            folder.chmod(0o755)
        yield made.start()


@pytest.fixture
def clients(rig):
    with rig.controller.connect() as controller, rig.node.connect() as node:
        yield controller, node
    assert rig.leftovers() == []


def expand(client, volume, size, limit=0):
    return client.controller.ControllerExpandVolume(csi.ControllerExpandVolumeRequest(
        volume_id=volume.volume_id, capacity_range=csi.CapacityRange(required_bytes=size, limit_bytes=limit)))


def modify(client, volume, **parameters):
    client.controller.ControllerModifyVolume(csi.ControllerModifyVolumeRequest(
        volume_id=volume.volume_id, mutable_parameters=parameters))


def read(client, volume):
    return client.controller.ControllerGetVolume(csi.ControllerGetVolumeRequest(volume_id=volume.volume_id))


def stats(client, volume, target):
    return client.node.NodeGetVolumeStats(csi.NodeGetVolumeStatsRequest(
        volume_id=volume.volume_id, volume_path=str(target)))


def usage(answer, unit):
    return next(one for one in answer.usage if one.unit == unit)


def test_a_size_holds_in_the_volume_and_nowhere_else(rig, clients, names, target):
    controller, node = clients
    before = rig.limits()
    first = calls.create(controller, next(names), 16 * MIB)
    second = calls.create(controller, next(names), 64 * MIB, parameters={"pool": "fast"})
    assert first.volume_context["quota"] == ("subvolume" if rig.kind == "btrfs" else "project")
    assert second.volume_context["pool"] == "fast"
    assert rig.limits() == before + 2
    other = target.parent / "other"
    calls.publish(node, first, target)
    calls.publish(node, second, other)

    assert write_as_pod(target / "fits", 8 * MIB)
    assert not write_as_pod(target / "too-much", 16 * MIB)
    assert write_as_pod(other / "fits", 32 * MIB)
    driver.flush(rig.disk)
    shown = usage(stats(node, first, target), csi.VolumeUsage.BYTES)
    assert shown.total == 16 * MIB and 8 * MIB <= shown.used <= 17 * MIB
    if rig.kind != "btrfs":
        room = os.statvfs(target)
        assert room.f_blocks * room.f_frsize == 16 * MIB

    assert expand(controller, first, 64 * MIB).capacity_bytes == 64 * MIB
    assert write_as_pod(target / "too-much", 16 * MIB)
    with refused(Code.OUT_OF_RANGE, naming=first.volume_id):
        expand(controller, first, 1, limit=16 * MIB)
    for volume, path in ((first, target), (second, other)):
        calls.unpublish(node, volume.volume_id, path)
        calls.delete(controller, volume.volume_id)
    driver.flush(rig.disk)
    assert rig.limits() == before


def test_the_number_of_files_is_held(rig, clients, names, target):
    controller, node = clients
    if rig.kind == "btrfs":
        with refused(Code.INVALID_ARGUMENT, naming="inodeLimit"):
            calls.create(controller, next(names), MIB, mutable_parameters={"inodeLimit": "9"})
        return
    volume = calls.create(controller, next(names), 16 * MIB, mutable_parameters={"inodeLimit": "3"})
    calls.publish(node, volume, target)
    assert write_as_pod(target / "one", MIB) and write_as_pod(target / "two", MIB)
    done = write_as_pod(target / "three", MIB)
    assert not done
    inodes = usage(stats(node, volume, target), csi.VolumeUsage.INODES)
    assert inodes.total == 3 and inodes.available == 0
    assert stats(node, volume, target).volume_condition.abnormal
    modify(controller, volume, inodeLimit="5")
    assert read(controller, volume).volume.volume_context["inodeLimit"] == "5"
    assert write_as_pod(target / "three", MIB)
    calls.unpublish(node, volume.volume_id, target)
    calls.delete(controller, volume.volume_id)


def test_limits_survive_kill_9_and_none_is_forgotten(rig, clients, names, target):
    controller, node = clients
    before = rig.limits()
    kept = calls.create(controller, next(names), 8 * MIB)
    for round_number in range(10):
        future = controller.controller.CreateVolume.future(calls.create_request(f"killed-{round_number}", 8 * MIB))
        # The moment differs from round to round by what the machine does.
        if round_number % 2:
            future.exception()
        rig.controller.kill()
        # Or the client could find the next one, and call it late.
        future.exception()
        rig.controller.start()
        with rig.controller.connect() as again:
            calls.create(again, f"killed-{round_number}", 8 * MIB)
            calls.delete(again, f"killed-{round_number}")
    driver.flush(rig.disk)
    assert rig.limits() == before + 1
    with rig.controller.connect() as again:
        calls.publish(node, kept, target)
        assert not write_as_pod(target / "file", 16 * MIB)
        calls.unpublish(node, kept.volume_id, target)
        calls.delete(again, kept.volume_id)


def test_a_retained_volume_keeps_its_data(rig, clients, names, target):
    controller, node = clients
    volume = calls.create(controller, next(names), 8 * MIB, parameters={"mode": "0700", "uid": "65534"})
    modify(controller, volume, onDelete="retain")
    assert read(controller, volume).volume.volume_context["onDelete"] == "retain"
    with refused(Code.INVALID_ARGUMENT, naming="onDelete"):
        modify(controller, volume, onDelete="archive")
    calls.publish(node, volume, target)
    assert write_as_pod(target / "precious", MIB)
    calls.unpublish(node, volume.volume_id, target)
    calls.delete(controller, volume.volume_id)
    with refused(Code.NOT_FOUND):
        read(controller, volume)
    kept = list((rig.pool / "retained").glob(f"{volume.volume_id}.*/data/precious"))
    assert len(kept) == 1 and kept[0].stat().st_size == MIB


def test_lists_and_capacity_know_pools(rig, clients, names):
    controller, _ = clients
    made = [calls.create(controller, next(names), MIB, parameters={"pool": "fast"} if index % 2 else {})
            for index in range(5)]
    listed, token = [], ""
    while True:
        page = controller.controller.ListVolumes(csi.ListVolumesRequest(max_entries=2, starting_token=token))
        listed += [entry.volume.volume_id for entry in page.entries]
        token = page.next_token
        if not token:
            break
    assert listed == sorted(listed) and {volume.volume_id for volume in made} <= set(listed)
    room = controller.controller.GetCapacity(csi.GetCapacityRequest(parameters={"pool": "fast"}))
    assert 0 < room.available_capacity < 512 * MIB
    assert controller.controller.GetCapacity(csi.GetCapacityRequest(parameters={"pool": "none"})).available_capacity == 0
    with refused(Code.RESOURCE_EXHAUSTED, naming="none"):
        calls.create(controller, next(names), MIB, parameters={"pool": "none"})
    for volume in made:
        calls.delete(controller, volume.volume_id)
