"""Measures the counts that thresholds.json holds; with --update writes what was measured, else fails when one has grown.

A count may grow by its kind's tolerance. One that has shrunk by more is told, so that the threshold can follow.
"""

import json
import os
import sys

from environment import BENCHMARKS, Environment
from load import ONE
from processes import Failure

THRESHOLDS = os.path.join(BENCHMARKS, "thresholds.json")

# How much more than its threshold a count may be: a share of it, and a bit of absolute room for rounding.
TOLERANCES = {"instructions": (0.03, 0), "allocations": (0, 0.05), "system calls": (0.02, 0.02)}

# Calls, or operations, of the shorter of the two runs that are subtracted.
CALLS = {"probe": 1_000, "create": 500, "list": 20}
OPERATIONS = {"create-decode": 1_000, "create-encode": 2_000, "list-decode": 5, "list-encode": 10}
VALIDATIONS = {"create-validate": 500, "attach-validate": 500, "publish-validate": 500}


def least(measure, method):
    """An answer about as large as a socket's buffer takes more when its reader is late, which no change of ours does each time."""
    return round(min(measure() for _ in range(7 if method == "list" else 1)), 1)


def measure(environment):
    counting, loads = environment.counting, environment.loads
    server = environment.bare_server_command(counting.socket_path)
    counts = {"instructions": {}, "allocations": {}, "system calls": {}}
    for method, calls in CALLS.items():
        counts["instructions"][f"call {method}"] = round(
            counting.instructions_per_call(server, loads, method, ONE, calls)
        )
        counts["allocations"][f"call {method}"] = least(
            lambda: counting.allocations_per_call(server, loads, method, ONE, 10 * calls), method
        )
        counts["system calls"][f"call {method}"] = least(
            lambda: sum(counting.system_calls_per_call(server, loads, method, ONE, 100).values()), method
        )
    for operation, times in (OPERATIONS | VALIDATIONS).items():
        command = [environment.codec, "run", operation]
        counts["instructions"][operation] = round(counting.instructions_per_operation(command, times))
        counts["allocations"][operation] = round(counting.allocations_per_operation(command, times), 1)
    return counts


def compare(measured, thresholds):
    """Prints a line for each count; answers the number of failures."""
    failures = 0
    passed = 0
    for kind, rows in measured.items():
        share, room = TOLERANCES[kind]
        for name in sorted(rows.keys() | thresholds.get(kind, {}).keys()):
            value, threshold = rows.get(name), thresholds.get(kind, {}).get(name)
            if value is None or threshold is None:
                verdict = "FAIL: not measured" if value is None else "FAIL: no threshold"
            elif value > threshold * (1 + share) + room:
                verdict = f"FAIL: grew by {value - threshold:g}"
            elif value < threshold * (1 - share) - room:
                verdict = "ok, shrank: lower the threshold (dev/check-counts --update)"
            else:
                verdict = "ok"
            failures += verdict.startswith("FAIL")
            passed += not verdict.startswith("FAIL")
            print(f"{kind:13} {name:16} {value!s:>10} (threshold {threshold}) {verdict}")
    print(f"counts: {passed} passed, {failures} failed")
    return failures


def main(arguments):
    if arguments not in ([], ["--update"]):
        print("usage: dev/check-counts [--update]", file=sys.stderr)
        return 64
    try:
        with Environment() as environment:
            environment.build()
            measured = measure(environment)
    except Failure as failure:
        print(f"check-counts: {failure}", file=sys.stderr)
        return 1
    if arguments:
        with open(THRESHOLDS, "w") as file:
            json.dump(measured, file, indent=4)
            file.write("\n")
        print(f"wrote {os.path.relpath(THRESHOLDS)}")
        return 0
    with open(THRESHOLDS) as file:
        return 1 if compare(measured, json.load(file)) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
