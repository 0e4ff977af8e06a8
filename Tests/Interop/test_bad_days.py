"""What goes wrong on a node on a bad day, and what must come of it: nothing lost, an exit code, and a line that says why."""

import concurrent.futures
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import time

import pytest

import calls
import driver
from calls import Code
from driver import wait_for
from pages import get, listens

OPERATIONS = 64
PUBLISHING = 'csi_plugin_operations_in_flight{method_name="/csi.v1.Node/NodePublishVolume"}'


def publish(client, volume, target):
    """As long as a kubelet waits."""
    client.node.NodePublishVolume(calls.publish_request(volume, target), timeout=120)


def value(text, series):
    """The value of a series on a page; None when it is not there."""
    found = [line.rsplit(" ", 1)[1] for line in text.splitlines() if line.startswith(series + " ")]
    return float(found[0]) if found else None


@contextlib.contextmanager
def frozen_folder(rig):
    """A folder where every call that makes something hangs in the kernel, until it is thawed by what this gives."""
    folder, image = rig.scratch / "frozen", rig.scratch / "frozen.img"
    folder.mkdir()
    with open(image, "wb") as file:
        file.truncate(64 << 20)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(folder)], check=True)
    is_frozen = False

    def thaw():
        nonlocal is_frozen
        if is_frozen:
            subprocess.run(["fsfreeze", "--unfreeze", str(folder)], check=True)
            is_frozen = False

    try:
        subprocess.run(["fsfreeze", "--freeze", str(folder)], check=True)
        is_frozen = True
        yield folder, thaw
    finally:
        thaw()
        for point in sorted(driver.mount_points(folder), reverse=True):
            subprocess.run(["umount", "-l", point], check=False)
        subprocess.run(["umount", str(folder)], check=False)


@pytest.fixture
def operated(own_rig):
    """One process that serves both services, with its pages."""
    node = own_rig.node
    page = own_rig.scratch / "http.sock"
    node.arguments += ["--with-controller", "--http-endpoint", f"unix://{page}"]
    node.start()
    return node, page


# Calls that hang


def test_a_scrape_answers_while_every_operation_hangs(own_rig, operated):
    node, page = operated
    with node.connect() as client, frozen_folder(own_rig) as (folder, thaw), \
            concurrent.futures.ThreadPoolExecutor(OPERATIONS) as pool:
        volumes = [calls.create(client, f"hung-{index}") for index in range(OPERATIONS)]
        running = [pool.submit(publish, client, volume, folder / volume.volume_id) for volume in volumes]
        wait_for(lambda: value(get(page, "/metrics")[1], PUBLISHING) == OPERATIONS)
        # Once all threads are taken.
        status, text = get(page, "/metrics")
        assert status == 200
        assert value(text, PUBLISHING) == OPERATIONS
        assert value(text, "csi_plugin_oldest_operation_seconds") > 0
        assert value(text, "csi_plugin_stuck_operations") == 0
        assert value(text, "csi_plugin_ready") == 1
        assert value(text, 'csi_pool_volumes{pool="default",state="served"}') is not None
        wait_for(lambda: get(page, "/healthz")[0] == 200)
        wait_for(lambda: ready(page))
        thaw()
        for call in running:
            call.result(timeout=60)
        for volume in volumes:
            calls.unpublish(client, volume.volume_id, folder / volume.volume_id)
            calls.delete(client, volume.volume_id)
    assert node.stop() == 0, node.log()


def test_sigterm_during_a_mount_waits_for_it_and_the_mount_stays(own_rig):
    node = own_rig.node
    page = own_rig.scratch / "http.sock"
    node.arguments += ["--with-controller", "--http-endpoint", f"unix://{page}"]
    node.start()
    with node.connect() as client, frozen_folder(own_rig) as (folder, thaw), \
            concurrent.futures.ThreadPoolExecutor(1) as pool:
        volume = calls.create(client, "slow")
        target = folder / "target"
        running = pool.submit(publish, client, volume, target)
        wait_for(lambda: value(get(page, "/metrics")[1], PUBLISHING) == 1)
        assert not running.done()
        node.process.send_signal(signal.SIGTERM)
        time.sleep(1)
        assert node.is_running(), "it did not wait for the call"
        thaw()
        running.result(timeout=60)
        assert node.process.wait(timeout=60) == 0, node.log()
        assert driver.mount_options(target) is not None, "the mount went with the process"
        # The next process finds it.
        node.start()
        with node.connect() as again:
            calls.publish(again, volume, target)
            calls.unpublish(again, volume.volume_id, target)
            calls.delete(again, volume.volume_id)
        assert node.stop() == 0


# Upgrades


def test_an_upgrade_under_running_pods(own_rig):
    node = own_rig.node
    program = own_rig.scratch / "csi-node"
    shutil.copy(driver.BIN / "csi-node", program)
    node.arguments[0] = str(program)
    node.arguments += ["--with-controller"]
    node.start()
    with node.connect() as client:
        volume = calls.create(client, "kept")
        target = own_rig.targets / "pod"
        calls.publish(client, volume, target)
    table = driver.table()
    with open(target / "log", "w") as pod:
        pod.write("before\n")
        pod.flush()
        # As a package manager does it: a new file under the old name, while the old one runs.
        fresh = own_rig.scratch / "csi-node.new"
        shutil.copy(driver.BIN / "csi-node", fresh)
        os.rename(fresh, program)
        assert node.stop() == 0, node.log()
        assert driver.table() == table
        pod.write("between\n")
        pod.flush()
        node.start()
        pod.write("after\n")
    assert driver.table() == table
    assert (target / "log").read_text() == "before\nbetween\nafter\n"
    with node.connect() as client:
        calls.publish(client, volume, target)
        assert driver.table() == table, "a repeated publish mounted again"
        assert calls.code_of(calls.delete, client, volume.volume_id) == Code.FAILED_PRECONDITION
        calls.unpublish(client, volume.volume_id, target)
        calls.delete(client, volume.volume_id)
    assert node.stop() == 0, node.log()


