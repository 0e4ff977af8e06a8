import itertools
import uuid

import pytest

import calls
import driver


@pytest.fixture(scope="session", autouse=True)
def mount_namespace():
    """These tests mount; outside of a namespace of their own they would touch the machine's table."""
    options = [line.split(" ")[6] for line in open("/proc/self/mountinfo") if line.split(" ")[4] == "/"]
    assert options and not options[-1].startswith("shared:"), "run this through Tests/Interop/run"


@pytest.fixture(scope="module")
def rig():
    """Both binaries on one pool, shared by the tests of a file, which use names of their own and clean up."""
    with driver.Rig() as made:
        yield made.start()


@pytest.fixture
def own_rig():
    """A rig for one test that kills or breaks things; not started yet."""
    with driver.Rig() as made:
        yield made


@pytest.fixture(scope="module")
def controller(rig):
    with rig.controller.connect() as client:
        yield client


@pytest.fixture(scope="module")
def node(rig):
    with rig.node.connect() as client:
        yield client


@pytest.fixture
def names():
    """Volume names that nobody else uses."""
    stem = uuid.uuid4().hex[:8]
    return (f"pvc-{stem}-{index}" for index in itertools.count())


@pytest.fixture
def volume(controller, names):
    """A volume that is gone after the test."""
    made = calls.create(controller, next(names))
    yield made
    calls.delete(controller, made.volume_id)


@pytest.fixture
def target(rig, names):
    """A target path whose parent exists, as a container orchestrator prepares it."""
    folder = rig.targets / next(names)
    folder.mkdir()
    yield folder / "mount"
    assert not driver.mount_points(folder), "a test left a mount behind"
    assert not list(folder.iterdir()), "a test left a target behind"
    folder.rmdir()


@pytest.fixture(scope="module")
def shared_mode(controller):
    """An access mode that allows two targets on this node."""
    if "SINGLE_NODE_MULTI_WRITER" in calls.controller_capabilities(controller):
        return calls.Mode.SINGLE_NODE_MULTI_WRITER
    return calls.Mode.MULTI_NODE_MULTI_WRITER
