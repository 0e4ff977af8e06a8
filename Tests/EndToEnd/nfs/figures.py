"""What calls of the backend cost beside the plain operations that they are made of, alternating in one run.

Prints Markdown. Everything happens in one kernel with one processor: client, server and driver. So ratios count, and times do not.
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

from rig import SERVERS, Rig, export

ROUNDS = 3
# How many calls are counted in a row.
COUNTED = 20
V42 = "vers=4.2"


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


class DriverTime:
    """The time that the calls of a method take in the driver, by its own metric: without this client, which in a kernel with one
    processor takes more than everything else together.
    """

    def __init__(self, rig, method):
        self.rig, self.method, self.start = rig, method, (0, 0)
        self.start = self.spent()

    def spent(self):
        def total(name):
            values, _ = self.rig.controller.metrics(f"csi_plugin_operations_seconds_{name}")
            return sum(value for labels, value in values.items() if self.method in labels)

        return total("sum") - self.start[0], total("count") - self.start[1]

    def rate(self):
        seconds, count = self.spent()
        return count / seconds


def each(values, work, threads=1):
    """How many a second."""
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return len(values) / timed(lambda: list(pool.map(work, values)))


def row(what, ours, unit, plain, plain_what):
    ratio = ours / plain
    print(f"| {what} | {ours:.4g} {unit} | {plain_what}: {plain:.4g} {unit} | {ratio:.2f} |", flush=True)


def operations():
    """What this machine's client has asked of NFS 4 servers until now, by operation."""
    with open("/proc/self/mountstats", encoding="utf-8") as stats:
        # The counters of all mounts together have no names, and the same order.
        of_mount = stats.read().split("per-op statistics\n", 1)[1].split("\n\n", 1)[0].split("\ndevice ", 1)[0]
    names = [line.split(":")[0].strip() for line in of_mount.splitlines() if ":" in line]
    with open("/proc/net/rpc/nfs", encoding="utf-8") as counters:
        counts = next(line.split()[2:] for line in counters if line.startswith("proc4 "))
    return collections.Counter(dict(zip(names, map(int, counts))))


def asked(work, times):
    """What an operation asks of the server, on average over so many in a row, by operation."""
    before = operations()
    work()
    spent = operations() - before
    # They come as time goes by, whoever does what.
    for name in ("RENEW", "SEQUENCE"):
        spent.pop(name, None)
    return {name: count / times for name, count in spent.items()}


def request_row(what, counts):
    parts = ", ".join(f"{name} {count:.3g}" for name, count in sorted(counts.items(), key=lambda item: -item[1]) if count >= 0.01)
    print(f"| {what} | {sum(counts.values()):.4g} | {parts} |", flush=True)


def requests(rig, mount):
    """Figures that do not depend on the machine: how many requests a call sends."""
    names = [f"counted-{index}" for index in range(COUNTED)]
    # What the first call on a share does once.
    rig.create("first").delete()
    print("\n| call | requests to the server | by operation |\n|---|---|---|")
    request_row("mkdir", asked(lambda: [os.mkdir(mount / name) for name in names], COUNTED))
    request_row("rmdir", asked(lambda: [os.rmdir(mount / name) for name in names], COUNTED))
    volumes = []
    request_row("create", asked(lambda: volumes.extend(rig.create(name) for name in names), COUNTED))
    request_row("delete", asked(lambda: [volume.delete() for volume in volumes], COUNTED))
    volume = rig.create("published")
    volume.stage()
    volume.publish()
    pods = [f"pod-{index}" for index in range(COUNTED)]
    request_row("publish of a staged volume", asked(lambda: [volume.publish(pod) for pod in pods], COUNTED))
    request_row("unpublish", asked(lambda: [volume.unpublish(pod) for pod in pods], COUNTED))
    volume.unpublish()
    volume.unstage()
    volume.delete()
    volume = rig.create("tree")
    fill(export() / "tree", 10, 50)
    os.sync()

    def copy():
        subprocess.run(["cp", "-a", mount / "tree", mount / "copy"], check=True)

    request_row("cp -a of 500 files of 1 kB, each", asked(copy, 500))
    made = []
    request_row("clone of the same, each", asked(lambda: made.append(rig.clone("clone", volume.id)), 500))
    made[0].delete()
    volume.delete()
    shutil.rmtree(export() / "copy")


def resident(rig):
    return ["{0:.1f} MiB ({1:.1f}, {2:.1f})".format(*(process.resident(kind) / 1024 for kind in ("VmRSS", "RssAnon", "RssFile")))
            for process in (rig.controller, rig.node)]


def fill(place, folders, files):
    for folder in range(folders):
        (place / str(folder)).mkdir()
        for file in range(files):
            (place / str(folder) / str(file)).write_bytes(b"x" * 1000)


