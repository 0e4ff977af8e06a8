"""File systems of any kind, each on an image of its own."""

import contextlib
import os
import subprocess

ZEROS = bytes(1 << 20)


@contextlib.contextmanager
def file_system(environment, kind, size, is_written=False):
    """A file system of its own kind, on an image that takes its room when it is used, or has it all from the start."""
    image, place = os.path.join(environment.pool, f"{kind}.image"), os.path.join(environment.scratch, kind)
    with open(image, "wb") as file:
        file.truncate(size)
        for _ in range(0, size if is_written else 0, len(ZEROS)):
            file.write(ZEROS)
        os.fsync(file.fileno())
    options = {"xfs": ["-q", "-m", "reflink=1"], "btrfs": ["-q"], "ext4": ["-q"]}[kind]
    subprocess.run([f"mkfs.{kind}", *options, image], check=True, stdout=subprocess.DEVNULL)
    os.makedirs(place, exist_ok=True)
    subprocess.run(["mount", "-o", "loop,nodiscard", image, place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=False)
        os.unlink(image)
