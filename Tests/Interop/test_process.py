"""The binaries as processes: their socket, their signals, their flags, their logs."""

import json
import pathlib
import stat
import subprocess
import sys
import time

import pytest

import calls
import driver
from calls import Code, csi

USAGE = 64
PROGRAMS = ["csi-controller", "csi-node"]


@pytest.fixture(params=["controller", "node"])
def binary(request, own_rig):
    return getattr(own_rig, request.param)


def answers(binary):
    with binary.connect() as client:
        return client.identity.Probe(csi.ProbeRequest(), timeout=30).ready.value


def run(program, *arguments, **environment):
    """Runs a binary that is expected to end by itself."""
    return subprocess.run(
        [driver.BIN / program, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=60, env=driver.clean_environment(**environment))


def second_instance(binary):
    """Another process with the same flags, run until it ends."""
    return subprocess.run(binary.arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          env=driver.clean_environment())


# The socket


def test_sigterm_ends_it_and_removes_the_socket(binary):
    binary.start()
    with binary.connect() as client:
        client.identity.Probe(csi.ProbeRequest())
        started = time.monotonic()
        assert binary.stop() == 0, binary.log()
        assert time.monotonic() - started < 15, "an idle client held it up"
    assert not binary.socket.exists()


def test_sigterm_before_any_client(binary):
    binary.start()
    assert binary.stop() == 0, binary.log()
    assert not binary.socket.exists()


def test_a_stale_socket_is_replaced(binary):
    binary.start()
    binary.kill()
    assert binary.socket.exists()
    binary.start()
    assert answers(binary)


LISTEN_AND_LEAVE = """
import os, socket, sys, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
if os.fork() == 0:
    os.closerange(0, 3)
    end = time.monotonic() + float(sys.argv[2])
    # Or as long as the socket is there, which the test's end takes away.
    while time.monotonic() < end and os.path.exists(sys.argv[1]):
        time.sleep(0.05)
"""


@pytest.mark.parametrize("seconds, is_served", [(0.2, True), (600, False)])
def test_a_socket_that_a_child_of_the_dead_still_holds_is_waited_for(binary, seconds, is_served):
    subprocess.run([sys.executable, "-c", LISTEN_AND_LEAVE, str(binary.socket), str(seconds)], check=True, timeout=120)
    if is_served:
        binary.start()
        assert answers(binary)
    else:
        second = second_instance(binary)
        assert second.returncode == 1
        assert f"{binary.socket} is served by another process" in second.stderr


def test_a_live_socket_is_not_taken(binary):
    binary.start()
    inode = binary.socket.stat().st_ino
    # With a pool of its own, so that the socket is all that they quarrel about.
    other = binary.scratch / "other-pool"
    other.mkdir()
    binary.arguments[binary.arguments.index("--pool") + 1] = str(other)
    second = second_instance(binary)
    assert second.returncode != 0
    assert str(binary.socket) in second.stderr, second.stderr
    assert str(binary.process.pid) in second.stderr, "it does not say who has the socket"
    assert binary.socket.stat().st_ino == inode
    assert answers(binary)
    assert binary.stop() == 0


def test_a_file_at_the_endpoint_is_not_replaced(binary):
    binary.socket.write_text("keep")
    second = second_instance(binary)
    assert second.returncode != 0
    assert str(binary.socket) in second.stderr
    assert binary.socket.read_text() == "keep"


def test_the_socket_of_a_successor_is_not_removed(binary):
    binary.start()
    binary.socket.unlink()
    binary.socket.write_text("the successor's")
    assert binary.stop() == 0
    assert binary.socket.read_text() == "the successor's"


def test_others_may_not_connect(binary):
    binary.start()
    mode = stat.S_IMODE(binary.socket.stat().st_mode)
    assert mode & 0o007 == 0, oct(mode)


def test_nothing_lies_beside_the_socket(own_rig):
    folder = own_rig.scratch / "plugins"
    folder.mkdir()
    binary = own_rig.controller
    binary.socket = folder / "csi.sock"
    binary.arguments[binary.arguments.index("--endpoint") + 1] = f"unix://{binary.socket}"
    binary.start()
    assert [path.name for path in folder.iterdir()] == ["csi.sock"]
    assert binary.stop() == 0
    assert list(folder.iterdir()) == []


def test_a_pool_has_one_controller(own_rig):
    binary = own_rig.controller
    binary.start()
    binary.arguments[binary.arguments.index("--endpoint") + 1] = f"unix://{own_rig.scratch}/second.sock"
    second = second_instance(binary)
    assert second.returncode != 0
    assert str(own_rig.pool) in second.stderr, second.stderr
    assert not (own_rig.scratch / "second.sock").exists()
    assert answers(binary)


# Flags and environment


@pytest.mark.parametrize("program", PROGRAMS)
def test_version(program):
    result = run(program, "--version")
    assert result.returncode == 0
    assert any(character.isdigit() for character in result.stdout)


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_explains_every_flag(program):
    result = run(program, "--help")
    assert result.returncode == 0
    for flag in ("--backend", "--endpoint", "--driver-name", "--node-id", "--pool", "--log-level", "--log-format",
                 "--version"):
        assert flag in result.stdout, flag
    assert "CSI_ENDPOINT" in result.stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_all_mistakes_at_once(program):
    result = run(
        program, "--backend", "floppy", "--endpoint", "tcp://0.0.0.0:1", "--driver-name", "bad name!",
        "--node-id", "n" * 300, "--pool", "relative", "--log-level", "shouting", "--log-format", "xml")
    assert result.returncode == USAGE
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    for flag in ("backend", "endpoint", "driver-name", "node-id", "pool", "log-level", "log-format"):
        assert [line for line in lines if flag in line], f"nothing about {flag} in:\n{result.stderr}"
    assert len(lines) >= 7, "several mistakes in one line"


@pytest.mark.parametrize("program", PROGRAMS)
def test_mistakes_in_the_environment(program, tmp_path):
    result = run(program, "--backend", "hostpath", "--node-id", "node-1", "--pool", tmp_path, CSI_ENDPOINT="tcp://x")
    assert result.returncode == USAGE
    assert "endpoint" in result.stderr.lower()


@pytest.mark.parametrize("program", PROGRAMS)
def test_unknown_flags(program):
    result = run(program, "--no-such-flag")
    assert result.returncode == USAGE
    assert "no-such-flag" in result.stderr


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("missing", ["--endpoint", "--pool", "--node-id"])
def test_missing_flags(program, missing, tmp_path):
    flags = {"--backend": "hostpath", "--endpoint": f"unix://{tmp_path}/x.sock", "--pool": str(tmp_path),
             "--node-id": "node-1"}
    del flags[missing]
    result = run(program, *[word for pair in flags.items() for word in pair])
    assert result.returncode == USAGE
    assert missing.strip("-") in result.stderr


def test_the_endpoint_from_the_environment(own_rig):
    binary = own_rig.controller
    at = binary.arguments.index("--endpoint")
    del binary.arguments[at:at + 2]
    process = subprocess.Popen(
        binary.arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=driver.clean_environment(CSI_ENDPOINT=f"unix://{binary.socket}"))
    binary.process = process
    binary.wait_until_ready()
    assert answers(binary)


@pytest.mark.parametrize("endpoint", [
    "unix:///tmp/no-suffix", "unix://relative.sock", "tcp://127.0.0.1:10000", "unix:///tmp/" + "x" * 100 + ".sock", "",
])
def test_endpoints_that_are_refused(endpoint, tmp_path):
    result = run("csi-controller", "--backend", "hostpath", "--endpoint", endpoint, "--node-id", "n", "--pool", tmp_path)
    if endpoint == "unix:///tmp/no-suffix":
        pathlib.Path("/tmp/no-suffix").unlink(missing_ok=True)
    assert result.returncode == USAGE
    assert "endpoint" in result.stderr


# The pool


def start_with_pool(own_rig, pool):
    binary = own_rig.controller
    binary.arguments[binary.arguments.index("--pool") + 1] = str(pool)
    return second_instance(binary)


@pytest.mark.parametrize("kind", ["absent", "file", "read-only"])
def test_pools_that_cannot_be_used(own_rig, kind):
    pool = own_rig.scratch / "other"
    if kind == "file":
        pool.write_text("not a folder")
    if kind == "read-only":
        pool.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "pool", pool], check=True)
    result = start_with_pool(own_rig, pool)
    assert result.returncode not in (0, -4, -5, -6, -11)
    assert str(pool) in result.stderr, result.stderr
    assert not own_rig.controller.socket.exists()


