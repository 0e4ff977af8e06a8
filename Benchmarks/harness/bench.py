"""Builds ours and the peers, measures them side by side and compares with the bars: bench.py [PART ...] [--out FILE]."""

import argparse
import contextlib
import datetime
import os
import signal
import sys

import codec_part
import driver_part
import hostpath_part
import loopback_part
import memory_part
import transport_part
import trees_part
from environment import BENCHMARKS, CPP_PEERS, RELEASE, ROOT, SWIFT_PEERS, Environment, run, swift_build
from processes import Failure, Server
from report import Report

PARTS = {
    "codec": codec_part, "transport": transport_part, "memory": memory_part, "driver": driver_part,
    "hostpath": hostpath_part, "loopback": loopback_part, "trees": trees_part,
}


class BenchEnvironment(Environment):
    """The scratch folder with the peers and the two programs as well."""

    def __init__(self, parts, peers):
        super().__init__()
        self.parts = parts
        self.peers = peers
        self.cpus = os.sched_getaffinity(0)

    def build(self):
        if not set(self.parts) <= {"hostpath", "loopback"}:
            super().build()
        self.cpp_server = self.cpp_codec = self.cpp_check = None
        self.grpc_swift_server = self.swift_protobuf_codec = None
        if self.peers and not set(self.parts) <= {"driver", "hostpath", "loopback", "trees"}:
            run(["make", "-C", CPP_PEERS, f"-j{len(self.cpus)}"])
            self.cpp_server, self.cpp_codec, self.cpp_check = (
                os.path.join(CPP_PEERS, "build", name) for name in ("cpp-server", "cpp-codec", "cpp-check")
            )
            folder = swift_build(SWIFT_PEERS, ["grpc-swift-server", "swift-protobuf-codec"])
            self.grpc_swift_server = os.path.join(folder, "grpc-swift-server")
            self.swift_protobuf_codec = self.without_debug_information(os.path.join(folder, "swift-protobuf-codec"))
        if {"memory", "driver", "hostpath", "loopback", "trees"} & set(self.parts):
            programs = ["csi-controller"] if self.parts == ["hostpath"] else ["csi-controller", "csi-node"]
            folder = swift_build(ROOT, programs, RELEASE)
            self.program_folder = folder
            benches = ["driver-bench", "loop-bench"] if "loopback" in self.parts else ["driver-bench"]
            bench_folder = swift_build(BENCHMARKS, benches, RELEASE)
            self.driver_bench = os.path.join(bench_folder, "driver-bench")
            self.loop_bench = os.path.join(bench_folder, "loop-bench")
            # The pool is on the disk of the build folder; a scratch folder is often memory only.
            self.pool = os.path.join(folder, f"pool-{os.getpid()}")

    def all_servers(self):
        servers = [Server("ours", self.bare_server_command(self.socket("ours")), self.socket("ours"))]
        if self.cpp_server:
            path = self.socket("cpp")
            servers.append(Server("C++ gRPC", [self.cpp_server, path, self.messages], path))
        if self.grpc_swift_server:
            path = self.socket("swift")
            servers.append(Server("grpc-swift-2", [self.grpc_swift_server, path, self.messages], path))
        return servers

    @contextlib.contextmanager
    def servers(self):
        with contextlib.ExitStack() as stack:
            yield [stack.enter_context(server) for server in self.all_servers()]

    def check(self, server):
        """One real client, not ours: statuses and answers are right. h2load looks at neither."""
        if self.cpp_check:
            run([self.cpp_check, server.socket_path, self.messages])

    def programs(self):
        os.makedirs(self.pool, exist_ok=True)
        found = []
        for name in ("csi-controller", "csi-node"):
            path = self.socket(name)
            command = [os.path.join(self.program_folder, name), "--backend", "hostpath", "--endpoint", f"unix://{path}"]
            command += ["--node-id", "node-1", "--pool", self.pool, "--log-level", "warning"]
            found.append(Server(name, command, path))
        return found

    def __exit__(self, *arguments):
        if getattr(self, "pool", None):
            run(["rm", "-rf", "--one-file-system", self.pool])
        super().__exit__(*arguments)


def take_precedence():
    """Puts what is measured before whatever else this machine does; without the right to, the figures are rougher.

    Linux shares the CPUs out by session first, so this needs a session of its own.
    """
    with contextlib.suppress(OSError):
        os.setsid()
        with open("/proc/self/autogroup", "w") as file:
            file.write("-20")
    with contextlib.suppress(OSError):
        os.nice(-20)


def end_orderly(number, _):
    """Turns a signal into an exception, so that every `with` block cleans up."""
    raise SystemExit(128 + number)


def main(arguments):
    signal.signal(signal.SIGTERM, end_orderly)
    parser = argparse.ArgumentParser(prog="dev/bench", description="Measures ours and the peers side by side.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all when none is named")
    parser.add_argument("--out", help="write the tables to this file as well")
    parser.add_argument("--no-peers", action="store_true", help="measure ours alone")
    options = parser.parse_args(arguments)
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}")
    parts = [part for part in PARTS if part in options.parts] or list(PARTS)
    report = Report()
    report.text(f"## Benchmarks, {datetime.date.today()}")
    report.text()
    failed = False
    with BenchEnvironment(parts, not options.no_peers) as environment:
        try:
            environment.build()
        except Failure as failure:
            print(f"bench: {failure}", file=sys.stderr)
            return 1
        take_precedence()
        report.text(f"{len(environment.cpus)} CPUs, load average {os.getloadavg()[0]:.1f} before the run.")
        report.text()
        for part in parts:
            try:
                PARTS[part].run(environment, report)
            except Failure as failure:
                failed = True
                report.text(f"* {part} could not be measured: {failure}")
    report.close()
    if options.out:
        with open(options.out, "w") as file:
            file.write("\n".join(report.lines) + "\n")
    return 1 if failed or report.missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
