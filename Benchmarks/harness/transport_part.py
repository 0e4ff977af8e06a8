"""Requests per second, latency and CPU per call: ours and the peers, alternating in one run."""

from collections import defaultdict

from load import HUNDRED_STREAMS, ONE, TEN_BY_TEN
from processes import Failure
from report import median

ROUNDS = 5
SECONDS = 0.7

WORKLOADS = [
    ("probe", ONE),
    ("probe", HUNDRED_STREAMS),
    ("probe", TEN_BY_TEN),
    ("create", ONE),
    ("create", HUNDRED_STREAMS),
    ("create", TEN_BY_TEN),
    ("list", ONE),
    ("list", HUNDRED_STREAMS),
    ("list", TEN_BY_TEN),
]

# The first guess of the calls per second, to size the warm-up.
GUESS = {"probe": 2_000, "create": 1_000, "list": 100}

# The data of an answer: the frame's five bytes and the message.
ANSWER_BYTES = {"probe": 9, "create": 616, "list": 203_005}


class Sample:
    def __init__(self, outcome, timed, cpu_nanoseconds):
        self.rate = outcome.rate
        self.p50 = timed.percentile(50)
        self.p99 = timed.percentile(99)
        self.cpu_microseconds = cpu_nanoseconds / outcome.calls / 1000


def label(method, shape):
    # One call at a time is a toss-up of where the scheduler puts the two processes, so both get one core.
    return f"{method} {shape}" + (" pinned" if shape is ONE else "")


def one_load(environment, server, method, shape, calls):
    cpus = {0} if shape is ONE else None
    if cpus:
        server.pin(cpus)
    try:
        before = server.cpu_nanoseconds()
        outcome = environment.loads.run(server.socket_path, method, shape, calls, limit=30, cpus=cpus, latencies=False)
        spent = server.cpu_nanoseconds() - before
        # h2load writes its log line by line, a system call for each call: as much as a third of its time against a fast server.
        # So the calls of a log are not those of a rate.
        some = max(shape_calls(shape), calls // 3)
        timed = environment.loads.run(server.socket_path, method, shape, some, limit=30, cpus=cpus)
    finally:
        if cpus:
            server.pin(environment.cpus)
    if round(outcome.bytes_per_call) != ANSWER_BYTES[method]:
        raise Failure(f"{server.name} {method}: {outcome.bytes_per_call} bytes per answer, not {ANSWER_BYTES[method]}")
    return Sample(outcome, timed, spent)


def collect(environment, servers):
    """Samples by (server, label), None where a load failed; every round visits every server for every workload."""
    samples = defaultdict(list)
    for method, shape in WORKLOADS:
        calls = {}
        for server in servers:
            try:
                warm = one_load(environment, server, method, shape, max(shape_calls(shape), GUESS[method] // 4))
                calls[server.name] = max(shape_calls(shape), int(warm.rate * SECONDS))
            except Failure as failure:
                print(f"{server.name}: {failure}", flush=True)
        for _ in range(ROUNDS):
            for server in servers:
                if server.name not in calls:
                    continue
                try:
                    sample = one_load(environment, server, method, shape, calls[server.name])
                    samples[server.name, label(method, shape)].append(sample)
                except Failure as failure:
                    print(f"{server.name}: {failure}", flush=True)
                    # A server that stalled is not waited for again.
                    del calls[server.name]
    return samples


def shape_calls(shape):
    return 2 * shape.connections * shape.streams


def ratio(samples, ours, peer, what, attribute):
    """The median of the ratios of the rounds."""
    pairs = list(zip(samples.get((ours, what), []), samples.get((peer, what), [])))
    if not pairs:
        return None
    return median([getattr(mine, attribute) / max(1e-9, getattr(theirs, attribute)) for mine, theirs in pairs])


def middle(samples, server, what, attribute):
    found = samples.get((server, what), [])
    return median([getattr(sample, attribute) for sample in found]) if found else None


def run(environment, report):
    with environment.servers() as servers:
        for server in servers:
            environment.check(server)
        samples = collect(environment, servers)
        names = [server.name for server in servers]
    rows = []
    for method, shape in WORKLOADS:
        what = label(method, shape)
        for name in names:
            figures = [middle(samples, name, what, attribute) for attribute in ("rate", "p50", "p99", "cpu_microseconds")]
            rows.append([what, name] + figures)
    report.table(
        f"Calls, medians of {ROUNDS} alternated rounds",
        ["load", "server", "calls/s", "p50 us", "p99 us", "CPU us per call"],
        rows,
    )
    compared = [label("probe", HUNDRED_STREAMS), label("probe", TEN_BY_TEN), label("create", TEN_BY_TEN), label("list", ONE)]
    bars = []
    if "C++ gRPC" in names:
        for what in compared:
            bar = 4 if what.startswith("list") else 2.5
            bars.append((f"calls/s, ours / C++ gRPC: {what}", ratio(samples, "ours", "C++ gRPC", what, "rate"), ">=", bar))
        for what, bar in ((compared[0], 0.25), (compared[2], 0.3)):
            value = ratio(samples, "ours", "C++ gRPC", what, "cpu_microseconds")
            bars.append((f"CPU per call, ours / C++ gRPC: {what}", value, "<=", bar))
        pinned = label("probe", ONE)
        bars.append((f"p50, ours / C++ gRPC: {pinned}", ratio(samples, "ours", "C++ gRPC", pinned, "p50"), "<=", 0.5))
        bars.append((f"p99, ours / C++ gRPC: {pinned}", ratio(samples, "ours", "C++ gRPC", pinned, "p99"), "<=", 1))
    if "grpc-swift-2" in names:
        for what in compared:
            bars.append((f"calls/s, ours / grpc-swift-2: {what}", ratio(samples, "ours", "grpc-swift-2", what, "rate"), ">=", 8))
    flood = samples.get(("ours", label("create", HUNDRED_STREAMS)), [])
    bars.append(
        (f"p99 / p50, ours: {label('create', HUNDRED_STREAMS)}", median([s.p99 / s.p50 for s in flood]) if flood else None, "<=", 5)
    )
    report.bars("Calls against the bars", bars)