# Logs


def test_json_logs_are_json(own_rig):
    binary = own_rig.controller
    binary.arguments += ["--log-format", "json"]
    binary.start()
    with binary.connect() as client:
        volume = calls.create(client, "logged")
        assert calls.code_of(calls.create, client, "") == Code.INVALID_ARGUMENT
    assert binary.stop() == 0
    lines = [json.loads(line) for line in binary.log().splitlines()]
    text = binary.log()
    assert lines and volume.volume_id in text
    created = [line for line in lines if "CreateVolume" in json.dumps(line)]
    assert len(created) >= 2, "one line for each call"


def test_one_line_for_each_call(own_rig):
    binary = own_rig.controller
    binary.start()
    with binary.connect() as client:
        volume = calls.create(client, "logged")
        calls.delete(client, volume.volume_id)
    assert binary.stop() == 0
    assert len([line for line in binary.log().splitlines() if "DeleteVolume" in line]) >= 1


# Memory


def test_memory_stays_flat(binary):
    binary.start()

    def resident():
        for line in pathlib.Path(f"/proc/{binary.process.pid}/status").read_text().splitlines():
            # Not the pages of its program, which come and go with what others need.
            if line.startswith("RssAnon"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no RssAnon")

    with binary.connect() as client:
        for _ in range(500):
            client.identity.Probe(csi.ProbeRequest())
        before = resident()
        for _ in range(5000):
            client.identity.Probe(csi.ProbeRequest())
        after = resident()
    assert after < 100 << 20
    assert after - before < 10 << 20


