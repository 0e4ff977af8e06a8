"""Where things are, and how they are built."""

import os
import shutil
import subprocess
import tempfile

from counting import Counting
from load import Loads
from processes import Failure

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCHMARKS = os.path.join(ROOT, "Benchmarks")
CPP_PEERS = os.path.join(BENCHMARKS, "Peers", "Cpp")
SWIFT_PEERS = os.path.join(BENCHMARKS, "Peers", "GRPCSwift")

# How our own programs are built: as they are shipped.
RELEASE = [os.path.join(ROOT, "dev", "release")]


def run(command, cwd=ROOT):
    """Runs a build step, quietly unless it fails."""
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)}:\n{done.stdout[-4000:].decode(errors='replace')}")
    return done.stdout.decode(errors="replace").strip()


def swift_build(package, products, build=("swift", "build", "-c", "release")):
    """Builds products of a package; answers the folder that they are in."""
    command = [*build, "--package-path", package, "--scratch-path", os.path.join(package, ".build-bench")]
    for product in products:
        run(command + ["--product", product])
    return run(command + ["--show-bin-path"]).splitlines()[-1]


class Environment:
    """A scratch folder with the programs' input, gone when the `with` block ends."""

    def __init__(self):
        self.scratch = tempfile.mkdtemp(prefix="swift-csi-bench.")
        self.messages = os.path.join(self.scratch, "messages")
        os.mkdir(self.messages)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.scratch, ignore_errors=True)

    def build(self):
        """Builds our own programs and the counter, and lays out the messages."""
        bin_path = swift_build(BENCHMARKS, ["bare-server", "codec-bench"], RELEASE)
        self.bare_server = self.without_debug_information(os.path.join(bin_path, "bare-server"))
        self.codec = self.without_debug_information(os.path.join(bin_path, "codec-bench"))
        library = os.path.join(self.scratch, "count-allocations.so")
        source = os.path.join(BENCHMARKS, "Counters", "count-allocations.c")
        run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source])
        run([self.codec, "messages", self.messages])
        self.loads = Loads(self.scratch, self.message("create-request.bin"))
        self.counting = Counting(self.scratch, library)

    def without_debug_information(self, program):
        """A copy that keeps its symbols: the debug information of Swift's static library is more than valgrind 3.19 can read."""
        copy = os.path.join(self.scratch, os.path.basename(program))
        run(["objcopy", "--strip-debug", program, copy])
        # What objcopy wrote lies in the page cache in larger pieces than what is read from a disk, and so would more of it be mapped
        # than of a program that was installed.
        with open(copy, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return copy

    def message(self, name):
        with open(os.path.join(self.messages, name), "rb") as file:
            return file.read()

    def socket(self, name):
        return os.path.join(self.scratch, f"{name}.sock")

    def bare_server_command(self, socket_path):
        return [self.bare_server, f"unix://{socket_path}"]
