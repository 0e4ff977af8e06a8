"""A bounded million calls with connection churn; memory, threads and descriptors must stay flat.

Each round makes new connections and closes them. After the first rounds, which warm everything up, nothing may grow.
"""

import os
import sys
import time

from environment import Environment
from load import Shape
from processes import Failure, Server

CALLS_PER_ROUND = {"probe": 20_000, "create": 5_000, "list": 100}
WARM_UP_ROUNDS = 5
# Memory that the allocator may keep or give back between rounds; a leak of a byte per call would exceed it.
ROOM_BYTES = 1 << 20


def descriptors(server, later=0):
    time.sleep(later)
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def rested(server, idle):
    """What the server holds once it has noticed that its clients have gone, which is a moment after they have: as many descriptors as
    before any came."""
    for _ in range(1200):
        if descriptors(server) == idle:
            break
        time.sleep(0.05)
    return server.anonymous_bytes(), server.threads(), descriptors(server)


def main(arguments):
    total = int(arguments[0]) if arguments else 1_000_000
    per_round = sum(CALLS_PER_ROUND.values())
    rounds = max(2 * WARM_UP_ROUNDS, -(-total // per_round))
    try:
        with Environment() as environment:
            environment.build()
            if os.environ.get("BUILD_ONLY"):
                return 0
            path = environment.socket("soak")
            with Server("bare-server", environment.bare_server_command(path), path) as server:
                settled = None
                highest = 0
                environment.loads.run(path, "probe", Shape(1, 1), 1, latencies=False)
                idle = min(descriptors(server, later=0.05) for _ in range(40))
                for number in range(rounds):
                    for method, calls in CALLS_PER_ROUND.items():
                        environment.loads.run(path, method, Shape(10, 10), calls, latencies=False)
                    state = rested(server, idle)
                    if number + 1 == WARM_UP_ROUNDS:
                        settled = state
                    if settled is not None:
                        highest = max(highest, state[0])
                        if state[0] > settled[0] + ROOM_BYTES or state[1:] != settled[1:]:
                            raise Failure(f"round {number + 1}: (bytes, threads, descriptors) {settled} became {state}")
                print(
                    f"soak: {rounds * per_round} calls on {rounds * 30} connections: anonymous memory {settled[0] // 1024} KiB, at most "
                    f"{highest // 1024} KiB, {settled[1]} threads, {settled[2]} descriptors"
                )
    except Failure as failure:
        print(f"soak: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
