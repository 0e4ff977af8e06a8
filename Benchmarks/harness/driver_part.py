"""What the programs do per second, and how long a publish takes. The caller has made a private mount namespace."""

import os
import subprocess

from load import HUNDRED_STREAMS, ONE
from processes import Failure
from report import median

ROUNDS = 5


def driver_bench(environment, *arguments):
    done = subprocess.run(
        [environment.driver_bench, *map(str, arguments)],
        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        raise Failure(f"driver-bench {' '.join(map(str, arguments))}: {done.stdout}{done.stderr}")
    return [int(word) for word in done.stdout.split()]


def run(environment, report):
    controller, node = environment.programs()
    rows = []
    with controller, node:
        for shape in (ONE, HUNDRED_STREAMS):
            calls = 5_000 * shape.streams if shape is ONE else 50_000
            rates = [environment.loads.run(controller.socket_path, "probe", shape, calls).rate for _ in range(ROUNDS)]
            rows.append([f"Probe, {shape.streams} at a time, h2load", median(rates)])
        for concurrent in (1, 100):
            rate = driver_bench(environment, controller.socket_path, "probe", 20_000, concurrent)[0]
            rows.append([f"Probe, {concurrent} at a time, our client", rate])
        for concurrent in (1, 100):
            made = driver_bench(environment, controller.socket_path, "create", 500, concurrent)[0]
            again = driver_bench(environment, controller.socket_path, "create", 500, concurrent)[0]
            rows.append([f"CreateVolume, new volumes, {concurrent} at a time", made])
            rows.append([f"CreateVolume, retried, {concurrent} at a time", again])
        report.table("csi-controller, hostPath backend on a disk", ["call", "calls/s"], rows)
        targets = os.path.join(environment.scratch, "targets")
        os.makedirs(targets, exist_ok=True)
        publish, unpublish = driver_bench(
            environment, controller.socket_path, node.socket_path, "publish", targets, 500
        )
    report.table(
        "csi-node, hostPath backend, as a client sees it",
        ["call", "median us"],
        [["NodePublishVolume, read-only bind", publish], ["NodeUnpublishVolume", unpublish]],
    )
