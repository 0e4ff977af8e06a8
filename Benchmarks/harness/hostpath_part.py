"""Many volumes in a hostPath pool: start, lists, memory, creates and deletes, and creates beside the bare system calls."""

import os
import shutil
import time
import zlib

from driver_part import driver_bench
from processes import Failure, Server
from report import median

FEW, SOME, MANY = 10, 1_000, 100_000
PAGE = 1_000
MEGABYTE = 1 << 20
ROUNDS = 5


def record(name, facts="capacity_bytes 1048576\n", attributes=""):
    """The record of a volume as the driver writes it; the lines after its name and those at its end depend on the backend."""
    text = (
        f"swift-csi volume 1\nid {name}\nname {name}\n{facts}"
        f"request name {name}\nrequest volume_capabilities SINGLE_NODE_WRITER mount\n{attributes}"
    ).encode()
    return text + f"crc32 {zlib.crc32(text):08x}\n".encode()


def fill(pool, count, put):
    """Puts volumes into a pool that the driver has never seen, without syncing each: `put(folder)` makes what a volume's folder
    has besides its record, and answers what `record` needs besides the name."""
    volumes = os.path.join(pool, "volumes")
    os.makedirs(volumes, mode=0o700, exist_ok=True)
    for number in range(count):
        name = f"pvc-{number:08x}-5a1e-4c0d-9b1e-{number:012x}"
        folder = os.path.join(volumes, name)
        os.mkdir(folder, 0o700)
        rest = put(folder)
        with open(os.path.join(folder, "volume"), "wb") as file:
            file.write(record(name, *rest))


def directory(folder):
    os.mkdir(os.path.join(folder, "data"), 0o777)
    return ()


def bare_rate(folder, count):
    """The least that a durable create does: mkdir, fsync, rename, fsync of the parent."""
    os.makedirs(folder)
    parent = os.open(folder, os.O_RDONLY)
    started = time.monotonic()
    for number in range(count):
        partial, final = f"{folder}/{number}.partial", f"{folder}/{number}"
        os.mkdir(partial, 0o700)
        made = os.open(partial, os.O_RDONLY)
        os.fsync(made)
        os.close(made)
        os.rename(partial, final)
        os.fsync(parent)
    rate = count / (time.monotonic() - started)
    os.close(parent)
    shutil.rmtree(folder)
    return rate


def controller(environment, pool):
    path = environment.socket("controller")
    command = [os.path.join(environment.program_folder, "csi-controller"), "--backend", "hostpath"]
    command += ["--endpoint", f"unix://{path}", "--node-id", "node-1", "--pool", pool, "--log-level", "warning"]
    # Many volumes promise more than this disk has.
    return Server("csi-controller", command + ["--overcommit", "1000"], path)


def wait_until_ready(environment, server):
    """Until the pool has been read; a program that starts answers calls with UNAVAILABLE."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            return driver_bench(environment, server.socket_path, "list", 1, PAGE)
        except Failure:
            time.sleep(0.005)
    raise Failure("csi-controller was not ready within 60 s")


def figures(environment, count):
    """[start s, list ms, resident MB, creates/s, deletes/s] with so many volumes."""
    pool = os.path.join(environment.pool, str(count))
    fill(pool, count, directory)
    os.sync()
    server = controller(environment, pool)
    started = time.monotonic()
    with server:
        wait_until_ready(environment, server)
        start = time.monotonic() - started
        resident = server.resident_bytes() / MEGABYTE
        page = driver_bench(environment, server.socket_path, "list", 51, PAGE)[0] / 1000
        rates = [
            [driver_bench(environment, server.socket_path, method, 200, 1)[0] for method in ("create", "delete")]
            for _ in range(ROUNDS)
        ]
        loaded = server.resident_bytes() / MEGABYTE
    shutil.rmtree(pool)
    return [start, page, resident, loaded, median([made for made, _ in rates]), median([gone for _, gone in rates])]


def run(environment, report):
    os.makedirs(environment.pool, exist_ok=True)
    rows = {count: figures(environment, count) for count in (FEW, SOME, MANY)}
    report.table(
        "hostPath: a pool with many volumes, on a disk",
        ["volumes", "start s", "list of 1,000 ms", "RSS after start MB", "RSS after calls MB", "creates/s", "deletes/s"],
        [[f"{count:,}"] + values for count, values in rows.items()],
    )
    pool = os.path.join(environment.pool, "beside")
    os.makedirs(pool)
    with controller(environment, pool) as server:
        wait_until_ready(environment, server)
        ours, bare = [], []
        for turn in range(ROUNDS):
            bare.append(bare_rate(os.path.join(environment.pool, f"bare-{turn}"), 200))
            ours.append(driver_bench(environment, server.socket_path, "create", 200, 1)[0])
            driver_bench(environment, server.socket_path, "delete", 200, 1)
    report.table(
        "hostPath: one create after the other, in turns",
        ["what", "per second"],
        [["CreateVolume with its record, through gRPC", median(ours)],
         ["mkdir, fsync, rename, fsync", median(bare)]],
    )
    many, some, few = rows[MANY], rows[SOME], rows[FEW]
    report.bars(
        "hostPath against the bars",
        [
            ("100,000 volumes: start, s", many[0], "<=", 2),
            ("100,000 volumes: list of 1,000, ms", many[1], "<=", 5),
            ("100,000 volumes: resident, MB", many[3], "<=", 120),
            ("1,000 volumes: resident, MB", some[3], "<=", 12),
            ("creates: 100,000 volumes / 10 volumes", many[4] / few[4], ">=", 0.8),
            ("deletes: 100,000 volumes / 10 volumes", many[5] / few[5], ">=", 0.8),
            ("creates / bare system calls", median(ours) / median(bare), ">=", 0.7),
        ],
    )
