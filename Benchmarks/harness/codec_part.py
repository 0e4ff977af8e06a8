"""Nanoseconds, instructions and allocations of the codec, and the instructions and allocations of a call."""

import subprocess
from collections import defaultdict

from check_counts import CALLS, OPERATIONS, VALIDATIONS
from load import ONE, TEN_STREAMS
from report import median

ROUNDS = 5
MILLISECONDS = 250

INSTRUCTION_BARS = {"create-decode": 38_000, "create-encode": 10_500, "list-decode": 9_000_000, "list-encode": 2_100_000}
CALL_INSTRUCTION_BARS = {"probe": 20_000, "create": 65_000, "list": 2_700_000}
CALL_ALLOCATION_BARS = {"probe": 16, "create": 62}


def codecs(environment):
    """The command of each codec, without what it is to do."""
    found = {"ours": [environment.codec]}
    if environment.cpp_codec:
        found["C++ protobuf"] = [environment.cpp_codec, environment.messages]
    if environment.swift_protobuf_codec:
        found["swift-protobuf"] = [environment.swift_protobuf_codec, environment.messages]
    return found


def time_of(command, operation):
    done = subprocess.run(
        command + ["time", operation, str(MILLISECONDS)],
        capture_output=True, text=True, check=True, timeout=60, stdin=subprocess.DEVNULL,
    )
    return int(done.stdout)


def run(environment, report):
    times = defaultdict(list)
    commands = codecs(environment)
    for operation in OPERATIONS:
        for _ in range(ROUNDS):
            for name, command in commands.items():
                times[name, operation].append(time_of(command, operation))
    counting = environment.counting
    instructions, allocations = {}, {}
    for name, command in commands.items():
        for operation, n in OPERATIONS.items():
            run_it = command + ["run", operation]
            instructions[name, operation] = counting.instructions_per_operation(run_it, n)
            allocations[name, operation] = counting.allocations_per_operation(run_it, n)
    rows = [
        [operation, name, median(times[name, operation]), instructions[name, operation], allocations[name, operation]]
        for operation in OPERATIONS
        for name in commands
    ]
    report.table(
        f"The codec, medians of {ROUNDS} alternated rounds",
        ["operation", "codec", "CPU ns", "instructions", "allocations"],
        rows,
    )
    bars = []
    for operation in OPERATIONS:
        bars.append((f"instructions: {operation}", instructions["ours", operation], "<=", INSTRUCTION_BARS[operation]))
        if operation.endswith("encode"):
            bars.append((f"allocations: {operation}", round(allocations["ours", operation], 1), "<=", 1))
        limits = {"C++ protobuf": (0.8, 1.0), "swift-protobuf": (0.25, 0.15)}
        for peer in commands:
            if peer != "ours":
                ratio = median([a / b for a, b in zip(times["ours", operation], times[peer, operation])])
                bars.append((f"time, ours / {peer}: {operation}", ratio, "<=", limits[peer][operation.endswith("encode")]))
    report.bars("The codec against the bars", bars)
    run_validations(environment, report)
    run_calls(environment, report)


def run_validations(environment, report):
    """What stands between a decoded message and a driver: every check of the request."""
    counting = environment.counting
    rows = []
    for operation, n in VALIDATIONS.items():
        times = [time_of([environment.codec], operation) for _ in range(ROUNDS)]
        run_it = [environment.codec, "run", operation]
        instructions = counting.instructions_per_operation(run_it, n)
        allocations = counting.allocations_per_operation(run_it, n)
        rows.append([operation, median(times), instructions, allocations])
    report.table(
        f"Validation of a request, medians of {ROUNDS} rounds", ["operation", "CPU ns", "instructions", "allocations"], rows
    )


def run_calls(environment, report):
    """Counts of whole calls."""
    counting, loads = environment.counting, environment.loads
    server = environment.bare_server_command(counting.socket_path)
    rows, bars = [], []
    for method, calls in CALLS.items():
        for shape in (ONE, TEN_STREAMS):
            instructions = counting.instructions_per_call(server, loads, method, shape, calls)
            allocations = counting.allocations_per_call(server, loads, method, shape, 5 * calls)
            system_calls = counting.system_calls_per_call(server, loads, method, shape, 100)
            listed = ", ".join(f"{name} {rate:.2g}" for name, rate in system_calls.items())
            rows.append([f"{method} {shape}", instructions, allocations, f"{sum(system_calls.values()):.2f} ({listed})"])
            if shape is ONE:
                bars.append((f"instructions per call: {method} {shape}", instructions, "<=", CALL_INSTRUCTION_BARS[method]))
                if method in CALL_ALLOCATION_BARS:
                    bar = CALL_ALLOCATION_BARS[method]
                    bars.append((f"allocations per call: {method} {shape}", round(allocations, 1), "<=", bar))
    report.table("What a call costs the bare server", ["load", "instructions", "allocations", "system calls"], rows)
    report.bars("Calls against the bars that do not depend on the machine", bars)
