"""What the backend does while its servers do as they should."""

import concurrent.futures
import os
import pathlib
import subprocess
import threading
import time

import pytest

from rig import Code, Process, SERVERS, csi, digest, export, left, mounts, refused, wait_until_normal

V3 = ("vers=3", "nolock")


def fill(folder):
    """Some of everything that a pod may keep."""
    (folder / "deep" / "deeper").mkdir(parents=True)
    (folder / "large").write_bytes(os.urandom(8 << 20))
    (folder / "deep" / "small").write_text("small")
    os.chmod(folder / "deep" / "small", 0o4751)
    os.chown(folder / "deep" / "small", 1234, 5678)
    os.link(folder / "deep" / "small", folder / "linked")
    os.symlink("/etc/passwd", folder / "symbolic")
    os.mkfifo(folder / "fifo")
    with open(folder / "sparse", "wb") as file:
        file.seek(64 << 20)
        file.write(b"end")


@pytest.mark.parametrize("flags", [("vers=4.2",), V3, ()], ids=["4.2", "3", "negotiated"])
def test_life(rig, name, flags):
    volume = rig.create(name, flags, mountPermissions="0777")
    volume.stage()
    pod = volume.publish()
    fill(pod)
    before = digest(pod)
    reader = volume.publish("reader", readonly=True)
    assert digest(reader) == before
    with pytest.raises(OSError):
        (reader / "x").write_text("x")
    wait_until_normal(volume, pod)
    assert volume.stats(pod).usage[0].total > 0
    snapshot = rig.snapshot(f"snap-{name}", volume.id)
    (pod / "later").write_text("later")
    clone = rig.clone(f"{name}-clone", volume.id, flags=flags)
    restored = rig.restore(f"{name}-restored", snapshot.snapshot_id, flags=flags)
    after = digest(pod)
    for other, expected in ((clone, after), (restored, before)):
        other.stage()
        assert digest(other.publish()) == expected
        place = export() / other.context["subDir"]
        assert (place / "sparse").stat().st_blocks < 1 << 10
        assert (place / "linked").stat().st_ino == (place / "deep" / "small").stat().st_ino
    for used in (volume, clone, restored):
        used.unpublish()
        used.unpublish("reader")
        used.unstage()
        used.delete()
    rig.delete_snapshot(snapshot.snapshot_id)
    assert mounts(rig.scratch) == []
    assert left() == []


def test_takeover(rig):
    """A volume and a snapshot that csi-driver-nfs made."""
    old = export() / "team" / "old"
    old.mkdir(parents=True)
    (old / "file").write_text("kept")
    (export() / "snapshot-1").mkdir()
    subprocess.run(
        ["tar", "-C", str(old), "-czf", str(export() / "snapshot-1" / "pvc-old.tar.gz"), "."], check=True)
    for volume_id in (f"{SERVERS[1]}#export#team/old#pvc-old#", f"{SERVERS[1]}/export/team"):
        found = rig.controller.client.controller.ControllerGetVolume(
            csi.ControllerGetVolumeRequest(volume_id=volume_id), timeout=30)
        assert not found.status.volume_condition.abnormal
    snapshot = f"{SERVERS[1]}#export#snapshot-1#snapshot-1#pvc-old"
    made = rig.restore("pvc-new", snapshot)
    assert (export() / "pvc-new" / "file").read_text() == "kept"
    rig.delete_snapshot(snapshot)
    rig.delete(f"{SERVERS[1]}#export#team/old#pvc-old#")
    assert left() == [".swift-csi/volumes/pvc-new", "pvc-new", "team"], "a parent that was found stays"
    made.delete()


