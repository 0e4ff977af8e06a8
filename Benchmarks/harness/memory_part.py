"""Start, resident memory and threads: the bare server, the peers and the two programs."""

import time

from first_answer import milliseconds_to_first_answer
from load import HUNDRED_STREAMS, TEN_BY_TEN
from report import median

STARTS = 11
MEGABYTE = 1 << 20


def figures(environment, server, loads):
    """[start ms, idle MB, threads idle, MB after the loads, threads then]"""
    started = []
    for _ in range(STARTS):
        started.append(milliseconds_to_first_answer(server))
        server.stop()
    with server:
        time.sleep(0.3)
        idle, threads = server.resident_bytes() / MEGABYTE, server.threads()
        for method, shape, calls in loads:
            environment.loads.run(server.socket_path, method, shape, calls, latencies=False)
        time.sleep(0.3)
        return [median(started), idle, threads, server.resident_bytes() / MEGABYTE, server.threads()]


def run(environment, report):
    rows = {}
    loads = [("probe", TEN_BY_TEN, 10_000), ("create", TEN_BY_TEN, 10_000), ("list", TEN_BY_TEN, 500)]
    for server in environment.all_servers():
        rows[server.name] = figures(environment, server, loads)
    for server in environment.programs():
        rows[server.name] = figures(environment, server, [("probe", HUNDRED_STREAMS, 10_000)])
    report.table(
        f"Start (median of {STARTS}), memory and threads",
        ["program", "start to first answer ms", "RSS idle MB", "threads idle", "RSS after loads MB", "threads after"],
        [[name] + values for name, values in rows.items()],
    )
    started, idle, threads, loaded, _ = rows["ours"]
    report.bars(
        "Memory against the bars",
        [
            ("bare server: start to first answer, ms", started, "<=", 10),
            ("bare server: resident idle, MB", idle, "<=", 7),
            ("bare server: resident after the list load, MB", loaded, "<=", 12),
            ("bare server: threads idle", threads, "<=", 1),
        ],
    )
