"""What a node's process and a controller's cost an operator: size, memory, and the time from the start to being registered.

    BIN_DIR=.build-release/build/release PYTHONPATH=.build/interop-stubs .build/interop-venv/bin/python Benchmarks/operators.py

Run it as root in a mount namespace of its own (unshare --mount). The stubs are those of Tests/Interop/run. Arguments name the parts:
size, rest, volumes, start.
"""

import contextlib
import gzip
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import grpc
from csi.v1 import common_pb2, controller_pb2, controller_pb2_grpc, identity_pb2, identity_pb2_grpc
from pluginregistration import registration_pb2, registration_pb2_grpc

BIN = pathlib.Path(os.environ["BIN_DIR"])
ROUNDS = 10
VOLUMES = 1_000
# At rest: threads that were needed for the start have gone.
REST = 30
MIB = 1 << 20


def memory(pid):
    """Resident, proportional and own memory in MB, threads and children."""
    status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    rollup = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return (f"{kilobytes(status['VmRSS']):.1f} MB resident ({kilobytes(rollup['Pss']):.1f} proportional, "
            f"{kilobytes(rollup['Pss_Anon']):.1f} its own), {int(status['Threads'])} threads, {len(children)} children")


def kilobytes(text):
    """The MB of a line that says kB, by which the kernel means 1,024 bytes."""
    return int(text.split()[0]) * 1024 / 1e6


class Program:
    """csi-node or csi-controller in a folder, ended when the `with` block ends."""

    def __init__(self, name, backend, scratch):
        self.scratch = pathlib.Path(scratch)
        self.endpoint = f"unix://{scratch}/csi.sock"
        self.registration = self.scratch / "registry" / f"{backend}.swift-csi.dev-reg.sock"
        for folder in ("pool", "registry"):
            (self.scratch / folder).mkdir(exist_ok=True)
        arguments = ["--backend", backend, "--endpoint", self.endpoint, "--node-id", "node-1",
                     "--http-endpoint", f"unix://{scratch}/http.sock"]
        if backend != "nfs":
            arguments += ["--pool", f"{scratch}/pool", "--overcommit", "1000"]
        if name == "csi-node":
            arguments += ["--kubelet-registration-path", "/var/lib/kubelet/plugins/x/csi.sock", "--kubelet-registry",
                          f"{scratch}/registry"]
            if backend != "nfs":
                arguments += ["--with-controller"]
        self.registered = threading.Event()
        self.started = time.monotonic()
        self.process = subprocess.Popen([BIN / name, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stderr:
            if "registered with the kubelet" in line:
                self.registered.set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.reader.join()

    def milliseconds(self):
        return (time.monotonic() - self.started) * 1000

    def register(self):
        """What a kubelet does that sees the socket appear; answers when the socket and the registration were there, in ms."""
        while not self.registration.exists():
            time.sleep(0.0005)
        served = self.milliseconds()
        with grpc.insecure_channel(f"unix:{self.registration}") as channel:
            stub = registration_pb2_grpc.RegistrationStub(channel)
            stub.GetInfo(registration_pb2.InfoRequest(), timeout=10)
            stub.NotifyRegistrationStatus(registration_pb2.RegistrationStatus(plugin_registered=True), timeout=10)
        self.registered.wait(10)
        return served, self.milliseconds()

    @contextlib.contextmanager
    def channel(self):
        options = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(self.endpoint, options=options) as channel:
            probe = identity_pb2_grpc.IdentityStub(channel).Probe
            end = time.monotonic() + 60
            while time.monotonic() < end:
                with contextlib.suppress(grpc.RpcError):
                    if probe(identity_pb2.ProbeRequest(), timeout=5).ready.value:
                        break
                time.sleep(0.01)
            yield channel


def size():
    for name in ("csi-node", "csi-controller", "csictl"):
        with tempfile.TemporaryDirectory() as scratch:
            stripped = pathlib.Path(scratch) / name
            subprocess.run(["strip", "-o", stripped, BIN / name], check=True)
            content = stripped.read_bytes()
            print(f"{name}: {(BIN / name).stat().st_size / 1e6:.1f} MB built, {len(content) / 1e6:.1f} MB as shipped, "
                  f"{len(gzip.compress(content)) / 1e6:.1f} MB compressed")


def rest():
    for name, backend in [("csi-node", "hostpath"), ("csi-node", "loopback"), ("csi-node", "nfs"),
                          ("csi-controller", "hostpath"), ("csi-controller", "loopback"), ("csi-controller", "nfs")]:
        with tempfile.TemporaryDirectory() as scratch, Program(name, backend, scratch) as program:
            if name == "csi-node":
                program.register()
            time.sleep(REST)
            print(f"{name} --backend {backend}: {memory(program.process.pid)}")


def make(channel):
    stub = controller_pb2_grpc.ControllerStub(channel)
    capability = common_pb2.VolumeCapability(mount=common_pb2.VolumeCapability.MountVolume(), access_mode=common_pb2.VolumeCapability.
                                             AccessMode(mode="SINGLE_NODE_WRITER"))
    for number in range(VOLUMES):
        stub.CreateVolume(controller_pb2.CreateVolumeRequest(
            name=f"pvc-{number:08x}-5a1e-4c0d-9b1e-{number:012x}", volume_capabilities=[capability],
            capacity_range=controller_pb2.CapacityRange(required_bytes=64 * MIB)), timeout=60)


def volumes():
    for backend in ("hostpath", "loopback"):
        # Beside the programs: what is made in memory has no room for a thousand images.
        with tempfile.TemporaryDirectory(dir=os.environ.get("SCRATCH")) as scratch:
            with Program("csi-node", backend, scratch) as program, program.channel() as channel:
                make(channel)
                time.sleep(REST)
                print(f"{backend}, after {VOLUMES:,} creates: {memory(program.process.pid)}")
            for name in ("csi-node", "csi-controller"):
                with Program(name, backend, scratch) as program:
                    with program.channel() as channel:
                        time.sleep(REST)
                        print(f"{name} --backend {backend}, started with {VOLUMES:,} volumes: {memory(program.process.pid)}")
                        stub = controller_pb2_grpc.ControllerStub(channel)
                        found = len(stub.ListVolumes(controller_pb2.ListVolumesRequest(), timeout=60).entries)
                    time.sleep(REST)
                    print(f"{name} --backend {backend}, after a list of {found:,}: {memory(program.process.pid)}")


def start():
    for backend in ("hostpath", "loopback", "nfs"):
        served, took = [], []
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory() as scratch, Program("csi-node", backend, scratch) as program:
                socket, registered = program.register()
                served.append(socket)
                took.append(registered)
        print(f"{backend}: registration socket after {statistics.median(served):.0f} ms, registered after "
              f"{statistics.median(took):.0f} ms (medians of {ROUNDS})")


def main():
    parts = {"size": size, "rest": rest, "volumes": volumes, "start": start}
    for name in sys.argv[1:] or parts:
        parts[name]()


main()
