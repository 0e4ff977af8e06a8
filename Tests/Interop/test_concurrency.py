"""Many calls at once, calls with too little time, and calls that the client gives up."""

import collections
import pathlib
import signal
import time

import grpc
import pytest

import calls
import driver
from calls import GIB, Code, csi

CALLS = 200


def test_concurrent_calls_on_one_connection(rig, controller, names):
    futures = [controller.controller.CreateVolume.future(calls.create_request(next(names), 1 << 20))
               for _ in range(CALLS)]
    ids = [future.result().volume.volume_id for future in futures]
    assert len(set(ids)) == CALLS
    assert set(ids) <= set(calls.list_ids(controller, 50))
    futures = [controller.controller.DeleteVolume.future(csi.DeleteVolumeRequest(volume_id=one)) for one in ids]
    for future in futures:
        future.result()
    assert not set(ids) & set(calls.list_ids(controller))
    assert not rig.leftovers()


def test_concurrent_calls_on_many_connections(rig):
    clients = [rig.controller.connect() for _ in range(20)]
    try:
        futures = [client.identity.Probe.future(csi.ProbeRequest()) for _ in range(CALLS // 20) for client in clients]
        assert all(future.result().ready.value for future in futures)
    finally:
        for client in clients:
            client.close()


def test_identical_concurrent_creates_are_one_volume(rig, controller, names):
    request = calls.create_request(next(names))
    futures = [controller.controller.CreateVolume.future(request) for _ in range(CALLS)]
    ids = {future.result().volume.volume_id for future in futures}
    assert len(ids) == 1
    calls.delete(controller, ids.pop())


def test_conflicting_concurrent_creates_make_one_volume(controller, names):
    name = next(names)
    futures = [controller.controller.CreateVolume.future(
        calls.create_request(name, (index + 1) * GIB, limit=(index + 1) * GIB)) for index in range(20)]
    codes = collections.Counter(future.exception().code() if future.exception() else Code.OK for future in futures)
    assert codes[Code.OK] == 1, codes
    assert set(codes) <= {Code.OK, Code.ALREADY_EXISTS, Code.ABORTED}, codes
    winners = [future.result().volume.volume_id for future in futures if not future.exception()]
    calls.delete(controller, winners[0])


def test_concurrent_publishes_of_one_volume(node, volume, target):
    request = calls.publish_request(volume, target)
    futures = [node.node.NodePublishVolume.future(request) for _ in range(50)]
    codes = {future.exception().code() if future.exception() else Code.OK for future in futures}
    assert codes <= {Code.OK, Code.ABORTED}, codes
    assert Code.OK in codes
    calls.unpublish(node, volume.volume_id, target)


def test_publish_and_unpublish_race(node, volume, target):
    gone = csi.NodeUnpublishVolumeRequest(volume_id=volume.volume_id, target_path=str(target))
    futures = []
    for _ in range(30):
        futures.append(node.node.NodePublishVolume.future(calls.publish_request(volume, target)))
        futures.append(node.node.NodeUnpublishVolume.future(gone))
    codes = {future.exception().code() if future.exception() else Code.OK for future in futures}
    assert codes <= {Code.OK, Code.ABORTED}, codes
    calls.unpublish(node, volume.volume_id, target)


def test_deadlines_that_are_nearly_over_at_once(rig, controller, names):
    used = [next(names) for _ in range(50)]
    for name in used:
        code = calls.code_of(controller.controller.CreateVolume, calls.create_request(name), timeout=0.0005)
        assert code in (Code.OK, Code.DEADLINE_EXCEEDED)
    for name in used:
        calls.delete(controller, calls.create(controller, name).volume_id)
    assert not rig.leftovers()


@pytest.fixture
def frozen(own_rig):
    """A controller that can be stopped and continued, so that calls run out of time in its hands."""
    own_rig.controller.start()
    with own_rig.controller.connect() as client:
        client.identity.Probe(csi.ProbeRequest())
        yield own_rig, client


def freeze(rig):
    """Stops the controller, and waits until all of its threads stand still: they do not at once."""
    process = rig.controller.process
    process.send_signal(signal.SIGSTOP)

    def stands():
        try:
            states = [(thread / "stat").read_text().rpartition(") ")[2][0]
                      for thread in pathlib.Path(f"/proc/{process.pid}/task").iterdir()]
        except (FileNotFoundError, ProcessLookupError):
            return False  # A thread ended meanwhile.
        return set(states) == {"T"}

    driver.wait_for(stands)


def thaw(rig):
    rig.controller.process.send_signal(signal.SIGCONT)


def settle(rig, client, names):
    """Whatever became of abandoned calls, their retries succeed and nothing half-made stays."""
    ids = [calls.create(client, name).volume_id for name in names]
    assert sorted(calls.list_ids(client)) == sorted(ids)
    for one in ids:
        calls.delete(client, one)
    assert calls.list_ids(client) == []
    assert not rig.leftovers()


def test_deadlines_that_pass_while_the_driver_is_busy(frozen, names):
    rig, client = frozen
    used = [next(names) for _ in range(50)]
    freeze(rig)
    started = time.monotonic()
    futures = [client.controller.CreateVolume.future(calls.create_request(name), timeout=0.5) for name in used]
    for future in futures:
        assert future.exception().code() == Code.DEADLINE_EXCEEDED
    assert time.monotonic() - started < 30
    thaw(rig)
    settle(rig, client, used)


def test_cancelled_calls(frozen, names):
    rig, client = frozen
    used = [next(names) for _ in range(50)]
    freeze(rig)
    futures = [client.controller.CreateVolume.future(calls.create_request(name)) for name in used]
    time.sleep(0.1)
    for future in futures:
        future.cancel()
    thaw(rig)
    for future in futures:
        assert future.cancelled()
    settle(rig, client, used)


def test_a_client_that_vanishes(frozen, names):
    rig, client = frozen
    used = [next(names) for _ in range(50)]
    with rig.controller.connect() as vanishing:
        vanishing.identity.Probe(csi.ProbeRequest())
        freeze(rig)
        for name in used:
            vanishing.controller.CreateVolume.future(calls.create_request(name))
        time.sleep(0.1)
    thaw(rig)
    settle(rig, client, used)


def test_cancellation_in_flight(rig, controller, names):
    used = [next(names) for _ in range(100)]
    futures = [controller.controller.CreateVolume.future(calls.create_request(name)) for name in used]
    for future in futures[::2]:
        future.cancel()
    for future in futures[1::2]:
        future.result()
    for name in used:
        calls.delete(controller, calls.create(controller, name).volume_id)
    assert not rig.leftovers()


def test_calls_with_metadata_are_served(controller):
    metadata = [("x-request", "value"), ("x-binary-bin", bytes(range(256))), ("authorization", "Bearer x" * 100)]
    assert controller.identity.Probe(csi.ProbeRequest(), metadata=metadata).ready.value


def test_a_closed_channel_costs_nothing(rig):
    for _ in range(100):
        with rig.controller.connect() as client:
            client.identity.Probe(csi.ProbeRequest())
    with pytest.raises((grpc.RpcError, ValueError)):
        client.identity.Probe(csi.ProbeRequest())
