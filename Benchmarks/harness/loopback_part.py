"""The loopback backend: a volume's life beside the bare system calls, attaching, snapshots, and pools with many volumes."""

import contextlib
import ctypes
import fcntl
import os
import re
import shutil
import struct
import subprocess
import time

from disks import file_system
from driver_part import driver_bench
from hostpath_part import MANY, MEGABYTE, PAGE, SOME, fill, rested, wait_until_ready
from processes import Failure, Server
from report import median

ROUNDS = 5
GIGABYTE = 1 << 30
LIBC = ctypes.CDLL(None, use_errno=True)
LOOP_CTL_GET_FREE, LOOP_CONFIGURE, LOOP_CLR_FD, LO_FLAGS_DIRECT_IO = 0x4C82, 0x4C0A, 0x4C01, 16
MS_BIND, MNT_DETACH = 4096, 2
MOUNTS = (10, 500, 2_000)


def call(done):
    if done != 0:
        raise Failure(os.strerror(ctypes.get_errno()))


def sync(path):
    file = os.open(path, os.O_RDONLY)
    os.fsync(file)
    os.close(file)


def note(folder, name, is_durable):
    """A small file under its final name, with its old content or the new one after a power failure."""
    path = os.path.join(folder, name)
    with open(path + ".new", "wb") as file:
        file.write(bytes(300))
        if is_durable:
            file.flush()
            os.fsync(file.fileno())
    os.rename(path + ".new", path)
    if is_durable:
        sync(folder)


