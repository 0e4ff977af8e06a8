"""The cases of the public conformance suite, as far as this driver serves what they need, in the order of that suite."""

import pytest

import calls
from calls import GIB, Code, csi, refused

CAP = calls.capability()

# (service, method, request, code): requests that need no volume.
REFUSALS = [
    ("controller", "CreateVolume", csi.CreateVolumeRequest(volume_capabilities=[CAP]), Code.INVALID_ARGUMENT),
    ("controller", "CreateVolume", csi.CreateVolumeRequest(name="sanity"), Code.INVALID_ARGUMENT),
    ("controller", "ListVolumes", csi.ListVolumesRequest(starting_token="invalid-token"), Code.ABORTED),
    ("controller", "DeleteVolume", csi.DeleteVolumeRequest(), Code.INVALID_ARGUMENT),
    ("controller", "ValidateVolumeCapabilities", csi.ValidateVolumeCapabilitiesRequest(), Code.INVALID_ARGUMENT),
    ("controller", "ValidateVolumeCapabilities", csi.ValidateVolumeCapabilitiesRequest(
        volume_id="some-volume-id", volume_capabilities=[CAP]), Code.NOT_FOUND),
    ("controller", "ControllerGetVolume", csi.ControllerGetVolumeRequest(), Code.INVALID_ARGUMENT),
    ("controller", "ControllerGetVolume", csi.ControllerGetVolumeRequest(volume_id="unknown"), Code.NOT_FOUND),
    ("node", "NodePublishVolume", csi.NodePublishVolumeRequest(), Code.INVALID_ARGUMENT),
    ("node", "NodePublishVolume", csi.NodePublishVolumeRequest(volume_id="id"), Code.INVALID_ARGUMENT),
    ("node", "NodePublishVolume", csi.NodePublishVolumeRequest(
        volume_id="id", target_path="/tmp/csi-mount/target"), Code.INVALID_ARGUMENT),
    ("node", "NodeUnpublishVolume", csi.NodeUnpublishVolumeRequest(), Code.INVALID_ARGUMENT),
    ("node", "NodeUnpublishVolume", csi.NodeUnpublishVolumeRequest(volume_id="id"), Code.INVALID_ARGUMENT),
    ("node", "NodeGetVolumeStats", csi.NodeGetVolumeStatsRequest(volume_path="some/path"), Code.INVALID_ARGUMENT),
    ("node", "NodeGetVolumeStats", csi.NodeGetVolumeStatsRequest(volume_id="id"), Code.INVALID_ARGUMENT),
    ("node", "NodeGetVolumeStats", csi.NodeGetVolumeStatsRequest(
        volume_id="id", volume_path="some/path"), Code.NOT_FOUND),
]


@pytest.mark.parametrize("service, method, request_, code", REFUSALS)
def test_refusals(request, service, method, request_, code):
    client = request.getfixturevalue(service)
    with refused(code):
        getattr(getattr(client, service), method)(request_)


def test_get_capacity_of_an_empty_request(controller):
    assert controller.controller.GetCapacity(csi.GetCapacityRequest()).available_capacity >= 0


def test_list_counts_one_more_and_one_less(controller):
    before = len(calls.list_ids(controller))
    volume = calls.create(controller, "sanity", 10 * GIB)
    assert len(calls.list_ids(controller)) == before + 1
    calls.delete(controller, volume.volume_id)
    assert len(calls.list_ids(controller)) == before


def test_same_name_and_size_is_the_same_volume(controller, names):
    name = next(names)
    first = calls.create(controller, name, 10 * GIB)
    assert first.capacity_bytes == 0 or first.capacity_bytes >= 10 * GIB
    assert calls.create(controller, name, 10 * GIB).volume_id == first.volume_id
    calls.delete(controller, first.volume_id)


def test_same_name_and_another_size_already_exists(controller, names):
    name = next(names)
    first = calls.create(controller, name, 10 * GIB, limit=10 * GIB)
    assert first.capacity_bytes == 10 * GIB
    with refused(Code.ALREADY_EXISTS):
        calls.create(controller, name, 20 * GIB, limit=20 * GIB)
    calls.delete(controller, first.volume_id)


def test_name_of_the_longest_length(controller):
    volume = calls.create(controller, "s" * 128)
    calls.delete(controller, volume.volume_id)


def test_delete_of_an_unknown_volume(controller):
    calls.delete(controller, "reallyfakevolumeid")


def test_clean_up_twice(controller, node, names, target):
    """After each case the suite unpublishes and deletes, also what was never published and what is already gone."""
    volume = calls.create(controller, next(names))
    for _ in range(2):
        assert calls.code_of(calls.unpublish, node, volume.volume_id, target) in (Code.OK, Code.NOT_FOUND)
        calls.delete(controller, volume.volume_id)


def test_stats_of_a_published_volume_at_a_wrong_path(node, volume, target):
    calls.publish(node, volume, target)
    with refused(Code.NOT_FOUND):
        calls.stats(node, volume.volume_id, "some/path")
    assert calls.stats(node, volume.volume_id, target).usage
    calls.unpublish(node, volume.volume_id, target)
    assert not target.exists()
