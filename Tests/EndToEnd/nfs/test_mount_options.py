"""Who mounts, the kernel alone or mount.nfs, and the options that servers are secured with."""

import pathlib
import shutil
import subprocess

import grpc
import pytest

from rig import Code, Process, mounts, refused

PROGRAM = pathlib.Path("/usr/sbin/mount.nfs")


@pytest.fixture
def calls(tmp_path):
    """What mount.nfs is called with: in its place is a script that writes that down and calls it."""
    log, real, script = tmp_path / "log", tmp_path / "mount.nfs.real", tmp_path / "mount.nfs"
    log.touch()
    shutil.copy2(PROGRAM, real)
    script.write_text(f'#!/bin/sh\necho "$@" >>{log}\nexec {real} "$@"\n')
    script.chmod(0o755)
    subprocess.run(["mount", "--bind", script, PROGRAM], check=True)

    def taken():
        found = log.read_text().splitlines()
        log.write_text("")
        return found

    yield taken
    subprocess.run(["umount", PROGRAM], check=True)


@pytest.mark.parametrize("use, cases", [
    ("auto", [(("vers=3",), True), (("vers=3", "nolock"), False), (("vers=4.2",), False)]),
    ("always", [(("vers=4.2", "noexec"), True)]),
    ("never", [(("vers=3",), False)]),
], ids=["auto", "always", "never"])
def test_mount_helper(rig, name, calls, use, cases):
    volume = rig.create(name, ("vers=4.2",))
    node = Process(rig.scratch, "csi-node", "--mount-helper", use).start()
    for flags, is_called in cases:
        volume.capability.mount.mount_flags[:] = flags
        volume.stage(node)
        pod = volume.publish(node=node)
        (pod / "file").write_text("x")
        found = calls()
        assert bool(found) == is_called, found
        assert all(f"{volume.staging} -n -o" in call and flag in call for call in found for flag in flags), found
        table = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
        shown = next(line for line in table if str(pod) in line)
        assert flags[0] in shown and ("noexec" in shown) == ("noexec" in flags)
        if is_called and flags == ("vers=3",):
            # What the program is for: locks that the server knows of.
            assert subprocess.run(["pidof", "rpc.statd"], stdout=subprocess.DEVNULL).returncode == 0
        volume.unpublish()
        volume.unstage()
    if use != "auto":
        # This kernel can do neither, and has no keys: the option gets where it belongs, and the answer says what is missing.
        for option in ("sec=krb5", "xprtsec=tls"):
            volume.capability.mount.mount_flags[:] = ["vers=4.2", option]
            with pytest.raises(grpc.RpcError) as failed:
                volume.stage(node)
            assert failed.value.code() == Code.FAILED_PRECONDITION, failed.value
            assert option in failed.value.details(), failed.value.details()
            found = calls()
            assert bool(found) == (use == "always") and all(option in call for call in found), found
    assert mounts(rig.scratch) == []
    node.stop()
    volume.delete()


def test_secured_wrongly(rig, name):
    refused(Code.INVALID_ARGUMENT, "sec=kerberos", lambda: rig.create(name, ("sec=kerberos",)))
    refused(Code.INVALID_ARGUMENT, "xprtsec=ssl", lambda: rig.create(name, ("xprtsec=ssl",)))
    refused(
        Code.INVALID_ARGUMENT, "xprtsec=tls", lambda: rig.create(name, ("vers=3", "proto=udp", "xprtsec=tls")))
