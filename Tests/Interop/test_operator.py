"""What the kubelet and an operator's tools see: registration, health, readiness, metrics."""

import grpc
import pytest

import driver
from calls import csi
from driver import wait_for
from pages import get
from pluginregistration import registration_pb2, registration_pb2_grpc


@pytest.fixture(params=["controller", "node"])
def served(request, own_rig):
    binary = getattr(own_rig, request.param)
    page = own_rig.scratch / f"{binary.program}-http.sock"
    binary.arguments += ["--http-endpoint", f"unix://{page}"]
    binary.start()
    return binary, page


def test_health_readiness_and_metrics(served):
    binary, page = served
    # Each asks the driver, and does not wait long for its answer.
    driver.wait_for(lambda: get(page, "/healthz") == (200, "ok\n"))
    driver.wait_for(lambda: get(page, "/readyz") == (200, "ok\n"))
    assert get(page, "/nothing")[0] == 404
    status, text = get(page, "/metrics")
    assert status == 200
    assert 'csi_plugin_operations_seconds_count{driver_name="hostpath.swift-csi.dev",grpc_status_code="OK",' \
           'method_name="/csi.v1.Identity/Probe"}' in text
    assert "# HELP csi_plugin_oldest_operation_seconds " in text
    assert binary.stop() == 0, binary.log()
    assert not page.exists()


def test_an_address_that_is_taken_ends_it_with_a_line(served):
    binary, page = served
    other = driver.Driver("csi-node", binary.scratch, flags=["--http-endpoint", f"unix://{page}"])
    other.arguments[other.arguments.index("--endpoint") + 1] = f"unix://{binary.scratch}/other.sock"
    other.spawn()
    try:
        assert other.process.wait(timeout=120) == 1
        assert "is served by another process" in other.log()
    finally:
        other.end()


def test_the_kubelet_finds_it_and_finds_it_again(own_rig):
    node = own_rig.node
    registry = own_rig.scratch / "plugins_registry"
    registry.mkdir()
    node.arguments += [
        "--kubelet-registration-path", "/var/lib/kubelet/plugins/hostpath.swift-csi.dev/csi.sock",
        "--kubelet-registry", str(registry)]
    node.start()
    path = registry / "hostpath.swift-csi.dev-reg.sock"
    wait_for(path.exists)
    # Twice: a kubelet that starts anew asks again.
    for _ in range(2):
        with grpc.insecure_channel(f"unix:{path}") as channel:
            kubelet = registration_pb2_grpc.RegistrationStub(channel)
            info = kubelet.GetInfo(registration_pb2.InfoRequest(), timeout=60, wait_for_ready=True)
            assert (info.type, info.name) == ("CSIPlugin", "hostpath.swift-csi.dev")
            assert info.endpoint == "/var/lib/kubelet/plugins/hostpath.swift-csi.dev/csi.sock"
            assert list(info.supported_versions) == ["1.0.0"]
            kubelet.NotifyRegistrationStatus(
                registration_pb2.RegistrationStatus(plugin_registered=True), timeout=60)
    wait_for(lambda: node.log().count("registered with the kubelet") == 2)
    path.unlink()
    wait_for(path.exists)
    assert node.stop() == 0, node.log()
    assert not path.exists()


def test_one_process_serves_both(own_rig):
    node = own_rig.node
    node.arguments += ["--with-controller"]
    node.start()
    with node.connect() as client:
        capabilities = client.controller.ControllerGetCapabilities(csi.ControllerGetCapabilitiesRequest())
        assert len(capabilities.capabilities) > 0
        assert client.node.NodeGetInfo(csi.NodeGetInfoRequest()).node_id == "node-1"
        made = client.controller.CreateVolume(
            csi.CreateVolumeRequest(
                name="pvc-both",
                volume_capabilities=[
                    csi.VolumeCapability(
                        mount=csi.VolumeCapability.MountVolume(),
                        access_mode=csi.VolumeCapability.AccessMode(mode="SINGLE_NODE_WRITER"))]))
        client.controller.DeleteVolume(csi.DeleteVolumeRequest(volume_id=made.volume.volume_id))
