"""What the backend does when its servers fail."""

import hashlib
import os
import subprocess
import sys
import threading
import time

from rig import Code, csi, export, mounts, refused, server

# How long a server is away; a minute when there is time for that.
OUTAGE = int(os.environ.get("NFS_OUTAGE", "12"))


# Writes and syncs until it is told to stop, counts, and says what the hash of all of it is. A process of its own: one that hangs
# in the kernel can neither fork nor be waited for.
WRITER = """
import hashlib, os, sys
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
print(state.hexdigest())
"""


def test_server_away_under_load(rig, name):
    volume = rig.create(name)
    volume.stage()
    pod = volume.publish()
    counter, stop = rig.scratch / "blocks", rig.scratch / "stop"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(pod / "log"), str(counter), str(stop)], stdout=subprocess.PIPE, text=True)

    def blocks():
        return int(counter.read_text()) if counter.exists() else 0

    while blocks() < 5:
        time.sleep(0.05)
    server("unplug_server", 1)
    try:
        time.sleep(1)
        before = blocks()
        deadline = time.monotonic() + OUTAGE
        while time.monotonic() < deadline:
            assert rig.probe() < 2
            time.sleep(0.5)
        start = time.monotonic()
        assert volume.stats(pod).volume_condition.abnormal
        assert time.monotonic() - start < 15
        refused(Code.DEADLINE_EXCEEDED, "does not answer", lambda: rig.create(f"{name}-late"))
        assert blocks() <= before + 1
    finally:
        server("plug_server", 1)
    deadline = time.monotonic() + 90
    while blocks() <= before + 5 and time.monotonic() < deadline:
        time.sleep(0.2)
    stop.touch()
    written = writer.communicate(timeout=60)[0].strip()
    assert hashlib.sha256((export() / name / "log").read_bytes()).hexdigest() == written
    assert not volume.stats(pod).volume_condition.abnormal
    rig.create(f"{name}-late").delete()
    volume.unpublish()
    volume.unstage()
    volume.delete()


def test_export_made_anew(rig, name):
    volume = rig.create(name)
    volume.stage()
    pod = volume.publish()
    (pod / "file").write_text("x")
    image = f"{export()}.img"
    subprocess.run(["bash", "-c", f"""
        set -e
        . Tests/EndToEnd/nfs/servers.sh
        in_server 1 exportfs -u '*:/export'
        in_server 1 exportfs -f
        for _ in $(seq 50); do umount {export()} && break; sleep 0.2; done
        mkfs.xfs -q -f {image}
        mount -o loop {image} {export()}
        mkdir {export()}/{name}
        echo y >{export()}/{name}/file
        in_server 1 exportfs -o rw,no_root_squash,no_subtree_check,insecure,fsid=11 '*:/export'
    """], check=True, timeout=60)
    deadline = time.monotonic() + 30
    while not volume.stats(pod).volume_condition.abnormal and time.monotonic() < deadline:
        time.sleep(0.5)
    assert volume.stats(pod).volume_condition.abnormal
    volume.stage()
    assert volume.publish() == pod
    assert (pod / "file").read_text() == "y\n"
    assert not volume.stats(pod).volume_condition.abnormal
    volume.unpublish()
    volume.unstage()
    assert mounts(rig.scratch) == []


def test_server_gone_for_good(rig, name):
    """Pods of the dead server go away, the driver stays up, and the volumes of the other server never notice."""
    dead = [rig.create(f"{name}-dead-{index}", number=2) for index in range(20)]
    for volume in dead:
        volume.stage()
        volume.publish()
    server("unplug_server", 2)
    try:
        start = time.monotonic()
        stats = dead[0].stats(dead[0].pods / f"{dead[0].place}-pod")
        assert stats.volume_condition.abnormal and time.monotonic() - start < 15
        slowest = 0

        def others():
            nonlocal slowest
            for index in range(10):
                start = time.monotonic()
                volume = rig.create(f"{name}-alive-{index}")
                volume.stage()
                (volume.publish() / "file").write_text("x")
                volume.unpublish()
                volume.unstage()
                volume.delete()
                slowest = max(slowest, time.monotonic() - start)

        thread = threading.Thread(target=others)
        thread.start()
        start = time.monotonic()
        threads = [threading.Thread(target=lambda volume=volume: (volume.unpublish(), volume.unstage()))
                   for volume in dead]
        for one in threads:
            one.start()
        for one in threads:
            one.join(timeout=120)
            assert not one.is_alive()
        took = time.monotonic() - start
        thread.join(timeout=120)
        assert not thread.is_alive()
        print(f"20 dead volumes away in {took:.1f} s; a life on the other server at most {slowest:.2f} s")
        assert took < 90 and slowest < 10
        assert mounts(rig.scratch) == []
        assert rig.probe() < 2
        refused(Code.DEADLINE_EXCEEDED, "", lambda: rig.delete(dead[0].id, timeout=60))
        details = rig.controller.client.controller.ControllerGetVolume(
            csi.ControllerGetVolumeRequest(volume_id=dead[0].id), timeout=60)
        assert details.status.volume_condition.abnormal
    finally:
        server("plug_server", 2)
