"""What one node process costs an operator: memory at rest, and the time from its start to being registered with the kubelet.

    BIN_DIR=.build-release/build/release PYTHONPATH=.build/interop-stubs .build/interop-venv/bin/python Benchmarks/operators.py

Run it as root in a mount namespace of its own (unshare --mount). The stubs are those of Tests/Interop/run.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import grpc
from pluginregistration import registration_pb2, registration_pb2_grpc

BIN = pathlib.Path(os.environ["BIN_DIR"])
ROUNDS = 10


def memory(pid):
    """Resident and proportional memory in MB, threads and children."""
    status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    rollup = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return (int(status["VmRSS"].split()[0]) / 1000, int(rollup["Pss"].split()[0]) / 1000,
            int(rollup["Pss_Anon"].split()[0]) / 1000, int(status["Threads"]), len(children))


def register(path):
    """What a kubelet does that sees the socket appear."""
    with grpc.insecure_channel(f"unix:{path}") as channel:
        stub = registration_pb2_grpc.RegistrationStub(channel)
        stub.GetInfo(registration_pb2.InfoRequest(), timeout=10)
        stub.NotifyRegistrationStatus(registration_pb2.RegistrationStatus(plugin_registered=True), timeout=10)


def run(backend, scratch):
    pool, registry = scratch / "pool", scratch / "registry"
    for folder in (pool, registry):
        folder.mkdir(exist_ok=True)
    socket = registry / f"{backend}.swift-csi.dev-reg.sock"
    arguments = [BIN / "csi-node", "--backend", backend, "--endpoint", f"unix://{scratch}/csi.sock", "--node-id", "node-1",
                 "--pool", pool, "--with-controller", "--http-endpoint", f"unix://{scratch}/http.sock",
                 "--kubelet-registration-path", "/var/lib/kubelet/plugins/x/csi.sock", "--kubelet-registry", registry]
    started = time.monotonic()
    process = subprocess.Popen(list(map(str, arguments)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    registered = threading.Event()

    def read():
        for line in process.stderr:
            if "registered with the kubelet" in line:
                registered.set()

    reader = threading.Thread(target=read)
    reader.start()
    while not socket.exists():
        time.sleep(0.0005)
    served = time.monotonic() - started
    register(socket)
    registered.wait(10)
    took = time.monotonic() - started
    return process, reader, served * 1000, took * 1000


def main():
    for backend in sys.argv[1:] or ["hostpath", "loopback"]:
        served, took = [], []
        for round in range(ROUNDS):
            with tempfile.TemporaryDirectory() as scratch:
                process, reader, socket, registered = run(backend, pathlib.Path(scratch))
                served.append(socket)
                took.append(registered)
                if round == ROUNDS - 1:
                    # At rest: threads that were needed for the start have gone.
                    time.sleep(30)
                    rss, pss, anonymous, threads, children = memory(process.pid)
                process.terminate()
                process.wait()
                reader.join()
        print(f"{backend}: 1 process, {children} children, {threads} threads; {rss:.1f} MB resident ({pss:.1f} MB "
              f"proportional, {anonymous:.1f} MB its own); registration socket after {statistics.median(served):.0f} ms, registered "
              f"after {statistics.median(took):.0f} ms (medians of {ROUNDS})")


main()
