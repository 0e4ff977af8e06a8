"""Loads made by h2load, which no gRPC implementation here has a part in."""

import os
import re
import struct
import subprocess

from processes import Failure

METHODS = {
    "probe": "/csi.v1.Identity/Probe",
    "create": "/csi.v1.Controller/CreateVolume",
    "list": "/csi.v1.Controller/ListVolumes",
}


class Shape:
    """How many calls are under way at once: so many connections with so many streams each."""

    def __init__(self, connections, streams):
        self.connections = connections
        self.streams = streams

    def __str__(self):
        return f"{self.connections}x{self.streams}"


ONE = Shape(1, 1)
TEN_STREAMS = Shape(1, 10)
HUNDRED_STREAMS = Shape(1, 100)
TEN_BY_TEN = Shape(10, 10)


class Outcome:
    """What one run of h2load told."""

    def __init__(self, calls, seconds, body_bytes, latencies):
        self.calls = calls
        self.rate = calls / seconds
        self.bytes_per_call = body_bytes / calls
        self.latencies = sorted(latencies)

    def percentile(self, percent):
        """Microseconds."""
        return self.latencies[min(len(self.latencies) - 1, len(self.latencies) * percent // 100)]


def frame(message):
    """A message as gRPC frames it."""
    return b"\0" + struct.pack(">I", len(message)) + message


class Loads:
    """Makes loads from a folder with the bodies of the requests."""

    def __init__(self, directory, create_request):
        self.directory = directory
        self.bodies = {"probe": b"", "list": b"", "create": create_request}
        for name, message in self.bodies.items():
            with open(self.body_path(name), "wb") as file:
                file.write(frame(message))

    def body_path(self, method):
        return os.path.join(self.directory, f"{method}.body")

    def run(self, socket_path, method, shape, calls, limit=300, cpus=None, latencies=True):
        """Makes so many calls; fails when one of them failed or the limit in seconds has passed."""
        log = os.path.join(self.directory, "h2load.log")
        if os.path.exists(log):
            os.unlink(log)
        command = ["h2load", "-n", str(calls), "-c", str(shape.connections), "-m", str(shape.streams)]
        command += ["-t", "1", "-B", f"unix:{socket_path}", "-d", self.body_path(method)]
        command += ["-H", "content-type: application/grpc", "-H", "te: trailers"]
        if latencies:
            command += ["--log-file", log]
        command += [f"http://localhost{METHODS[method]}"]
        if cpus is not None:
            command = ["taskset", "-c", ",".join(map(str, cpus))] + command
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=limit, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            raise Failure(f"{method} {shape}: no end within {limit} s") from None
        return self.outcome(done.stdout + done.stderr, method, shape, calls, log if latencies else None)

    @staticmethod
    def outcome(text, method, shape, calls, log):
        finished = re.search(r"finished in ([0-9.]+)(us|ms|s)", text)
        statuses = re.search(r"status codes: (\d+) 2xx", text)
        traffic = re.search(r"traffic: .*?\((\d+)\) data", text)
        if not (finished and statuses and traffic) or int(statuses[1]) != calls:
            raise Failure(f"{method} {shape}: h2load does not report {calls} answers:\n{text[-800:]}")
        seconds = float(finished[1]) * {"us": 1e-6, "ms": 1e-3, "s": 1.0}[finished[2]]
        latencies = [0]
        if log is not None:
            with open(log) as file:
                latencies = [int(line.split()[2]) for line in file]
        return Outcome(calls, seconds, int(traffic[1]), latencies)