# The machine


def test_a_read_only_root(own_rig):
    node = own_rig.node
    # Only the mount at / changes: the scratch folder, which holds the pool, the sockets and the targets, is one of its own.
    script = 'mount -o remount,bind,ro / && ! touch /probe 2>/dev/null && exec "$@"'
    node.arguments = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", *node.arguments,
                      "--with-controller"]
    node.start()
    with node.connect() as client:
        volume = calls.create(client, "ro")
        target = own_rig.targets / "pod"
        calls.publish(client, volume, target)
        seen = pathlib.Path(f"/proc/{node.process.pid}/mountinfo").read_text()
        assert f" {target} " in seen
        calls.unpublish(client, volume.volume_id, target)
        calls.delete(client, volume.volume_id)
    assert node.stop() == 0, node.log()


def test_no_permission_for_the_socket(own_rig):
    binary = own_rig.controller
    os.chmod(own_rig.scratch, 0o755)
    os.chown(own_rig.pool, 65534, 65534)
    plain = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all"]
    result = subprocess.run([*plain, *binary.arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert result.returncode == 1, result.stderr
    errors = [line for line in result.stderr.splitlines() if line.startswith("csi-controller: error: ")]
    assert len(errors) == 1, result.stderr
    assert str(binary.socket) in errors[0] or str(own_rig.scratch) in errors[0], errors[0]
    assert not binary.socket.exists()


def test_no_capability_for_mounts(own_rig):
    node = own_rig.node
    result = subprocess.run(
        ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", *node.arguments], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=120)
    assert result.returncode == 1, result.stderr
    errors = [line for line in result.stderr.splitlines() if line.startswith("csi-node: error: ")]
    assert len(errors) == 1, result.stderr
    assert "CAP_SYS_ADMIN" in errors[0], errors[0]
    assert not node.socket.exists()


@pytest.mark.parametrize("program", ["controller", "node"])
def test_many_copies_started_at_once(own_rig, program):
    binary = getattr(own_rig, program)
    copies = [subprocess.Popen(binary.arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True) for _ in range(6)]
    try:
        wait_for(lambda: sum(copy.poll() is None for copy in copies) == 1)
        winner = next(copy for copy in copies if copy.poll() is None)
        binary.process = winner
        binary.wait_until_ready()
        for copy in copies:
            if copy is winner:
                continue
            errors = [line for line in copy.stderr.read().splitlines() if " error: " in line and "csi-" in line]
            assert copy.returncode == 1 and errors, (copy.returncode, errors)
            assert any(str(binary.socket) in line or str(own_rig.pool) in line for line in errors), errors
        with binary.connect() as client:
            assert client.identity.Probe(calls.csi.ProbeRequest()).ready.value
        winner.send_signal(signal.SIGTERM)
        assert winner.wait(timeout=120) == 0
        assert not binary.socket.exists()
    finally:
        for copy in copies:
            if copy.poll() is None:
                copy.kill()
            copy.wait()
            copy.stderr.close()


# What can heal


def ready(page):
    return get(page, "/readyz")[0] == 200


def test_a_pool_that_is_mounted_late(own_rig):
    node = own_rig.node
    page = own_rig.scratch / "http.sock"
    node.arguments += ["--with-controller", "--http-endpoint", f"unix://{page}", "--require-pool-mount"]
    node.spawn()
    wait_for(lambda: listens(page))
    wait_for(lambda: get(page, "/healthz")[0] == 200)
    status, _ = get(page, "/readyz")
    assert status == 503
    assert value(get(page, "/metrics")[1], "csi_plugin_ready") == 0
    with node.connect() as client:
        with calls.refused(Code.UNAVAILABLE, naming=[str(own_rig.pool), "is not a mount"]):
            calls.create(client, "early")
    assert list(own_rig.pool.iterdir()) == [], "it touched the directory below"
    assert "mount the disk of the pool there" in node.log()
    subprocess.run(["mount", "-t", "tmpfs", "pool", str(own_rig.pool)], check=True)
    wait_for(lambda: ready(page))
    with node.connect() as client:
        calls.create(client, "late")
    subprocess.run(["umount", "-l", str(own_rig.pool)], check=True)
    assert list(own_rig.pool.iterdir()) == [], "a volume landed below the mount"
    node.stop()


def test_mounts_that_do_not_reach_the_node(own_rig):
    node = own_rig.node
    page = own_rig.scratch / "http.sock"
    kubelet = own_rig.scratch / "kubelet"
    kubelet.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "kubelet", str(kubelet)], check=True)
    node.arguments += ["--http-endpoint", f"unix://{page}", "--kubelet-dir", str(kubelet)]
    node.spawn()
    wait_for(lambda: listens(page))
    wait_for(lambda: get(page, "/healthz")[0] == 200)
    assert not ready(page)
    assert "mountPropagation: Bidirectional" in node.log()
    subprocess.run(["mount", "--make-shared", str(kubelet)], check=True)
    wait_for(lambda: ready(page))
    assert node.stop() == 0, node.log()
