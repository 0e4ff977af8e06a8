"""The two binaries on the NFS backend, the servers they use, and short ways to call them."""

import hashlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import grpc

import calls
from schema import csi

BIN = pathlib.Path(os.environ["BIN_DIR"])
EXPORTS = pathlib.Path("/run/nfs-exports")
SERVERS = {1: "10.9.1.2", 2: "10.9.2.2"}
Code = grpc.StatusCode

# What callers repeat.
LATER = {Code.DEADLINE_EXCEEDED, Code.ABORTED, Code.UNAVAILABLE}


def patiently(call, *arguments, **named):
    """Makes a call, and repeats it while it fails for now, as the sidecars and the kubelet do."""
    deadline = time.monotonic() + 240
    while True:
        try:
            return call(*arguments, **named)
        except grpc.RpcError as error:
            if error.code() not in LATER or time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def server(action, *arguments):
    """Runs a function of servers.sh."""
    subprocess.run(
        ["bash", "-c", f'. Tests/EndToEnd/nfs/servers.sh; {action} "$@"', "bash", *map(str, arguments)], check=True,
        timeout=300)


def export(number=1, name="export"):
    """Where the server itself has an export."""
    return EXPORTS / f"server{number}" / name


class Process:
    def __init__(self, scratch, program, *flags):
        self.scratch, self.program, self.flags = scratch, program, flags
        self.socket = scratch / f"{program}-{len(list(scratch.iterdir()))}.sock"
        self.http = self.socket.with_suffix(".http.sock")
        self.process = None
        self.client = None

    def start(self):
        with open(self.scratch / f"{self.program}.log", "ab") as log:
            self.process = subprocess.Popen(
                [str(BIN / self.program), "--backend", "nfs", "--endpoint", f"unix://{self.socket}", "--node-id", "node-1",
                 "--http-endpoint", f"unix://{self.http}", "--log-level", "debug",
                 *self.flags],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while True:
            self.client = calls.Client(self.socket)
            try:
                if self.client.identity.Probe(csi.ProbeRequest(), timeout=2).ready.value:
                    return self
            except grpc.RpcError:
                self.client.close()
            assert self.process.poll() is None and time.monotonic() < deadline, self.log()
            time.sleep(0.05)

    def log(self):
        return (self.scratch / f"{self.program}.log").read_text()

    def metrics(self, name):
        """The values of a metric by the values of its labels, and how long they took to read."""
        start = time.monotonic()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            connection.connect(str(self.http))
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
            text = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        found = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", text, re.MULTILINE)
        values = {",".join(re.findall(r'"([^"]*)"', labels)): float(value) for labels, value in found}
        return values, time.monotonic() - start

    def kill(self):
        self.client.close()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.client.close()
        self.process.terminate()
        self.process.wait(timeout=120)

    def resident(self, kind="VmRSS"):
        """In KiB."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.split(f"{kind}:")[1].split()[0])


def capability(*flags, group=""):
    made = csi.VolumeCapability()
    made.mount.mount_flags.extend(flags)
    made.mount.volume_mount_group = group
    made.access_mode.mode = csi.VolumeCapability.AccessMode.MULTI_NODE_MULTI_WRITER
    return made


class Volume:
    """A volume as its callers use it."""

    def __init__(self, rig, made, cap):
        self.rig, self.id, self.context, self.capability = rig, made.volume_id, dict(made.volume_context), cap
        place = hashlib.sha256(self.id.encode()).hexdigest()[:12]
        self.staging = rig.scratch / "staging" / place
        self.staging.mkdir(parents=True, exist_ok=True)
        self.pods = rig.scratch / "pods"
        self.pods.mkdir(exist_ok=True)
        self.place = place

    def stage(self, node=None, staging=None):
        (node or self.rig.node).client.node.NodeStageVolume(csi.NodeStageVolumeRequest(
            volume_id=self.id, staging_target_path=str(staging or self.staging), volume_capability=self.capability,
            volume_context=self.context), timeout=120)

    def publish(self, pod="pod", readonly=False, node=None, staging=None):
        target = self.pods / f"{self.place}-{pod}"
        (node or self.rig.node).client.node.NodePublishVolume(csi.NodePublishVolumeRequest(
            volume_id=self.id, staging_target_path=str(staging or self.staging), target_path=str(target),
            volume_capability=self.capability, readonly=readonly, volume_context=self.context), timeout=120)
        return target

    def unpublish(self, pod="pod"):
        self.rig.node.client.node.NodeUnpublishVolume(csi.NodeUnpublishVolumeRequest(
            volume_id=self.id, target_path=str(self.pods / f"{self.place}-{pod}")), timeout=120)

    def unstage(self, staging=None):
        self.rig.node.client.node.NodeUnstageVolume(csi.NodeUnstageVolumeRequest(
            volume_id=self.id, staging_target_path=str(staging or self.staging)), timeout=120)

    def stats(self, path):
        return self.rig.node.client.node.NodeGetVolumeStats(
            csi.NodeGetVolumeStatsRequest(volume_id=self.id, volume_path=str(path)), timeout=60)

    def delete(self):
        self.rig.delete(self.id)


class Rig:
    def __init__(self, scratch, *flags):
        self.scratch = scratch
        self.controller = Process(scratch, "csi-controller", *flags).start()
        self.node = Process(scratch, "csi-node", *flags).start()

    def create(self, name, flags=("vers=4.2",), number=1, share="/export", source=None, timeout=120, **parameters):
        cap = capability(*flags)
        made = self.controller.client.controller.CreateVolume(csi.CreateVolumeRequest(
            name=name, volume_capabilities=[cap], volume_content_source=source,
            parameters={"server": SERVERS[number], "share": share, **parameters}), timeout=timeout)
        return Volume(self, made.volume, cap)

    def clone(self, name, volume_id, **options):
        source = csi.VolumeContentSource(volume=csi.VolumeContentSource.VolumeSource(volume_id=volume_id))
        return self.create(name, source=source, **options)

    def restore(self, name, snapshot_id, **options):
        source = csi.VolumeContentSource(snapshot=csi.VolumeContentSource.SnapshotSource(snapshot_id=snapshot_id))
        return self.create(name, source=source, **options)

    def snapshot(self, name, volume_id):
        deadline = time.monotonic() + 120
        while True:
            made = self.controller.client.controller.CreateSnapshot(
                csi.CreateSnapshotRequest(name=name, source_volume_id=volume_id), timeout=120).snapshot
            if made.ready_to_use:
                return made
            assert time.monotonic() < deadline
            time.sleep(0.2)

    def delete(self, volume_id, timeout=120):
        self.controller.client.controller.DeleteVolume(csi.DeleteVolumeRequest(volume_id=volume_id), timeout=timeout)

    def delete_snapshot(self, snapshot_id):
        self.controller.client.controller.DeleteSnapshot(
            csi.DeleteSnapshotRequest(snapshot_id=snapshot_id), timeout=120)

    def probe(self):
        """How long both take to say that they are well."""
        start = time.monotonic()
        for process in (self.controller, self.node):
            process.client.identity.Probe(csi.ProbeRequest(), timeout=120)
        return time.monotonic() - start

    def start(self):
        """Again, after stop."""
        self.controller.start()
        self.node.start()

    def stop(self):
        self.controller.stop()
        self.node.stop()


def digest(folder):
    """The hash of everything in a folder: names, modes, owners, contents."""
    state = hashlib.sha256()
    for root, folders, files in sorted(os.walk(folder)):
        folders.sort()
        for name in sorted(folders + files):
            path = pathlib.Path(root, name)
            status = path.lstat()
            state.update(f"{path.relative_to(folder)} {status.st_mode:o} {status.st_uid} {status.st_gid}\n".encode())
            if path.is_symlink():
                state.update(os.readlink(path).encode())
            elif path.is_file():
                with open(path, "rb") as file:
                    while block := file.read(1 << 20):
                        state.update(block)
    return state.hexdigest()


def left(number=1, name="export"):
    """What lies in an export beside the driver's own, and what the driver has left in its own."""
    place = export(number, name)
    own = place / ".swift-csi"
    rest = [f".swift-csi/{folder}/{path.name}" for folder in ("volumes", "parents", "making", "trash", "snapshots")
            if (own / folder).exists() for path in (own / folder).iterdir()]
    return sorted([path.name for path in place.iterdir() if path.name != ".swift-csi"] + rest)


def mounts(below):
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        return [line.split(" ")[4] for line in table if line.split(" ")[4].startswith(str(below))]


def wait_until_normal(volume, path):
    """One look at a server has four seconds, in which a machine that is short of processors may not answer."""
    deadline = time.monotonic() + 60
    while (condition := volume.stats(path).volume_condition).abnormal:
        assert time.monotonic() < deadline, condition.message
        time.sleep(0.5)


def refused(code, words, call):
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() == code, error
        assert words in error.details(), error.details()
        return
    raise AssertionError(f"{code} was expected")
