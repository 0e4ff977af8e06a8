"""What the backend does when its servers fail."""

import contextlib
import hashlib
import subprocess
import sys
import threading
import time

import grpc

from rig import LATER, Code, csi, export, mounts, patiently, refused, server, wait_until_normal

# In seconds. What does not wait for a server that is gone takes less.
SERVER_TIMEOUT = 6

# Writes and syncs until it is told to stop, counts, and says what the hash of all of it is. A process of its own: one that hangs
# in the kernel can neither fork nor be waited for.
WRITER = """
import hashlib, os, sys, time
target, counter, stop = sys.argv[1:]
state, blocks = hashlib.sha256(), 0
with open(target, "wb") as file:
    while not os.path.exists(stop):
        block = os.urandom(32768)
        file.write(block)
        file.flush()
        os.fsync(file.fileno())
        state.update(block)
        blocks += 1
        with open(counter + ".new", "w") as note:
            note.write(str(blocks))
        os.rename(counter + ".new", counter)
        # The servers' disks are small.
        time.sleep(0.02)
print(state.hexdigest())
"""


class Load:
    """A pod that writes, and a caller that makes volumes and repeats what failed, as the sidecars do."""

    def __init__(self, rig, name, number):
        self.rig, self.name, self.number = rig, name, number
        self.volume = patiently(rig.create, name, number=number)
        patiently(self.volume.stage)
        self.pod = patiently(self.volume.publish)
        self.counter, self.end = rig.scratch / f"{name}.blocks", rig.scratch / f"{name}.end"
        self.writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(self.pod / "log"), str(self.counter), str(self.end)],
            stdout=subprocess.PIPE, text=True)
        self.made, self.tried, self.failures, self.surprises = {}, None, 0, []
        self.caller = threading.Thread(target=self.call)
        self.caller.start()

    def call(self):
        index = 0
        while not self.end.exists():
            self.tried = wanted = f"{self.name}-{index}"
            try:
                self.made[wanted] = self.rig.create(wanted, number=self.number)
                if index % 2:
                    self.made[wanted].delete()
                index += 1
            except grpc.RpcError as error:
                self.failures += 1
                if error.code() not in LATER:
                    self.surprises.append(error)
                time.sleep(1)
            time.sleep(0.1)

    def blocks(self):
        return int(self.counter.read_text()) if self.counter.exists() else 0

    def wait_for(self, blocks, seconds):
        deadline = time.monotonic() + seconds
        while self.blocks() < blocks:
            assert time.monotonic() < deadline, f"{self.name}: {self.blocks()} of {blocks} blocks"
            time.sleep(0.1)

    def check(self):
        """Ends it: nothing is lost and nothing is there that should not be."""
        self.end.touch()
        written = self.writer.communicate(timeout=180)[0].strip()
        self.caller.join(timeout=180)
        assert not self.caller.is_alive() and not self.surprises, self.surprises
        place = export(self.number)
        assert hashlib.sha256((place / self.name / "log").read_bytes()).hexdigest() == written
        kept = {wanted for wanted in self.made if int(wanted.rsplit("-", 1)[1]) % 2 == 0}
        # Of the last one the time may have been over before it was tried once more.
        self.made[self.tried] = patiently(self.rig.create, self.tried, number=self.number)
        there = {path.name for path in place.iterdir() if path.name.startswith(f"{self.name}-")}
        assert there == kept | {self.tried}
        wait_until_normal(self.volume, self.pod)
        for wanted in there:
            patiently(self.made[wanted].delete)
        for step in (self.volume.unpublish, self.volume.unstage, self.volume.delete):
            patiently(step)


@contextlib.contextmanager
def away(number, how):
    """A server that is gone, and back at the end whatever happens: this kernel cannot even power off while one is gone."""
    leave, come = {"unplugged": ("unplug_server", "plug_server"), "stopped": ("stop_server", "run_server")}[how]
    server(leave, number)
    try:
        yield
    finally:
        server(come, number)


