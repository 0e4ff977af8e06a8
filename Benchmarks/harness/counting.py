"""Counts that do not depend on the machine: instructions, allocations and system calls per call."""

import os
import re
import struct
import subprocess
import time

from load import ONE
from processes import Failure, Server


def difference(measure, times):
    """What one more costs, from a run of so many and a run of twice as many: start and end cancel out."""
    return (measure(2 * times) - measure(times)) / times


class Counting:
    """Counts for a server on a socket in a scratch folder, and for codec programs."""

    def __init__(self, scratch, counter_library):
        self.scratch = scratch
        self.counter_library = counter_library
        self.socket_path = os.path.join(scratch, "counted.sock")

    # Instructions

    def instructions_of_command(self, command):
        out = os.path.join(self.scratch, "callgrind.out")
        # Dictionaries of Swift are seeded anew in each process, and how often keys collide decides what a look-up costs.
        environment = {**os.environ, "SWIFT_DETERMINISTIC_HASHING": "1"}
        done = subprocess.run(
            self.callgrind(out) + command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            raise Failure(f"{' '.join(command)} under callgrind: {done.stderr[-400:]}")
        return self.total(out)

    def instructions_per_operation(self, command, times):
        """`command` takes the number of operations as its last argument."""
        return difference(lambda n: self.instructions_of_command(command + [str(n)]), times)

    def instructions_per_call(self, command, loads, method, shape, calls, keep=None):
        def measure(n):
            out = keep or os.path.join(self.scratch, "callgrind.out")
            with Server("the server under callgrind", self.callgrind(out) + command, self.socket_path):
                loads.run(self.socket_path, method, shape, n, limit=600, latencies=False)
            return self.total(out)

        return difference(measure, calls)

    @staticmethod
    def callgrind(out):
        if os.path.exists(out):
            os.unlink(out)
        return ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}"]

    @staticmethod
    def total(out):
        with open(out) as file:
            found = re.search(r"^(?:totals|summary): (\d+)", file.read(), re.MULTILINE)
        if not found:
            raise Failure(f"{out} has no total")
        return int(found[1])

    # Allocations

    def allocation_environment(self, path):
        return {"LD_PRELOAD": self.counter_library, "COUNT_ALLOCATIONS_FILE": path}

    def allocations_per_operation(self, command, times):
        path = os.path.join(self.scratch, "allocations")

        def measure(n):
            self.clear(path)
            subprocess.run(
                command + [str(n)],
                env={**os.environ, **self.allocation_environment(path)},
                check=True,
                timeout=600,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
            return self.read(path)

        return difference(measure, times)

    def allocations_per_call(self, command, loads, method, shape, calls):
        path = os.path.join(self.scratch, "allocations")
        self.clear(path)
        with Server("the server", command, self.socket_path, self.allocation_environment(path)):

            def measure(n):
                before = self.read(path)
                loads.run(self.socket_path, method, shape, n, latencies=False)
                time.sleep(0.05)
                return self.read(path) - before

            measure(calls)
            return difference(measure, calls)

    @staticmethod
    def clear(path):
        if os.path.exists(path):
            os.unlink(path)

    @staticmethod
    def read(path):
        with open(path, "rb") as file:
            return struct.unpack("Q", file.read(8))[0]

    # System calls

    def system_calls_per_call(self, command, loads, method, shape=ONE, calls=200):
        """By name, those that happen once in fifty calls or more often."""

        def measure(n):
            out = os.path.join(self.scratch, "strace.out")
            self.clear(out)
            # With -D the server is the process that was started, and strace its grandchild, which reports when it ends.
            with Server("the server under strace", ["strace", "-D", "-f", "-c", "-o", out] + command, self.socket_path):
                loads.run(self.socket_path, method, shape, n, latencies=False)
            return self.system_calls(out)

        few, many = measure(calls), measure(2 * calls)
        rates = {name: (many[name] - few.get(name, 0)) / calls for name in many}
        return {name: rate for name, rate in sorted(rates.items()) if rate >= 0.02}

    @staticmethod
    def system_calls(out):
        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                with open(out) as file:
                    text = file.read()
            except FileNotFoundError:
                text = ""
            if re.search(r"\btotal$", text, re.MULTILINE):
                rows = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", text, re.MULTILINE)
                return {name: int(count) for count, name in rows if name != "total"}
            time.sleep(0.05)
        raise Failure("strace did not report")
