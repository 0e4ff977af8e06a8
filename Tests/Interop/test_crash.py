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
WORKERS = 8
KILLS = 8
GIVE_UP_AFTER = 180


class Storm:
    """Workers that call one binary without a pause, while it is killed and started again."""

    def __init__(self, rig, binary, *, kills, seed=0, is_half_made_wanted=False):
        self.rig = rig
        self.binary = binary
        self.kills = kills
        self.is_half_made_wanted = is_half_made_wanted
        """Whether to go on until a kill was in the middle of something."""
        self.source = random.Random(seed)
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.cut = 0
        """Calls that a kill cut off while the binary was working on them."""
        self.half_made = 0
        """Kills that left something half-made in the pool, for the next start to clear."""

    def until_done(self, call):
        """Retries as a sidecar does: until an answer is final."""
        deadline = time.monotonic() + GIVE_UP_AFTER
        while True:
            try:
                return call()
            except grpc.RpcError as error:
                if error.code() not in RETRIED or time.monotonic() > deadline:
                    raise
                if error.code() == Code.UNAVAILABLE and "failed to connect" not in error.details():
                    with self.lock:
                        self.cut += 1
                time.sleep(0.01)

    def run(self, work):
        """Runs work(self, client, worker) in every worker; it goes on until self.over is set, and then ends its own way."""
        def one(worker):
            with self.binary.connect() as client:
                work(self, client, worker)

        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            try:
                running = [pool.submit(one, worker) for worker in range(WORKERS)]
                for kill in range(4 * self.kills):
                    # A starved client may have called nobody when a kill comes.
                    if kill >= self.kills and self.cut >= self.kills and (self.half_made or not self.is_half_made_wanted):
                        break
                    time.sleep(self.source.uniform(0.05, 0.4))
                    self.binary.kill()
                    self.half_made += self.rig.leftovers() != []
                    self.binary.start()
                time.sleep(0.2)
            finally:
                self.over.set()
            for future in running:
                future.result()
        return self


def create_and_delete(storm, client, worker):
    """Whatever happened before, in the end the even ones exist and the odd ones do not."""
    names = [f"pvc-{worker}-{index}" for index in range(6)]
    rounds = 0
    while not storm.over.is_set():
        for index, name in enumerate(names):
            volume = storm.until_done(lambda name=name: calls.create(client, name, 1 << 20))
            if (index + rounds) % 2:
                storm.until_done(lambda volume=volume: calls.delete(client, volume.volume_id))
        rounds += 1
    for index, name in enumerate(names):
        volume = storm.until_done(lambda name=name: calls.create(client, name, 1 << 20))
        if index % 2:
            storm.until_done(lambda volume=volume: calls.delete(client, volume.volume_id))


@pytest.mark.parametrize("on_disk, seed", [(False, 1), (True, 2)], ids=["memory", "disk"])
def test_controller_killed_in_a_storm(on_disk, seed):
    with driver.Rig() as calm:
        Storm(calm, calm.controller.start(), kills=0).run(create_and_delete)
        wanted = calm.state()

    with driver.Rig(on_disk=on_disk) as rig:
        binary = rig.controller.start()
        storm = Storm(rig, binary, kills=KILLS, seed=seed, is_half_made_wanted=on_disk).run(create_and_delete)
        assert storm.cut >= KILLS, "the kills met nobody at work"
        if on_disk:
            assert storm.half_made, "no kill was in the middle of anything"
        assert rig.state() == wanted, "not what a run without kills leaves"
        assert rig.leftovers() == []

        expected = {f"pvc-{worker}-{index}" for worker in range(WORKERS) for index in range(0, 6, 2)}
        with binary.connect() as client:
            assert set(calls.list_ids(client)) == expected
        binary.kill()
        binary.start()
        with binary.connect() as client:
            assert set(calls.list_ids(client)) == expected, "a restart changed the volumes"
            for one in expected:
                calls.delete(client, one)
            assert calls.list_ids(client) == []
        assert rig.leftovers() == []
        assert not [path for path in rig.pool.rglob("*") if "pvc-" in path.name]


def publish_and_unpublish(storm, client, worker):
    """Whatever happened before, in the end the even ones are published and the odd ones are not."""
    mine = [index for index in range(2 * WORKERS) if index % WORKERS == worker]

    def publish(index):
        storm.until_done(lambda: calls.publish(
            client, csi.Volume(volume_id=f"pvc-{index}"), pod(storm.rig, index), readonly=index % 4 == 0))

    def unpublish(index):
        storm.until_done(lambda: calls.unpublish(client, f"pvc-{index}", pod(storm.rig, index)))

    while not storm.over.is_set():
        for index in mine:
            publish(index)
            unpublish(index)
    for index in mine:
        publish(index)
        if index % 2:
            unpublish(index)


def pod(rig, index):
    return rig.targets / f"pod-{index}" / "mount"


def node_storm(rig, **options):
    rig.start()
    with rig.controller.connect() as client:
        for index in range(2 * WORKERS):
            assert calls.create(client, f"pvc-{index}", 1 << 20).volume_id == f"pvc-{index}"
            pod(rig, index).parent.mkdir()
    return Storm(rig, rig.node, **options).run(publish_and_unpublish)


@pytest.mark.parametrize("seed", [3, 4])
def test_node_killed_in_a_storm(own_rig, seed):
    with driver.Rig() as calm:
        node_storm(calm, kills=0)
        wanted = calm.state()

    storm = node_storm(own_rig, kills=KILLS, seed=seed)
    assert storm.cut >= KILLS, "the kills met nobody at work"
    assert own_rig.state() == wanted, "not what a run without kills leaves"
    for index in range(2 * WORKERS):
        options = driver.mount_options(pod(own_rig, index))
        assert (options is None) if index % 2 else ("ro" if index % 4 == 0 else "rw") in options
        assert pod(own_rig, index).exists() == (index % 2 == 0)

    with own_rig.node.connect() as client:
        for index in range(2 * WORKERS):
            calls.unpublish(client, f"pvc-{index}", pod(own_rig, index))
    assert driver.mount_points(own_rig.targets) == []
    assert [path for folder in own_rig.targets.iterdir() for path in folder.iterdir()] == []
    with own_rig.controller.connect() as client:
        for index in range(2 * WORKERS):
            calls.delete(client, f"pvc-{index}")
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
    with own_rig.controller.connect() as client:
        assert calls.create(client, "pvc", GIB, limit=GIB) == first
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
