"""kill -9 in the middle of a storm, disks that are full, volumes that cannot be read: the retry ends where a run without the
trouble would have ended, and nothing is leaked."""

import concurrent.futures
import os
import random
import subprocess
import threading
import time

import grpc
import pytest

import calls
import driver
from calls import GIB, Code, csi, refused

RETRIED = {Code.UNAVAILABLE, Code.ABORTED, Code.DEADLINE_EXCEEDED, Code.CANCELLED}
KILLS = 6
GIVE_UP_AFTER = 60


def until_done(call):
    """Retries as a sidecar does: until an answer is final."""
    deadline = time.monotonic() + GIVE_UP_AFTER
    while True:
        try:
            return call()
        except grpc.RpcError as error:
            if error.code() not in RETRIED or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def storm(binary, work, *, seed):
    """Runs work(client, worker, is_over) in eight threads, and meanwhile kills and restarts the binary."""
    over = threading.Event()
    source = random.Random(seed)

    def run(worker):
        with binary.connect() as client:
            work(client, worker, over.is_set)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        try:
            running = [pool.submit(run, worker) for worker in range(8)]
            for _ in range(KILLS):
                time.sleep(source.uniform(0.05, 0.4))
                binary.kill()
                binary.start()
        finally:
            over.set()
        for one in running:
            one.result()


@pytest.mark.parametrize("seed", [1, 2])
def test_controller_killed_in_a_storm(own_rig, seed):
    binary = own_rig.controller.start()

    def create_and_delete(client, worker, is_over):
        rounds = 0
        while not is_over():
            for index in range(6):
                name = f"pvc-{worker}-{index}"
                volume = until_done(lambda: calls.create(client, name, 1 << 20))
                if (index + rounds) % 2:
                    until_done(lambda: calls.delete(client, volume.volume_id))
            rounds += 1
        # Whatever the storm left, the last word is: even ones exist, odd ones do not.
        for index in range(6):
            volume = until_done(lambda: calls.create(client, f"pvc-{worker}-{index}", 1 << 20))
            if index % 2:
                until_done(lambda: calls.delete(client, volume.volume_id))

    storm(binary, create_and_delete, seed=seed)
    with binary.connect() as client:
        expected = {calls.create(client, f"pvc-{worker}-{index}", 1 << 20).volume_id
                    for worker in range(8) for index in range(0, 6, 2)}
        assert set(calls.list_ids(client)) == expected
        binary.kill()
        binary.start()
        assert set(until_done(lambda: calls.list_ids(client))) == expected, "a restart changed the volumes"
        assert own_rig.leftovers() == []
        for one in expected:
            until_done(lambda: calls.delete(client, one))
        assert calls.list_ids(client) == []
    assert own_rig.leftovers() == []
    assert not [path for path in own_rig.pool.rglob("*") for one in expected if one in path.name]


@pytest.mark.parametrize("seed", [3, 4])
def test_node_killed_in_a_storm(own_rig, seed):
    own_rig.start()
    with own_rig.controller.connect() as client:
        volumes = [calls.create(client, f"pvc-{index}", 1 << 20) for index in range(16)]
    targets = [own_rig.targets / f"pod-{index}" / "mount" for index in range(16)]
    for target in targets:
        target.parent.mkdir()

    def publish_and_unpublish(client, worker, is_over):
        mine = [index for index in range(16) if index % 8 == worker]
        while not is_over():
            for index in mine:
                until_done(lambda: calls.publish(client, volumes[index], targets[index], readonly=index % 4 == 0))
                until_done(lambda: calls.unpublish(client, volumes[index].volume_id, targets[index]))
        for index in mine:
            until_done(lambda: calls.publish(client, volumes[index], targets[index], readonly=index % 4 == 0))
            if index % 2:
                until_done(lambda: calls.unpublish(client, volumes[index].volume_id, targets[index]))

    storm(own_rig.node, publish_and_unpublish, seed=seed)
    assert sorted(driver.mount_points(own_rig.targets)) == sorted(str(targets[index]) for index in range(0, 16, 2))
    for index in range(0, 16, 2):
        assert ("ro" if index % 4 == 0 else "rw") in driver.mount_options(targets[index])
    for index in range(1, 16, 2):
        assert not targets[index].exists()

    with own_rig.node.connect() as client:
        for volume, target in zip(volumes, targets):
            calls.unpublish(client, volume.volume_id, target)
    assert driver.mount_points(own_rig.targets) == []
    assert [path for target in targets for path in target.parent.iterdir()] == []
    with own_rig.controller.connect() as client:
        for volume in volumes:
            calls.delete(client, volume.volume_id)
    assert own_rig.leftovers() == []