def test_servers_away_under_load(rig, name, outage):
    """One loses its power line, the other is stopped and started anew."""
    loads = [Load(rig, f"{name}-1", 1), Load(rig, f"{name}-2", 2)]
    for load in loads:
        load.wait_for(5, 120)
    with away(1, "stopped"), away(2, "unplugged"):
        time.sleep(1)
        before = [load.blocks() for load in loads]
        deadline = time.monotonic() + outage
        for load in loads:
            start = time.monotonic()
            assert load.volume.stats(load.pod).volume_condition.abnormal
            assert time.monotonic() - start < 40
        probes = []
        while time.monotonic() < deadline:
            probes.append(rig.probe())
            time.sleep(0.5)
        # All of this has one processor, for which a probe waits, too; for the servers none does.
        assert sorted(probes)[len(probes) // 2] < SERVER_TIMEOUT, probes
        for load, count in zip(loads, before):
            assert load.blocks() <= count + 1 and load.failures > 0
    start = time.monotonic()
    for load, count in zip(loads, before):
        load.wait_for(count + 5, 120)
        print(f"{load.name} goes on {time.monotonic() - start:.1f} s after its server is back")
    for load in loads:
        load.check()
    assert mounts(rig.scratch) == []


def test_export_made_anew(rig, name):
    volume = patiently(rig.create, name, number=2)
    patiently(volume.stage)
    pod = patiently(volume.publish)
    (pod / "file").write_text("x")
    server("make_export_anew", 2, "export")
    (export(2) / name).mkdir()
    (export(2) / name / "file").write_text("y")
    deadline = time.monotonic() + 60
    while not (condition := volume.stats(pod).volume_condition).abnormal and time.monotonic() < deadline:
        time.sleep(0.5)
    assert condition.abnormal and "made anew" in condition.message
    # The next pod: what is staged is stale and is mounted anew, though nobody stages it again.
    other = patiently(volume.publish, "other")
    assert (other / "file").read_text() == "y"
    wait_until_normal(volume, other)
    assert volume.stats(pod).volume_condition.abnormal
    # And the same pod, whose container is started again.
    patiently(volume.stage)
    assert patiently(volume.publish) == pod
    assert (pod / "file").read_text() == "y"
    wait_until_normal(volume, pod)
    for used in ("pod", "other"):
        patiently(volume.unpublish, used)
    patiently(volume.unstage)
    patiently(volume.delete)
    assert mounts(rig.scratch) == []


def life(rig, name):
    """How long a volume's whole life takes."""
    start = time.monotonic()
    volume = patiently(rig.create, name)
    patiently(volume.stage)
    (patiently(volume.publish) / "file").write_text("x")
    for step in (volume.unpublish, volume.unstage, volume.delete):
        patiently(step)
    return time.monotonic() - start


def test_server_gone_for_good(rig, name):
    """Pods of the dead server go away, the driver stays up, and the volumes of the other server never notice."""
    dead = [patiently(rig.create, f"{name}-dead-{index}", number=2) for index in range(20)]
    for volume in dead:
        patiently(volume.stage)
        patiently(volume.publish)
    with away(2, "unplugged"):
        start = time.monotonic()
        stats = dead[0].stats(dead[0].pods / f"{dead[0].place}-pod")
        assert stats.volume_condition.abnormal and time.monotonic() - start < 40
        # The figures are taken every 15 seconds, and asked for at any time.
        deadline, pages = time.monotonic() + 240, []
        while (found := rig.node.metrics("csi_volume_mounts"))[0] != {"normal": 0, "abnormal": 0, "hung": 40}:
            assert time.monotonic() < deadline, found
            pages.append(found[1])
            time.sleep(0.5)
        assert sorted(pages)[len(pages) // 2] < SERVER_TIMEOUT, pages
        assert rig.node.metrics("csi_nfs_stuck_operations")[0] == {"": 0}
        lives = []

        def others():
            for index in range(10):
                lives.append(life(rig, f"{name}-alive-{index}"))

        def leave(volume):
            patiently(volume.unpublish)
            patiently(volume.unstage)

        other = threading.Thread(target=others)
        start = time.monotonic()
        threads = [other] + [threading.Thread(target=leave, args=(volume,)) for volume in dead]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=300)
            assert not thread.is_alive()
        took = time.monotonic() - start
        lives.sort()
        print(f"20 dead volumes away in {took:.1f} s; a life on the other server {lives[5]:.2f} s, at most {lives[-1]:.2f} s")
        # Six calls each: had they waited for the dead server, each would have taken six times its time.
        assert len(lives) == 10 and lives[5] < 4 * SERVER_TIMEOUT, lives
        assert mounts(rig.scratch) == []
        assert min(rig.probe() for _ in range(3)) < SERVER_TIMEOUT
        refused(Code.DEADLINE_EXCEEDED, "does not answer", lambda: dead[0].delete())
        details = rig.controller.client.controller.ControllerGetVolume(
            csi.ControllerGetVolumeRequest(volume_id=dead[0].id), timeout=60)
        assert details.status.volume_condition.abnormal
        # Both end at once, with the server gone.
        start = time.monotonic()
        rig.stop()
        assert time.monotonic() - start < 15
        rig.start()
    for volume in dead:
        patiently(volume.delete)