def create_and_delete(rig, mount, count):
    found = collections.defaultdict(list)
    for turn in range(ROUNDS):
        names = [f"volume-{turn}-{index}" for index in range(count)]
        found["mkdir"].append(each(names, lambda name: os.mkdir(mount / f"plain-{name}")))
        found["rmdir"].append(each(names, lambda name: os.rmdir(mount / f"plain-{name}")))
        for threads, suffix in ((1, ""), (8, ", 8 callers")):
            volumes = []
            inside = DriverTime(rig, "CreateVolume")
            found["create" + suffix].append(each(names, lambda name: volumes.append(rig.create(name)), threads))
            if threads == 1:
                found["create, in the driver"].append(inside.rate())
            inside = DriverTime(rig, "DeleteVolume")
            found["delete" + suffix].append(each(volumes, lambda volume: volume.delete(), threads))
            if threads == 1:
                found["delete, in the driver"].append(inside.rate())
    best = {name: max(values) for name, values in found.items()}
    for call, plain in (("create", "mkdir"), ("delete", "rmdir")):
        for suffix in ("", ", in the driver", ", 8 callers"):
            row(call + suffix, best[call + suffix], "/s", best[plain], plain)


def publish(rig):
    volume = rig.create("published")
    staging, staged, bound, mounted = [], [], [], []
    plain = pathlib.Path("/run/plain")
    plain.mkdir(exist_ok=True)
    for _ in range(20):
        staging.append(timed(lambda: (volume.stage(), volume.publish())))
        staged.append(timed(lambda: volume.publish("second")))
        volume.unpublish("second")
        volume.unpublish()
        volume.unstage()
        source = f"{SERVERS[1]}:/export/published"
        mounted.append(timed(lambda: subprocess.run(
            ["mount", "-i", "-t", "nfs", "-o", f"{V42},addr={SERVERS[1]}", source, plain], check=True)))
        bound.append(timed(lambda: subprocess.run(["mount", "--bind", plain, "/mnt"], check=True)))
        subprocess.run(["umount", "/mnt", plain], check=True)
    volume.delete()
    row("publish of a staged volume", 1000 * statistics.median(staged), "ms", 1000 * statistics.median(bound), "mount --bind")
    row("stage and publish", 1000 * statistics.median(staging), "ms",
        1000 * (statistics.median(mounted) + statistics.median(bound)), "mount -t nfs, mount --bind")


def clone_many(rig, mount):
    volume = rig.create("many")
    place = export() / "many"
    fill(place, 100, 100)
    ours, plain = [], []
    for turn in range(2):
        plain.append(timed(lambda: subprocess.run(["cp", "-a", mount / "many", mount / f"copy-{turn}"], check=True)))
        clone = None

        def make():
            nonlocal clone
            clone = rig.clone(f"clone-{turn}", volume.id, timeout=600)

        ours.append(timed(make))
        shutil.rmtree(export() / f"copy-{turn}")
        clone.delete()
    volume.delete()
    row("clone of 10,000 files of 1 kB", min(ours), "s", min(plain), "cp -a")


def clone_large(rig, mount, size):
    volume = rig.create("large")
    block = os.urandom(1 << 20)
    with open(export() / "large" / "file", "wb") as file:
        for _ in range(size):
            file.write(block)
    ours, cloned, copied = [], [], []

    def copy():
        with open(mount / "large" / "file", "rb") as source, open(mount / "copied", "wb") as target:
            while os.copy_file_range(source.fileno(), target.fileno(), 64 << 20):
                pass

    for turn in range(ROUNDS):
        copied.append(timed(copy))
        (mount / "copied").unlink()
        cloned.append(timed(lambda: subprocess.run(
            ["cp", "--reflink=always", mount / "large" / "file", mount / "cloned"], check=True)))
        (mount / "cloned").unlink()
        clone = None

        def make():
            nonlocal clone
            clone = rig.clone(f"large-{turn}", volume.id, timeout=600)

        ours.append(timed(make))
        clone.delete()
    volume.delete()
    row(f"clone of one file of {size} MiB", min(ours), "s", min(copied), "copy_file_range of 4.2")
    row(f"clone of one file of {size} MiB", min(ours), "s", min(cloned), "cp --reflink=always")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--volumes", type=int, default=150, help="how many are created and deleted at a time")
    parser.add_argument("--large", type=int, default=1024, help="the size of the large file, in MiB")
    parser.add_argument("--counts", action="store_true", help="only count requests")
    options = parser.parse_args()
    rig = Rig(pathlib.Path(tempfile.mkdtemp(prefix="nfs-", dir="/run")), "--server-timeout", "6")
    idle = resident(rig)
    mount = pathlib.Path("/run/mounted")
    mount.mkdir()
    subprocess.run(
        ["mount", "-i", "-t", "nfs", "-o", f"{V42},addr={SERVERS[1]}", f"{SERVERS[1]}:/export", mount], check=True)
    requests(rig, mount)
    if options.counts:
        return finish(rig, mount)
    print("\n| what | the driver | beside it | ratio |\n|---|---|---|---|")
    create_and_delete(rig, mount, options.volumes)
    publish(rig)
    clone_many(rig, mount)
    clone_large(rig, mount, options.large)
    print("\n| resident memory (anonymous, of files) | at the start | after all that | 75 s later |\n|---|---|---|---|")
    busy = resident(rig)
    time.sleep(75)
    for process, *values in zip((rig.controller, rig.node), idle, busy, resident(rig)):
        print(f"| {process.program} | {' | '.join(values)} |")
    with open("/proc/loadavg") as file:
        print(f"\nLoad inside: {file.read().strip()}")
    finish(rig, mount)


def finish(rig, mount):
    subprocess.run(["umount", mount], check=True)
    rig.stop()


main()