def test_mounts_outlive_the_node_plugin(own_rig):
    own_rig.start()
    target = own_rig.targets / "mount"
    with own_rig.controller.connect() as client:
        volume = calls.create(client, "pvc")
    with own_rig.node.connect() as client:
        calls.publish(client, volume, target)
    (target / "file").write_text("kept")
    assert own_rig.node.stop() == 0
    assert (target / "file").read_text() == "kept"
    own_rig.node.start()
    with own_rig.node.connect() as client:
        calls.publish(client, volume, target)
        with refused(Code.ALREADY_EXISTS):
            calls.publish(client, volume, target, readonly=True)
        assert calls.stats(client, volume.volume_id, target).usage
        calls.unpublish(client, volume.volume_id, target)
    assert not target.exists()


def test_volumes_outlive_the_controller(own_rig):
    own_rig.controller.start()
    with own_rig.controller.connect() as client:
        first = calls.create(client, "pvc", GIB, limit=GIB)
        own_rig.controller.kill()
        own_rig.controller.start()
        assert until_done(lambda: calls.create(client, "pvc", GIB, limit=GIB)) == first
        with refused(Code.ALREADY_EXISTS):
            calls.create(client, "pvc", 2 * GIB, limit=2 * GIB)


def test_an_unreadable_volume_is_quarantined(own_rig):
    binary = own_rig.controller.start()
    with binary.connect() as client:
        broken = calls.create(client, "broken")
        whole = calls.create(client, "whole")
    assert binary.stop() == 0

    # No user has written anything, so every file of the volume is the driver's own.
    spoiled = 0
    for folder in own_rig.pool.rglob(f"{broken.volume_id}*"):
        for file in [folder] if folder.is_file() else [path for path in folder.rglob("*") if path.is_file()]:
            file.write_bytes(b"\xff\0 not what was written")
            spoiled += 1
    assert spoiled, "the volume has no description of itself on disk"

    binary.start()
    with binary.connect() as client:
        assert calls.list_ids(client) == [whole.volume_id]
        assert calls.create(client, "whole") == whole
        other = calls.create(client, "other")
        calls.delete(client, other.volume_id)
    assert broken.volume_id in binary.log(), "nobody was told"
    assert [path for path in own_rig.pool.rglob("*") if broken.volume_id in path.name], "its data was thrown away"


def test_a_cut_description_is_quarantined(own_rig):
    binary = own_rig.controller.start()
    with binary.connect() as client:
        broken = calls.create(client, "broken")
        whole = calls.create(client, "whole")
    assert binary.stop() == 0
    for folder in own_rig.pool.rglob(f"{broken.volume_id}*"):
        for file in [folder] if folder.is_file() else [path for path in folder.rglob("*") if path.is_file()]:
            os.truncate(file, 0)
    binary.start()
    with binary.connect() as client:
        assert calls.list_ids(client) == [whole.volume_id]


def test_strangers_in_the_pool_are_left_alone(own_rig):
    (own_rig.pool / "lost+found").mkdir()
    (own_rig.pool / "README").write_text("mine")
    binary = own_rig.controller.start()
    with binary.connect() as client:
        assert calls.list_ids(client) == []
        volume = calls.create(client, "pvc")
        assert calls.list_ids(client) == [volume.volume_id]
        calls.delete(client, volume.volume_id)
    assert binary.stop() == 0
    assert (own_rig.pool / "lost+found").is_dir()
    assert (own_rig.pool / "README").read_text() == "mine"


@pytest.fixture(params=["size=256k", "size=64m,nr_inodes=64"], ids=["blocks", "inodes"])
def tiny(request):
    with driver.Rig(pool_options=request.param) as made:
        yield made


def test_a_full_disk(tiny):
    binary = tiny.controller.start()
    with binary.connect() as client:
        kept = calls.create(client, "kept", 4096)
        made = []
        with refused(Code.RESOURCE_EXHAUSTED):
            for index in range(1000):
                made.append(calls.create(client, f"filler-{index}", 4096))
        assert tiny.leftovers() == []
        before = set(calls.list_ids(client))
        assert before == {kept.volume_id, *(volume.volume_id for volume in made)}
        assert client.identity.Probe(csi.ProbeRequest()).ready.value

        for volume in made:
            calls.delete(client, volume.volume_id)
        again = calls.create(client, f"filler-{len(made)}", 4096)
        assert set(calls.list_ids(client)) == {kept.volume_id, again.volume_id}
        calls.delete(client, again.volume_id)
    assert tiny.leftovers() == []


def test_a_disk_that_somebody_else_filled():
    with driver.Rig(pool_options="size=1m") as rig:
        binary = rig.controller.start()
        with binary.connect() as client:
            first = calls.create(client, "first", 4096)
            ballast = rig.scratch / "pool" / "ballast"
            subprocess.run(["dd", "if=/dev/zero", f"of={ballast}", "bs=4k"], check=False, capture_output=True)
            assert os.statvfs(rig.pool).f_bavail == 0
            with refused(Code.RESOURCE_EXHAUSTED):
                calls.create(client, "second", 4096)
            assert calls.list_ids(client) == [first.volume_id]
            calls.delete(client, first.volume_id)
            ballast.unlink()
            calls.delete(client, calls.create(client, "second", 4096).volume_id)
        assert rig.leftovers() == []
