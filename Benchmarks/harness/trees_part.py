"""Snapshots of hostPath volumes with 10,000 files beside cp -a, each durable when it ends, on real file systems."""

import os
import shutil
import subprocess
import time

from driver_part import driver_bench
from hostpath_part import controller, wait_until_ready
from report import median

FILES, FOLDERS = 10_000, 100
ROUNDS = 5
SIZE = 2 << 30


def fill(folder):
    """10,000 files of up to 8 KiB in 100 directories."""
    for number in range(FILES):
        place = os.path.join(folder, f"d{number % FOLDERS}")
        if number < FOLDERS:
            os.mkdir(place)
        with open(os.path.join(place, f"f{number}"), "wb") as file:
            file.write(os.urandom(number % 8192))


def copy_time(source, target, sharing, place):
    started = time.monotonic()
    subprocess.run(["cp", "-a", f"--reflink={sharing}", source, target], check=True)
    subprocess.run(["sync", "-f", place], check=True)
    spent = time.monotonic() - started
    shutil.rmtree(target)
    os.sync()
    return spent


def figures(environment, kind):
    """[snapshot ms, cp -a ms], medians of rounds in turns."""
    place = os.path.join(environment.pool, kind)
    image = f"{place}.img"
    os.makedirs(place)
    with open(image, "wb") as file:
        file.truncate(SIZE)
    subprocess.run([f"mkfs.{kind}", "-q", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, place], check=True)
    try:
        pool = os.path.join(place, "pool")
        os.mkdir(pool)
        ours, theirs = [], []
        with controller(environment, pool) as server:
            wait_until_ready(environment, server)
            driver_bench(environment, server.socket_path, "create", 1, 1)
            data = os.path.join(pool, "volumes", "bench-1-0", "data")
            fill(data)
            os.sync()
            for turn in range(ROUNDS):
                target = os.path.join(place, f"copy-{turn}")
                theirs.append(copy_time(data, target, "auto" if kind == "ext4" else "always", place))
                ours.append(driver_bench(environment, server.socket_path, "snapshot")[0] / 1e6)
                driver_bench(environment, server.socket_path, "delete-snapshot", 1, 1)
                os.sync()
        return [median(ours) * 1000, median(theirs) * 1000]
    finally:
        subprocess.run(["umount", "-l", place], check=False)
        os.remove(image)


def run(environment, report):
    os.makedirs(environment.pool, exist_ok=True)
    rows = {kind: figures(environment, kind) for kind in ("xfs", "ext4", "btrfs")}
    report.table(
        f"hostPath: a snapshot of {FILES:,} files beside cp -a and sync",
        ["pool on", "CreateSnapshot until ready, ms", "cp -a, ms"],
        [[kind] + values for kind, values in rows.items()],
    )
    report.bars(
        "hostPath snapshots against the bars",
        [
            ("XFS: snapshot / cp -a --reflink=always", rows["xfs"][0] / rows["xfs"][1], "<=", 1.2),
            ("ext4: snapshot / cp -a", rows["ext4"][0] / rows["ext4"][1], "<=", 1),
            ("btrfs: snapshot of a subvolume, ms", rows["btrfs"][0], "<=", 10),
        ],
    )
