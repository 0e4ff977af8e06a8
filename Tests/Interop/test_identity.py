"""Who the driver is, and that what it says of itself is the same everywhere and true."""

import re

import grpc
import pytest

import calls
import driver
from calls import Code, csi, refused

# The letters-first-and-last form that the public conformance suite asks for.
NAME = re.compile(r"^[a-zA-Z][A-Za-z0-9-._]{0,61}[a-zA-Z]$")

# What serves a capability: asked without a request's required fields, such a call is refused, but never as unknown.
CONTROLLER_RPCS = {
    "CREATE_DELETE_VOLUME": ["CreateVolume", "DeleteVolume"],
    "PUBLISH_UNPUBLISH_VOLUME": ["ControllerPublishVolume", "ControllerUnpublishVolume"],
    "LIST_VOLUMES": ["ListVolumes"],
    "GET_CAPACITY": ["GetCapacity"],
    "CREATE_DELETE_SNAPSHOT": ["CreateSnapshot", "DeleteSnapshot"],
    "LIST_SNAPSHOTS": ["ListSnapshots"],
    "EXPAND_VOLUME": ["ControllerExpandVolume"],
    "GET_VOLUME": ["ControllerGetVolume"],
    "MODIFY_VOLUME": ["ControllerModifyVolume"],
    "GET_SNAPSHOT": ["GetSnapshot"],
}
NODE_RPCS = {
    "STAGE_UNSTAGE_VOLUME": ["NodeStageVolume", "NodeUnstageVolume"],
    "GET_VOLUME_STATS": ["NodeGetVolumeStats"],
    "EXPAND_VOLUME": ["NodeExpandVolume"],
}


def request_type(rpc):
    return getattr(csi, f"{rpc}Request")


@pytest.fixture(params=["controller", "node"])
def either(request):
    return request.getfixturevalue(request.param)


def test_plugin_info(either):
    info = either.identity.GetPluginInfo(csi.GetPluginInfoRequest())
    assert info.name == driver.DRIVER_NAME
    assert NAME.match(info.name)
    assert info.vendor_version


def test_probe_says_ready(either):
    assert either.identity.Probe(csi.ProbeRequest()).ready.value


def test_both_binaries_list_the_same_plugin_capabilities(controller, node):
    assert calls.plugin_capabilities(controller) == calls.plugin_capabilities(node)
    assert "CONTROLLER_SERVICE" in calls.plugin_capabilities(node)
    assert "UNKNOWN" not in calls.plugin_capabilities(node)


def test_nothing_is_advertised_before_it_exists(controller, node):
    absent = {"PUBLISH_UNPUBLISH_VOLUME", "PUBLISH_READONLY", "LIST_VOLUMES_PUBLISHED_NODES"}
    assert not absent & set(calls.controller_capabilities(controller))
    assert "STAGE_UNSTAGE_VOLUME" not in calls.node_capabilities(node)
    assert "SNAPSHOT_METADATA_SERVICE" not in calls.plugin_capabilities(node)


def test_what_exists_is_advertised(controller, node):
    listed = calls.controller_capabilities(controller)
    assert {"CREATE_DELETE_VOLUME", "LIST_VOLUMES", "GET_CAPACITY", "GET_VOLUME", "CREATE_DELETE_SNAPSHOT", "LIST_SNAPSHOTS",
            "GET_SNAPSHOT", "CLONE_VOLUME", "EXPAND_VOLUME", "MODIFY_VOLUME"} <= set(listed)
    assert {"GET_VOLUME_STATS", "EXPAND_VOLUME"} <= set(calls.node_capabilities(node))
    assert "GROUP_CONTROLLER_SERVICE" in calls.plugin_capabilities(node)


def test_each_capability_is_listed_once(controller, node):
    for listed in (calls.controller_capabilities(controller), calls.node_capabilities(node)):
        assert len(listed) == len(set(listed))
        assert "UNKNOWN" not in listed


def test_multi_writer_is_advertised_by_both_services_or_by_none(controller, node):
    name = "SINGLE_NODE_MULTI_WRITER"
    assert (name in calls.controller_capabilities(controller)) == (name in calls.node_capabilities(node))


@pytest.mark.parametrize("name", CONTROLLER_RPCS)
def test_controller_serves_exactly_what_it_advertises(controller, name):
    advertised = name in calls.controller_capabilities(controller)
    for rpc in CONTROLLER_RPCS[name]:
        code = calls.code_of(getattr(controller.controller, rpc), request_type(rpc)())
        assert (code != Code.UNIMPLEMENTED) == advertised, f"{rpc}: {code}"


@pytest.mark.parametrize("name", NODE_RPCS)
def test_node_serves_exactly_what_it_advertises(node, name):
    advertised = name in calls.node_capabilities(node)
    for rpc in NODE_RPCS[name]:
        code = calls.code_of(getattr(node.node, rpc), request_type(rpc)())
        assert (code != Code.UNIMPLEMENTED) == advertised, f"{rpc}: {code}"


def test_an_absent_group_snapshot_is_not_found(controller):
    with refused(Code.NOT_FOUND):
        controller.group.GetVolumeGroupSnapshot(csi.GetVolumeGroupSnapshotRequest(group_snapshot_id="x"))


def test_streaming_methods_are_unimplemented(controller):
    with pytest.raises(grpc.RpcError) as caught:
        list(controller.metadata.GetMetadataAllocated(csi.GetMetadataAllocatedRequest(snapshot_id="x"), timeout=5))
    assert caught.value.code() == Code.UNIMPLEMENTED


@pytest.mark.parametrize("path", [
    "/csi.v1.Controller/NoSuchMethod",
    "/csi.v1.NoSuchService/Probe",
    "/csi.v1.Identity/",
    "/Probe",
    "/",
])
def test_unknown_methods_are_unimplemented(either, path):
    with refused(Code.UNIMPLEMENTED):
        either.raw(path, b"")


def test_the_node_service_is_not_on_the_controller_socket(controller):
    with refused(Code.UNIMPLEMENTED):
        controller.node.NodeGetInfo(csi.NodeGetInfoRequest())


def test_the_controller_service_is_not_on_the_node_socket(node):
    with refused(Code.UNIMPLEMENTED):
        node.controller.GetCapacity(csi.GetCapacityRequest())


def test_node_info(node):
    info = node.node.NodeGetInfo(csi.NodeGetInfoRequest())
    assert info.node_id == driver.NODE_ID
    assert info.max_volumes_per_node >= 0
    assert info.accessible_topology.segments[f"topology.{driver.DRIVER_NAME}/node"] == driver.NODE_ID
    assert "VOLUME_ACCESSIBILITY_CONSTRAINTS" in calls.plugin_capabilities(node)
