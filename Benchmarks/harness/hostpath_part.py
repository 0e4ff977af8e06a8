"""Many volumes in a hostPath pool: start, lists, memory, creates and deletes, and creates beside the bare system calls."""

import os
import shutil
import time
import zlib

from disks import file_system
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


def bare_rate(folder, count, content=None):
    """The least that a durable create does: mkdir, fsync, rename, fsync of the parent; with a small file in each directory that is
    as durable, where there is content for it."""
    os.makedirs(folder, exist_ok=True)
    parent = os.open(folder, os.O_RDONLY)
    started = time.monotonic()
    for number in range(count):
        partial, final = f"{folder}/bare-{number}.partial", f"{folder}/bare-{number}"
        os.mkdir(partial, 0o700)
        if content is not None:
            file = os.open(f"{partial}/record", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(file, content)
            os.fsync(file)
            os.close(file)
        made = os.open(partial, os.O_RDONLY)
        os.fsync(made)
        os.close(made)
        os.rename(partial, final)
        os.fsync(parent)
    rate = count / (time.monotonic() - started)
    os.close(parent)
    for number in range(count):
        shutil.rmtree(f"{folder}/bare-{number}")
    return rate


def beside(environment, report):
    """Creates, and the least that a durable create does, in turns on each file system: the ratios by file system."""
    rows, ratios = [], {}
    for kind in ("ext4", "xfs", "btrfs"):
        with file_system(environment, kind, 1 << 30, is_written=True) as place:
            pool = os.path.join(place, "pool")
            os.makedirs(pool)
            with controller(environment, pool) as server:
                wait_until_ready(environment, server)
                rounds = []
                for turn in range(ROUNDS + 2):
                    bare = bare_rate(os.path.join(place, "bare"), 200)
                    ours = driver_bench(environment, server.socket_path, "create", 200, 1)[0]
                    written = bare_rate(os.path.join(place, "bare"), 200, bytes(200))
                    driver_bench(environment, server.socket_path, "delete", 200, 1)
                    rounds.append([ours, bare, written, ours / bare, ours / written])
        figures = [median([turn[index] for turn in rounds]) for index in range(5)]
        rows.append([kind] + figures)
        ratios[kind] = figures[3]
    report.table(
        "hostPath: one create after the other, in turns, per second",
        ["file system", "CreateVolume, through gRPC", "mkdir, fsync, rename, fsync", "with a durable file of 200 bytes",
         "ratio to the first", "ratio to the second"], rows)
    return ratios


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


def rested(server):
    """Resident MB once what only the start needed has been given up, which is ten seconds after it."""
    time.sleep(12)
    return server.resident_bytes() / MEGABYTE


def figures(environment, count):
    """[start s, list ms, resident MB at the start and at rest, creates/s, deletes/s, bare creates/s] with so many volumes."""
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
        loaded = rested(server)
    # What the file system makes of a directory with so many names is not the driver's doing.
    bare = median([bare_rate(os.path.join(pool, "volumes"), 200) for _ in range(ROUNDS)])
    shutil.rmtree(pool)
    return [start, page, resident, loaded, median([made for made, _ in rates]), median([gone for _, gone in rates]), bare]


def run(environment, report):
    os.makedirs(environment.pool, exist_ok=True)
    rows = {count: figures(environment, count) for count in (FEW, SOME, MANY)}
    report.table(
        "hostPath: a pool with many volumes, on a disk",
        ["volumes", "start s", "list of 1,000 ms", "RSS after start MB", "RSS at rest MB", "creates/s", "deletes/s",
         "mkdir, fsync, rename, fsync/s"],
        [[f"{count:,}"] + values for count, values in rows.items()],
    )
    ratios = beside(environment, report)
    many, some, few = rows[MANY], rows[SOME], rows[FEW]
    report.bars(
        "hostPath against the bars",
        [
            ("100,000 volumes: start, s", many[0], "<=", 2),
            ("100,000 volumes: list of 1,000, ms", many[1], "<=", 5),
            ("100,000 volumes: resident, MB", many[3], "<=", 120),
            ("1,000 volumes: resident, MB", some[3], "<=", 12),
            ("creates: 100,000 volumes / 10 volumes", many[4] / few[4], ">=", 0.8),
            ("the same, each by what bare calls do there", many[4] / many[6] / (few[4] / few[6]), ">=", 0.8),
            ("deletes: 100,000 volumes / 10 volumes", many[5] / few[5], ">=", 0.8),
        ]
        + [(f"creates / bare system calls, on {kind}", ratio, ">=", 0.7) for kind, ratio in ratios.items()],
    )