def test_two_nodes(rig, name):
    """Two node plugins, each with a mount of its own, write to one volume."""
    volume = rig.create(name, ("vers=4.2", "nosharecache"), mode="0777")
    second = Process(rig.scratch, "csi-node").start()
    staging = rig.scratch / "second"
    staging.mkdir()
    volume.stage()
    volume.stage(second, staging)
    pods = [volume.publish("one"), volume.publish("two", node=second, staging=staging)]

    def write(index):
        for number in range(50):
            with open(pods[index] / f"file-{index}-{number}", "wb") as file:
                file.write(os.urandom(4096))
                os.fsync(file.fileno())

    threads = [threading.Thread(target=write, args=(index,)) for index in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert digest(pods[0]) == digest(pods[1]) == digest(export() / volume.context["subDir"])
    volume.unpublish("one")
    volume.unpublish("two")
    volume.unstage()
    volume.unstage(staging)
    second.stop()


def test_many_at_once(rig):
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        volumes = list(pool.map(lambda number: rig.create(f"many-{number}"), range(200)))
        assert len({volume.id for volume in volumes}) == 200
        listed = rig.controller.client.controller.ListVolumes(csi.ListVolumesRequest(), timeout=60)
        assert {entry.volume.volume_id for entry in listed.entries} == {volume.id for volume in volumes}
        list(pool.map(lambda volume: volume.delete(), volumes))
    assert left() == []


def test_root_squash(rig, name):
    refused(Code.FAILED_PRECONDITION, "root_squash", lambda: rig.create(name, share="/squashed"))
    (export(1, "squashed") / "open").mkdir()
    os.chmod(export(1, "squashed") / "open", 0o777)
    volume = rig.create(name, share="/squashed/open")
    assert (export(1, "squashed") / "open" / name).stat().st_uid == 65534
    volume.stage()
    (volume.publish() / "file").write_text("x")
    volume.unpublish()
    volume.unstage()
    volume.delete()
    assert not (export(1, "squashed") / "open" / name).exists()


def test_refusals(rig, name):
    refused(Code.FAILED_PRECONDITION, "/nowhere", lambda: rig.create(name, share="/nowhere"))
    refused(Code.UNAVAILABLE, "nothing serves NFS there", lambda: rig.create(name, V3, number=2))
    refused(Code.INVALID_ARGUMENT, "sbuDir", lambda: rig.create(name, sbuDir="x"))
    outside = export() / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    os.symlink("outside", export() / "link")
    refused(Code.FAILED_PRECONDITION, "link", lambda: rig.delete(f"{SERVERS[1]}#export#link##"))
    assert (outside / "precious").exists()


def test_controller_killed_in_a_copy(rig, name):
    volume = rig.create(name)
    source = export() / name
    for number in range(1500):
        (source / f"file-{number}").write_bytes(b"x" * 2048)
    expected = digest(source)
    making = export() / ".swift-csi" / "making"
    clone = export() / f"{name}-clone"
    # One that was done before it could be killed is made again.
    for _ in range(5):
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            attempt = pool.submit(lambda: rig.clone(clone.name, volume.id))
            deadline = time.monotonic() + 60
            while not attempt.done() and not (making.exists() and any(making.iterdir())):
                assert time.monotonic() < deadline, "the copy does not begin"
                time.sleep(0.02)
            rig.controller.kill()
            is_cut = attempt.exception() is not None
        rig.controller.start()
        if is_cut and not clone.exists():
            break
        rig.delete(f"{SERVERS[1]}#export#{clone.name}###vers=4.2")
    else:
        pytest.fail("it was never killed in the middle")
    rig.clone(clone.name, volume.id)
    assert digest(clone) == expected
    rig.delete(volume.id)
    rig.delete(f"{SERVERS[1]}#export#{name}-clone###vers=4.2")
    assert left() == []


def test_node_killed(rig, name):
    volume = rig.create(name)
    volume.stage()
    pod = volume.publish()
    (pod / "file").write_text("kept")
    rig.node.kill()
    assert (pod / "file").read_text() == "kept"
    rig.node.start()
    volume.stage()
    assert volume.publish() == pod
    volume.unpublish()
    volume.unstage()
    assert mounts(rig.scratch) == []
    assert pathlib.Path(export() / name / "file").read_text() == "kept"
