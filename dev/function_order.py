"""Lists the functions that the programs run: function_order.py BIN TOOLS LIST

BIN is the folder of the programs, TOOLS that of first-calls and of the linker's map of csi-node. Each backend runs from its start to
rest, then with the calls of the conformance suite. First come the functions of the start that all have in common, then those of some
backends, then those of calls. Within these the first call decides.
"""

import collections
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

HEAD = "# The functions that the programs run, those of the start first, for the linker to lay side by side. Made by dev/function-order.\n"
# Longer than the pauses of what a program does on its own.
REST = 20
STARTS = [("csi-node", "hostpath"), ("csi-node", "loopback"), ("csi-node", "nfs"), ("csi-controller", "hostpath"),
          ("csi-controller", "nfs")]
CALLS = [("csi-node", "hostpath"), ("csi-node", "loopback")]
# What the Swift libraries have in one piece cannot be split; one function of it brings all of it along.
PIECE_BYTES = 8192


class Driver:
    """A program whose calls are noted, ended when the `with` block ends."""

    def __init__(self, tools, program, backend, scratch):
        self.scratch = scratch
        self.endpoint = f"unix://{scratch}/csi.sock"
        self.outcome = os.path.join(scratch, "calls")
        for folder in ("pool", "registry"):
            os.mkdir(os.path.join(scratch, folder))
        own = ["--http-endpoint", f"unix://{scratch}/http.sock", "--node-id", "node-1"]
        if backend != "nfs":
            own += ["--pool", f"{scratch}/pool"]
        if os.path.basename(program) == "csi-node":
            own += ["--kubelet-registration-path", "/var/lib/kubelet/plugins/x/csi.sock", "--kubelet-registry", f"{scratch}/registry"]
            if backend != "nfs":
                own += ["--with-controller"]
        symbols = os.path.join(scratch, "symbols")
        with open(symbols, "w") as file:
            file.writelines(f"{address} {name}\n" for address, name in functions_of(program))
        self.log = open(os.path.join(scratch, "log"), "wb")
        self.process = subprocess.Popen(
            [os.path.join(tools, "first-calls"), symbols, self.outcome, program, "--backend", backend, "--endpoint", self.endpoint, *own],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def __enter__(self):
        end = time.monotonic() + 60
        while not os.path.exists(os.path.join(self.scratch, "http.sock")):
            if self.process.poll() is not None or time.monotonic() > end:
                self.fail("did not start")
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(60) != 0:
            self.fail("did not end well")
        self.log.close()

    def fail(self, what):
        with open(self.log.name) as file:
            sys.exit(f"dev/function-order: the driver {what}:\n{file.read()[-2000:]}")

    def scrape(self, path):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(os.path.join(self.scratch, "http.sock"))
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            while client.recv(65536):
                pass

    def functions(self):
        with open(self.outcome) as file:
            return file.read().split()


def functions_of(program):
    lines = subprocess.run(["nm", program], check=True, capture_output=True, text=True).stdout.splitlines()
    return [(fields[0], fields[2]) for fields in map(str.split, lines) if len(fields) == 3 and fields[1] in "tTwW"]


def in_large_pieces(path):
    """The functions of sections that are larger than a piece, by the linker's map."""
    found, large = set(), False
    with open(path) as file:
        for line in file:
            fields = line.split(None, 4)
            if len(fields) < 5 or not re.fullmatch("[0-9a-f]+", fields[2]):
                continue
            name = fields[4].rstrip()
            if section := re.search(r":\(([^()]*)\)$", name):
                large = section[1].startswith(".text") and int(fields[2], 16) > PIECE_BYTES
            elif large:
                found.add(name)
    return found


def conformance(csictl, driver):
    place = driver.scratch
    subprocess.run(
        [csictl, "--endpoint", driver.endpoint, "conformance", "--quiet", "--volume-size", "64Mi", "--repeats", "2",
         "--target-dir", f"{place}/targets", "--staging-dir", f"{place}/staging"],
        stdin=subprocess.DEVNULL, stdout=sys.stderr, timeout=900)


def run(tools, program, backend, work):
    print(f"{os.path.basename(program)} --backend {backend}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as scratch:
        with Driver(tools, program, backend, scratch) as driver:
            work(driver)
        return driver.functions()


def rest(driver):
    for path in ("/healthz", "/metrics"):
        driver.scrape(path)
    time.sleep(REST)


def most_common_first(runs):
    """Functions of several runs: those of all first, each of these in the order of the runs."""
    times = collections.Counter(name for run in runs for name in set(run))
    first = dict.fromkeys(name for run in runs for name in run)
    return sorted(first, key=lambda name: -times[name])


def main():
    binaries, tools, target = sys.argv[1:]
    # The driver of a run is in a folder of its own.
    binaries, tools = os.path.realpath(binaries), os.path.realpath(tools)
    csictl = os.path.join(binaries, "csictl")
    starts = most_common_first([run(tools, os.path.join(binaries, name), backend, rest) for name, backend in STARTS])
    calls = most_common_first([run(tools, os.path.join(binaries, name), backend, lambda driver: conformance(csictl, driver))
                               for name, backend in CALLS])
    large = in_large_pieces(os.path.join(tools, "map"))
    ordered = list(dict.fromkeys(starts + calls))
    ordered.sort(key=lambda name: name in large)
    with open(target, "w") as file:
        file.write(HEAD + "".join(name + "\n" for name in ordered))
    print(f"{len(starts)} functions of the start, {len(ordered) - len(starts)} of calls: {target}")


main()
