"""The two binaries as processes, and the folder that they work in."""

import os
import pathlib
import shutil
import signal
import stat
import subprocess
import tempfile
import time

import grpc

import calls

BIN = pathlib.Path(os.environ.get("BIN_DIR", ".build/debug"))
DRIVER_NAME = "hostpath.swift-csi.dev"
NODE_ID = "node-1"
READY_TIMEOUT = 60
STOP_TIMEOUT = 120


class Driver:
    """One binary with its flags; it can be started, killed and started again."""

    def __init__(self, program, scratch, *, pool=None, node_id=NODE_ID, flags=(), backend="hostpath"):
        self.program = program
        self.scratch = scratch
        self.socket = scratch / f"{program}.sock"
        self.log_path = scratch / f"{program}.log"
        self.arguments = [
            str(BIN / program),
            "--backend", backend,
            "--endpoint", f"unix://{self.socket}",
            "--driver-name", f"{backend}.swift-csi.dev",
            "--node-id", node_id,
            "--pool", str(pool or scratch / "pool"),
            "--log-level", "debug",
            *flags,
        ]
        self.process = None

    def spawn(self):
        """Starts the process and does not wait for anything."""
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            self.arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", env=clean_environment())
        log.close()
        return self

    def start(self):
        """Starts the process and waits until it says that it is ready."""
        self.spawn()
        self.wait_until_ready()
        return self

    def wait_until_ready(self):
        deadline = time.monotonic() + READY_TIMEOUT
        while True:
            if self.process.poll() is not None:
                raise AssertionError(f"{self.program} ended with {self.process.returncode}:\n{self.log()}")
            try:
                with self.connect() as client:
                    answer = client.identity.Probe(calls.csi.ProbeRequest(), timeout=2)
                if not answer.HasField("ready") or answer.ready.value:
                    return
            except grpc.RpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                    raise
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.program} was not ready after {READY_TIMEOUT} s:\n{self.log()}")
            time.sleep(0.02)

    def connect(self):
        return calls.Client(self.socket)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """kill -9, and no process left behind."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.program} still ran {STOP_TIMEOUT} s after SIGTERM:\n{self.log()}") from None

    def end(self):
        """For the end of a test, whatever state it left."""
        if self.is_running():
            self.process.send_signal(signal.SIGCONT)
            self.kill()

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""


class Rig:
    """A scratch folder with a pool, and both binaries on it: in memory, so that no test waits for a disk, or on one."""

    def __init__(self, *, on_disk=False, pool_options=None, flags=(), backend="hostpath"):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="csi-", dir="/tmp"))
        if not on_disk:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64t,mode=0700", "rig", str(self.scratch)], check=True)
        self.pool = self.scratch / "pool"
        self.targets = self.scratch / "targets"
        self.pool.mkdir()
        self.targets.mkdir()
        if pool_options is not None:
            subprocess.run(["mount", "-t", "tmpfs", "-o", pool_options, "pool", str(self.pool)], check=True)
        self.controller = Driver("csi-controller", self.scratch, flags=flags, backend=backend)
        self.node = Driver("csi-node", self.scratch, flags=flags, backend=backend)

    def start(self):
        self.controller.spawn()
        self.node.spawn()
        self.controller.wait_until_ready()
        self.node.wait_until_ready()
        return self

    def end(self):
        self.controller.end()
        self.node.end()
        for point in [*sorted(mount_points(self.scratch), reverse=True), *mount_points(self.scratch, itself=True)]:
            subprocess.run(["umount", "-l", point], check=False)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def leftovers(self):
        """Names below the pool that only a call in progress may leave: partial volumes, and what waits in the trash."""
        # os.walk leaves out what has gone meanwhile, where another program is at work.
        return [os.path.join(folder, name) for folder, folders, files in os.walk(self.pool) for name in folders + files
                if name.endswith(".partial") or os.path.basename(folder) == ".trash"]

    def state(self):
        """All that calls leave on this machine: each thing in the pool with its mode and content, and each mount with what it
        shows and its options. Equal for two rigs that went through the same, wherever they are."""
        things = {str(path.relative_to(self.pool)): (
            stat.filemode(path.lstat().st_mode), path.read_bytes() if path.is_file() else None)
            for path in self.pool.rglob("*")}
        targets = {str(path.relative_to(self.targets)) for path in self.targets.rglob("*")}
        shown = sorted((point.replace(str(self.scratch), ""), root.replace(str(self.scratch), ""), options)
                       for point, root, options in table() if point.startswith(f"{self.scratch}/"))
        return things, targets, shown

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def flush(*paths):
    """Writes out the file systems of these paths, and not what the rest of the machine has written."""
    for path in paths:
        subprocess.run(["sync", "-f", str(path)], check=True)


def clean_environment(**extra):
    """The environment without variables that configure the binaries; a test adds its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CSI_", "SWIFT_CSI_"))}
    return {**kept, **extra}


def table():
    """This mount namespace's table: (mount point, what it shows of its file system, mount options) from bottom to top."""
    found = []
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split(" ")
        point = fields[4].encode().decode("unicode_escape").encode("latin-1").decode()
        found.append((point, fields[3], fields[5].split(",")))
    return found


def mount_points(below, *, itself=False):
    return [point for point, _, _ in table() if (point == str(below) if itself else point.startswith(f"{below}/"))]


def mount_options(path):
    """The options of the topmost mount at exactly this path, or None."""
    found = [options for point, _, options in table() if point == str(path)]
    return found[-1] if found else None