def bare_life(folder, is_durable):
    """Seconds that the life of a 1 GiB XFS volume takes at the least: image, device, mkfs, mount, bind, and back.

    A durable one is there, or not, after a power failure at any moment, and is known to be formatted or not: its record, the name of
    its directory, a note before mkfs and one after it, and its removal are on the disk before the next step.
    """
    staging, target, volume, gone = (
        os.path.join(folder, name) for name in ("bare-staging", "bare-target", "bare-volume", "bare-gone"))
    partial = volume + ".partial"
    started = time.monotonic()
    os.mkdir(partial)
    file = os.open(os.path.join(partial, "image"), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    os.ftruncate(file, GIGABYTE)
    os.fsync(file)
    with open(os.path.join(partial, "record"), "wb") as record:
        record.write(bytes(300))
        if is_durable:
            record.flush()
            os.fsync(record.fileno())
    if is_durable:
        sync(partial)
    os.rename(partial, volume)
    if is_durable:
        sync(folder)
    os.mkdir(staging)
    control = os.open("/dev/loop-control", os.O_RDWR)
    name = f"/dev/loop{fcntl.ioctl(control, LOOP_CTL_GET_FREE)}"
    device = os.open(name, os.O_RDWR)
    configuration = bytearray(304)
    struct.pack_into("II", configuration, 0, file, 4096)
    struct.pack_into("I", configuration, 8 + 52, LO_FLAGS_DIRECT_IO)
    fcntl.ioctl(device, LOOP_CONFIGURE, configuration)
    note(volume, "format", is_durable)
    subprocess.run(["mkfs.xfs", "-q", "-K", name], check=True)
    note(volume, "format", is_durable)
    call(LIBC.mount(name.encode(), staging.encode(), b"xfs", 0, None))
    os.mkdir(target)
    call(LIBC.mount(staging.encode(), target.encode(), None, MS_BIND, None))
    call(LIBC.umount2(target.encode(), 0))
    os.rmdir(target)
    call(LIBC.umount2(staging.encode(), 0))
    fcntl.ioctl(device, LOOP_CLR_FD)
    os.close(device)
    os.rmdir(staging)
    os.close(file)
    os.rename(volume, gone)
    if is_durable:
        sync(folder)
    shutil.rmtree(gone)
    spent = time.monotonic() - started
    os.close(control)
    return spent


@contextlib.contextmanager
def programs(environment, pool):
    with contextlib.ExitStack() as stack:
        servers = []
        for name in ("csi-controller", "csi-node"):
            path = environment.socket(f"loopback-{name}")
            command = [os.path.join(environment.program_folder, name), "--backend", "loopback"]
            command += ["--endpoint", f"unix://{path}", "--node-id", "node-1", "--pool", pool, "--log-level", "warning"]
            servers.append(stack.enter_context(Server(name, command + ["--overcommit", "1000"], path)))
        wait_until_ready(environment, servers[0])
        wait_for_node(environment, servers[1])
        yield servers


def wait_for_node(environment, server):
    """A node has no lists; it says so once it has started, and UNAVAILABLE before."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            return driver_bench(environment, server.socket_path, "list", 1, 1)
        except Failure as failure:
            if "UNAVAILABLE" not in str(failure):
                return None
            time.sleep(0.005)
    raise Failure("csi-node was not ready within 60 s")


def life(environment, report):
    ours, bare, fleeting = [], [], []
    with file_system(environment, "xfs", 8 * GIGABYTE) as place:
        pool, used = os.path.join(place, "pool"), os.path.join(environment.scratch, "used")
        os.makedirs(pool)
        os.makedirs(used, exist_ok=True)
        with programs(environment, pool) as (controller, node):
            for _ in range(ROUNDS):
                fleeting.append(median([bare_life(place, False) for _ in range(5)]) * 1000)
                bare.append(median([bare_life(place, True) for _ in range(5)]) * 1000)
                ours.append(
                    driver_bench(environment, controller.socket_path, node.socket_path, "life", used, 5)[0] / 1000)
    report.table(
        "loopback: the life of a thin 1 GiB XFS volume, in turns", ["what", "median ms"],
        [["create, stage, publish, unpublish, unstage, delete", median(ours)],
         ["bare system calls and mkfs, as durable", median(bare)],
         ["bare system calls and mkfs, only the image synced", median(fleeting)]],
    )
    return median([our / their for our, their in zip(ours, bare)])


@contextlib.contextmanager
def mounts(environment, count):
    """So many mounts more in this namespace, of paths as long as the kubelet's."""
    top = os.path.join(environment.scratch, "mounts")
    source = os.path.join(top, "source")
    os.makedirs(source)
    call(LIBC.mount(b"none", top.encode(), b"tmpfs", 0, None))
    try:
        os.mkdir(source)
        for number in range(count):
            target = f"{top}/pods-{number:08x}-5a1e-4c0d-9b1e-{number:012x}-volumes-kubernetes.io~csi-pvc-mount"
            os.mkdir(target)
            call(LIBC.mount(source.encode(), target.encode(), None, MS_BIND, None))
        yield
    finally:
        LIBC.umount2(top.encode(), MNT_DETACH)
        shutil.rmtree(top)


def node_calls(environment, report):
    """Publish, stats and unpublish on a node with few and with many mounts: system calls, bytes read, and time."""
    rows = []
    with file_system(environment, "xfs", 4 * GIGABYTE) as place:
        pool, used = os.path.join(place, "pool"), os.path.join(environment.scratch, "used-by-calls")
        os.makedirs(pool)
        os.makedirs(used)
        for count in MOUNTS:
            with mounts(environment, count), programs(environment, pool) as (controller, node):
                def calls(times, wrap=contextlib.nullcontext()):
                    with wrap:
                        return driver_bench(
                            environment, controller.socket_path, node.socket_path, "node-calls", used, times)

                medians = calls(31)
                counts = []
                for times in (5, 10):
                    out = os.path.join(environment.scratch, f"calls-{count}-{times}")
                    calls(times, traced(node.process.pid, out))
                    counts.append(summary(out))
                rows.append([count] + [(many - few) / 5 for few, many in zip(*counts)] + medians)
    report.table(
        "loopback: publish, statistics and unpublish by the mounts of the node",
        ["mounts", "system calls of the three", "bytes read", "publish us", "statistics us", "unpublish us"], rows)
    return rows[-1][1] / rows[0][1]


@contextlib.contextmanager
def traced(process, out):
    strace = subprocess.Popen(["strace", "-f", "-o", out, "-p", str(process)], stderr=subprocess.PIPE)
    # It says that it is attached.
    strace.stderr.readline()
    try:
        yield
    finally:
        strace.terminate()
        strace.wait()


def summary(out):
    """[system calls, bytes read]; waiting does not count."""
    with open(out) as file:
        lines = [line for line in file if "resumed>" not in line and not re.search(r" (futex|epoll_\w+|poll)\(", line)]
    read = sum(int(found[1]) for line in lines if (found := re.search(r" read\(.* = (\d+)$", line)))
    return [len(lines), read]


def attaching(environment, report):
    folder = os.path.join(environment.pool, "attach")
    os.makedirs(folder)
    rates = []
    for _ in range(ROUNDS):
        done = subprocess.run(
            [environment.loop_bench, folder, "200"], capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise Failure(done.stdout)
        rates.append([int(word) for word in done.stdout.split()])
    rates = [median([rate[part] for rate in rates]) for part in (0, 1)]
    report.table(
        "loopback: loop devices", ["what", "per second"], [["attach", rates[0]], ["detach", rates[1]]])
    return rates[0]


def fill_image(path):
    """One GiB of data in 64 pieces, spread over 10 GiB."""
    piece = os.urandom(16 * MEGABYTE)
    with open(path, "r+b") as file:
        for number in range(64):
            file.seek(number * 160 * MEGABYTE)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


def copy_with_cp(image, copy):
    """Milliseconds of a copy that keeps the holes and is durable."""
    started = time.monotonic()
    subprocess.run(["cp", "--sparse=always", image, copy], check=True)
    sync(copy)
    spent = (time.monotonic() - started) * 1000
    os.unlink(copy)
    return spent


def snapshots(environment, report):
    rows, figures = [], {}
    for kind in ("xfs", "btrfs", "ext4"):
        is_shared = kind != "ext4"
        # What is copied must not also pay for the first use of the blocks below.
        with file_system(environment, kind, (16 if is_shared else 6) * GIGABYTE, is_written=not is_shared) as place:
            pool = os.path.join(place, "pool")
            os.makedirs(pool)
            with programs(environment, pool) as (controller, _):
                done = subprocess.run(
                    [environment.driver_bench, controller.socket_path, "volume", "source", str(10 * GIGABYTE), "ext4"],
                    capture_output=True, text=True, timeout=60, check=True)
                volume = done.stdout.strip()
                image = os.path.join(pool, "volumes", volume, "image")
                fill_image(image)
                times, ours, ratios = 11 if is_shared else 1, [], []
                for _ in range(3 if is_shared else 7):
                    spent = driver_bench(environment, controller.socket_path, "image-snapshot", volume, times)[0] / 1000
                    ours.append(spent)
                    if not is_shared:
                        ratios.append(copy_with_cp(image, os.path.join(place, "copy")) / spent)
                figures[kind] = median(ours)
                rows.append([f"CreateSnapshot, pool on {kind}", median(ours)])
                if ratios:
                    figures["cp / ours"] = median(ratios)
    report.table("loopback: a 10 GiB image with 1 GiB of data", ["what", "median ms"], rows)
    return figures


def image(folder):
    with open(os.path.join(folder, "image"), "wb") as file:
        file.truncate(GIGABYTE)
    with open(os.path.join(folder, "lock"), "wb"):
        pass
    return (
        "capacity_bytes 1073741824\ncontent image\nprovisioning thin\n",
        "attribute file_system ext4\nattribute fs_freeze true\n",
    )


def many(environment, report):
    rows = {}
    for count in (SOME, MANY):
        pool = os.path.join(environment.pool, f"images-{count}")
        fill(pool, count, image)
        os.sync()
        path = environment.socket("loopback-many")
        command = [os.path.join(environment.program_folder, "csi-controller"), "--backend", "loopback"]
        command += ["--endpoint", f"unix://{path}", "--node-id", "node-1", "--pool", pool, "--log-level", "warning"]
        server = Server("csi-controller", command + ["--overcommit", "1000"], path)
        started = time.monotonic()
        with server:
            wait_until_ready(environment, server)
            start = time.monotonic() - started
            resident = server.resident_bytes() / MEGABYTE
            page = driver_bench(environment, server.socket_path, "list", 51, PAGE)[0] / 1000
            loaded = rested(server)
        shutil.rmtree(pool)
        rows[count] = [start, page, resident, loaded]
    report.table(
        "loopback: a pool with many volumes, on a disk",
        ["volumes", "start s", "list of 1,000 ms", "RSS after start MB", "RSS at rest MB"],
        [[f"{count:,}"] + values for count, values in rows.items()],
    )
    return rows


def run(environment, report):
    os.makedirs(environment.pool, exist_ok=True)
    rows = many(environment, report)
    rate = attaching(environment, report)
    ratio = life(environment, report)
    calls = node_calls(environment, report)
    copies = snapshots(environment, report)
    report.bars(
        "loopback against the bars",
        [
            ("life of a 1 GiB XFS volume / bare system calls and mkfs, as durable", ratio, "<=", 1.1),
            ("publish, statistics, unpublish: system calls with 2,000 mounts / with 10", calls, "<=", 1.05),
            ("attach, per second", rate, ">=", 2000),
            ("snapshot on XFS, ms", copies["xfs"], "<=", 20),
            ("snapshot on Btrfs, ms", copies["btrfs"], "<=", 20),
            ("snapshot on ext4: cp --sparse=always and fsync / ours, in turns", copies["cp / ours"], ">=", 0.9),
            ("100,000 volumes: start, s", rows[MANY][0], "<=", 2),
            ("100,000 volumes: list of 1,000, ms", rows[MANY][1], "<=", 5),
            ("100,000 volumes: resident, MB", rows[MANY][3], "<=", 120),
            ("1,000 volumes: resident, MB", rows[SOME][3], "<=", 15),
        ],
    )
