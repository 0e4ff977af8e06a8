"""Where the instructions of one call go: callgrind's self cost per function, from a run of n calls and one of twice as many."""

import os
import re
import subprocess
import sys
from collections import defaultdict

from check_counts import CALLS
from environment import Environment
from load import ONE
from processes import Failure, Server

SHOWN = 60


def self_costs(path):
    """Instructions by (object, function) of a callgrind file."""
    objects, functions = {}, {}
    costs = defaultdict(int)
    owner = {}
    current, current_object, is_call = None, "", False

    def name(text, table):
        number, _, text = text.partition(" ")
        if text:
            table[number] = text
        return table.get(number, number)

    with open(path) as file:
        for line in file:
            line = line.rstrip("\n")
            if line.startswith("ob="):
                current_object = name(line[3:], objects)
            elif line.startswith("cob="):
                name(line[4:], objects)
            elif line.startswith("fn="):
                current = name(line[3:], functions)
                owner[current] = os.path.basename(current_object)
            elif line.startswith("cfn="):
                name(line[4:], functions)
            elif line.startswith("calls="):
                is_call = True
            elif re.match(r"[\d+*-]", line):
                # The line after "calls=" is what the callee cost, which is the callee's own business.
                if not is_call:
                    costs[current] += int(line.split()[-1])
                is_call = False
    return {(owner[function], function): cost for function, cost in costs.items()}


def profile(environment, method):
    calls = CALLS[method]
    counting = environment.counting
    runs = []
    for n in (calls, 2 * calls):
        out = os.path.join(environment.scratch, f"profile.{n}")
        command = counting.callgrind(out) + environment.bare_server_command(counting.socket_path)
        with Server("the server under callgrind", command, counting.socket_path):
            environment.loads.run(counting.socket_path, method, ONE, n, limit=120, latencies=False)
        runs.append(self_costs(out))
    few, many = runs
    return {key: (many[key] - few.get(key, 0)) / calls for key in many}


def demangle(names):
    done = subprocess.run(
        ["swift", "demangle", "--simplified"], input="\n".join(names), capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def main(arguments):
    if len(arguments) != 1 or arguments[0] not in CALLS:
        print(f"usage: dev/profile {'|'.join(CALLS)}", file=sys.stderr)
        return 64
    try:
        with Environment() as environment:
            environment.build()
            costs = profile(environment, arguments[0])
    except Failure as failure:
        print(f"profile: {failure}", file=sys.stderr)
        return 1
    objects = defaultdict(float)
    for (owner, _), cost in costs.items():
        objects[owner] += cost
    print(f"{sum(objects.values()):10.0f} instructions for one call of {arguments[0]}")
    for owner, cost in sorted(objects.items(), key=lambda item: -item[1]):
        if cost >= 1:
            print(f"{cost:10.0f} in {owner}")
    print()
    top = sorted(costs.items(), key=lambda item: -item[1])[:SHOWN]
    for ((owner, _), cost), function in zip(top, demangle([function for (_, function), _ in top])):
        print(f"{cost:10.0f} {owner[:16]:16} {function[:150]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
