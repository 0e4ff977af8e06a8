"""The two binaries with the hostPath backend, on pools with file systems of their own that enforce quotas."""

import fcntl
import os
import struct
import subprocess

import driver

MIB = 1 << 20
POOL_SIZE = 512 * MIB
MAKING = {"ext4": ["-q", "-O", "project,quota"], "xfs": ["-q"], "btrfs": ["-q"]}
# The commit of Btrfs, every 30 s otherwise, wakes the thread that cleans removed subvolumes up, which the tests wait for.
MOUNTING = {"ext4": ["prjquota"], "xfs": ["prjquota"], "btrfs": ["commit=1"]}
# BTRFS_IOC_QUOTA_CTL with BTRFS_QUOTA_CTL_ENABLE_SIMPLE_QUOTA, which the tools can only since their release 6.7.
QUOTA_CTL, ENABLE_SIMPLE = 0xC0109428, 4


def quota_types():
    """The file systems whose quotas this kernel has: those of projects only a kernel of its own, see dev/uml."""
    return ["ext4", "xfs", "btrfs"] if os.environ.get("CSI_TEST_KERNEL") else ["btrfs", *simple_types()]


def simple_types():
    """Btrfs with simple quotas, which Linux has since 6.7."""
    major, minor = os.uname().release.split(".")[:2]
    return ["btrfs-simple"] if (int(major), int(minor.split("-")[0])) >= (6, 7) else []


def enable_simple_quotas(path):
    folder = os.open(path, os.O_RDONLY)
    try:
        fcntl.ioctl(folder, QUOTA_CTL, struct.pack("QQ", ENABLE_SIMPLE, 0))
    finally:
        os.close(folder)


class QuotaRig(driver.Rig):
    """Two pools, `fast` and one without a name, on one real file system that enforces quotas."""

    def __init__(self, kind, *, flags=()):
        super().__init__(flags=flags)
        is_simple = kind == "btrfs-simple"
        self.kind = kind = "btrfs" if is_simple else kind
        self.disk = self.scratch / "disk"
        self.disk.mkdir()
        backing = self.scratch / "pool.img"
        with open(backing, "wb") as file:
            file.truncate(POOL_SIZE)
        subprocess.run([f"mkfs.{kind}", *MAKING[kind], str(backing)], check=True)
        subprocess.run(
            ["mount", "-o", ",".join(["loop", *MOUNTING[kind]]), str(backing), str(self.disk)], check=True)
        if is_simple:
            enable_simple_quotas(self.disk)
        elif kind == "btrfs":
            subprocess.run(["btrfs", "quota", "enable", str(self.disk)], check=True)
        self.pool = self.disk / "pool"
        self.fast = self.disk / "fast"
        self.pool.mkdir()
        self.fast.mkdir()
        for program in (self.controller, self.node):
            place = program.arguments.index("--pool") + 1
            program.arguments[place] = f"fast={self.fast}"
            program.arguments += ["--pool", str(self.pool), "--require-quota"]

    def limits(self):
        """How many trees are limited on the file system, as its own tools see it."""
        if self.kind == "btrfs":
            # Newer kernels keep the group of a removed subvolume until its last block is free.
            subprocess.run(["btrfs", "subvolume", "sync", str(self.disk)], check=True, capture_output=True, timeout=300)
            listed = subprocess.run(
                ["btrfs", "qgroup", "show", "-r", "--raw", str(self.disk)], check=True, capture_output=True, text=True)
            return sum(line.split()[3].isdigit() for line in listed.stdout.splitlines() if line.startswith("0/"))
        # Project, blocks, soft limit, hard limit.
        listed = subprocess.run(
            ["xfs_quota", "-f", "-x", "-c", "report -p -n -b", str(self.disk)], capture_output=True, text=True,
            check=True)
        rows = [line.split() for line in listed.stdout.splitlines() if line.startswith("#")]
        return sum(int(row[3]) > 0 for row in rows)

    def end(self):
        self.controller.end()
        self.node.end()
        for point in sorted(driver.mount_points(self.scratch), reverse=True):
            if point != str(self.disk):
                subprocess.run(["umount", "-l", point], check=False)
        subprocess.run(["umount", str(self.disk)], check=False)
        super().end()


def write_as_pod(path, count):
    """Writes as a pod does that may not do everything (ext4 lets root go over its limits); whether there was room."""
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "dd", "if=/dev/zero", f"of={path}", "bs=1M",
         f"count={count // MIB}", "conv=fsync"], capture_output=True, text=True)
    if done.returncode != 0:
        assert "No space left" in done.stderr or "quota exceeded" in done.stderr, done.stderr
    return done.returncode == 0
