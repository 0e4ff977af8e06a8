"""Every field of every request that this driver serves: what is missing, too long or not a path is INVALID_ARGUMENT and named."""

import pytest

import calls
from calls import Code, Mode, csi, refused

LONG = "x" * 129
LONG_PATH = "/" + "p" * 255
LONG_MAP = {f"key-{index}": "v" * 100 for index in range(50)}
CAP = calls.capability()
MOUNT = csi.VolumeCapability.MountVolume
NO_ACCESS_TYPE = csi.VolumeCapability(access_mode=Mode(mode=Mode.SINGLE_NODE_WRITER))
NO_ACCESS_MODE = csi.VolumeCapability(mount=MOUNT())
UNKNOWN_MODE = calls.capability(Mode.UNKNOWN)
# Mode 99, which no client of today can build: mount {} and access_mode { mode: 99 } on the wire.
FUTURE_MODE = csi.VolumeCapability.FromString(b"\x12\x00\x1a\x02\x08\x63")


def create(**fields):
    return csi.CreateVolumeRequest(**{"name": "valid", "volume_capabilities": [CAP], **fields})


def capacity(required, limit=0):
    return csi.CapacityRange(required_bytes=required, limit_bytes=limit)


def validate(**fields):
    return csi.ValidateVolumeCapabilitiesRequest(**{"volume_id": "valid", "volume_capabilities": [CAP], **fields})


def publish(**fields):
    return csi.NodePublishVolumeRequest(
        **{"volume_id": "valid", "target_path": "/tmp/target", "volume_capability": CAP, **fields})


def unpublish(**fields):
    return csi.NodeUnpublishVolumeRequest(**{"volume_id": "valid", "target_path": "/tmp/target", **fields})


def stats(**fields):
    return csi.NodeGetVolumeStatsRequest(**{"volume_id": "valid", "volume_path": "/tmp/target", **fields})


CONTROLLER = [
    ("CreateVolume", create(name=""), "name"),
    ("CreateVolume", create(name=LONG), "name"),
    ("CreateVolume", create(name="nul\0nul"), "name"),
    ("CreateVolume", create(volume_capabilities=[]), "volume_capabilities"),
    ("CreateVolume", create(volume_capabilities=[csi.VolumeCapability()]), "volume_capabilit"),
    ("CreateVolume", create(volume_capabilities=[NO_ACCESS_TYPE]), "access_type"),
    ("CreateVolume", create(volume_capabilities=[NO_ACCESS_MODE]), "access_mode"),
    ("CreateVolume", create(volume_capabilities=[UNKNOWN_MODE]), "access_mode"),
    ("CreateVolume", create(volume_capabilities=[FUTURE_MODE]), "access_mode"),
    ("CreateVolume", create(volume_capabilities=[CAP, calls.capability(block=True)]), "volume_capabilit"),
    ("CreateVolume", create(volume_capabilities=[calls.capability(fs_type=LONG)]), "fs_type"),
    ("CreateVolume", create(volume_capabilities=[calls.capability(fs_type="a\0b")]), "fs_type"),
    ("CreateVolume", create(volume_capabilities=[calls.capability(flags=["a\0b"])]), "mount_flags"),
    ("CreateVolume", create(capacity_range=capacity(-1)), "required_bytes"),
    ("CreateVolume", create(capacity_range=capacity(0, -1)), "limit_bytes"),
    ("CreateVolume", create(capacity_range=capacity(-(1 << 63), -(1 << 63))), "capacity_range"),
    ("CreateVolume", create(parameters=LONG_MAP), "parameters"),
    ("CreateVolume", create(parameters={"key": "a\0b"}), "parameters"),
    ("CreateVolume", create(secrets=LONG_MAP), "secrets"),
    ("DeleteVolume", csi.DeleteVolumeRequest(), "volume_id"),
    ("DeleteVolume", csi.DeleteVolumeRequest(volume_id=LONG), "volume_id"),
    ("DeleteVolume", csi.DeleteVolumeRequest(volume_id="nul\0"), "volume_id"),
    ("ValidateVolumeCapabilities", validate(volume_id=""), "volume_id"),
    ("ValidateVolumeCapabilities", validate(volume_id=LONG), "volume_id"),
    ("ValidateVolumeCapabilities", validate(volume_capabilities=[]), "volume_capabilities"),
    ("ValidateVolumeCapabilities", validate(volume_capabilities=[UNKNOWN_MODE]), "access_mode"),
    ("ListVolumes", csi.ListVolumesRequest(max_entries=-1), "max_entries"),
    ("ControllerGetVolume", csi.ControllerGetVolumeRequest(), "volume_id"),
    ("ControllerGetVolume", csi.ControllerGetVolumeRequest(volume_id=LONG), "volume_id"),
]

NODE = [
    ("NodePublishVolume", publish(volume_id=""), "volume_id"),
    ("NodePublishVolume", publish(volume_id=LONG), "volume_id"),
    ("NodePublishVolume", publish(volume_id="nul\0"), "volume_id"),
    ("NodePublishVolume", publish(target_path=""), "target_path"),
    ("NodePublishVolume", publish(target_path="relative/path"), "target_path"),
    ("NodePublishVolume", publish(target_path="/tmp/../tmp/target"), "target_path"),
    ("NodePublishVolume", publish(target_path="/tmp/nul\0"), "target_path"),
    ("NodePublishVolume", publish(target_path="/p" * 2100), "target_path"),
    ("NodePublishVolume", publish(target_path=LONG_PATH + "p"), "target_path"),
    ("NodePublishVolume", publish(target_path="/"), "target_path"),
    ("NodePublishVolume", csi.NodePublishVolumeRequest(volume_id="valid", target_path="/tmp/t"), "volume_capability"),
    ("NodePublishVolume", publish(volume_capability=NO_ACCESS_TYPE), "access_type"),
    ("NodePublishVolume", publish(volume_capability=UNKNOWN_MODE), "access_mode"),
    ("NodePublishVolume", publish(staging_target_path="relative"), "staging_target_path"),
    ("NodePublishVolume", publish(volume_context=LONG_MAP), "volume_context"),
    ("NodePublishVolume", publish(publish_context=LONG_MAP), "publish_context"),
    ("NodeUnpublishVolume", unpublish(volume_id=""), "volume_id"),
    ("NodeUnpublishVolume", unpublish(volume_id=LONG), "volume_id"),
    ("NodeUnpublishVolume", unpublish(target_path=""), "target_path"),
    ("NodeUnpublishVolume", unpublish(target_path="relative"), "target_path"),
    ("NodeUnpublishVolume", unpublish(target_path="/tmp/../etc"), "target_path"),
    ("NodeUnpublishVolume", unpublish(target_path="/tmp/nul\0"), "target_path"),
    ("NodeGetVolumeStats", stats(volume_id=""), "volume_id"),
    ("NodeGetVolumeStats", stats(volume_id=LONG), "volume_id"),
    ("NodeGetVolumeStats", stats(volume_path=""), "volume_path"),
    ("NodeGetVolumeStats", stats(volume_path="/tmp/nul\0"), "volume_path"),
]


def label(case):
    return f"{case[0]}-{case[2]}" if isinstance(case, tuple) else None


@pytest.mark.parametrize("case", CONTROLLER, ids=label)
def test_controller_fields(controller, case):
    rpc, request, field = case
    with refused(Code.INVALID_ARGUMENT, naming=field):
        getattr(controller.controller, rpc)(request)


@pytest.mark.parametrize("case", NODE, ids=label)
def test_node_fields(node, case):
    rpc, request, field = case
    with refused(Code.INVALID_ARGUMENT, naming=field):
        getattr(node.node, rpc)(request)


def test_a_limit_below_the_requirement(controller):
    with refused(Code.INVALID_ARGUMENT, Code.OUT_OF_RANGE):
        controller.controller.CreateVolume(create(capacity_range=capacity(2, 1)))


def test_longest_legal_values(controller, node, rig, names):
    name = next(names).ljust(128, "n")
    volume = calls.create(controller, name)
    assert calls.create(controller, name).volume_id == volume.volume_id
    assert len(volume.volume_id.encode()) <= 128
    calls.delete(controller, volume.volume_id)
    calls.delete(controller, "i" * 128)


def test_ids_that_look_like_paths_reach_no_file(rig, controller, names):
    bystander = rig.scratch / "bystander"
    bystander.write_text("keep")
    for volume_id in ("../bystander", "..", ".", "/", "a/../../bystander", "volumes/..", ".trash"):
        code = calls.code_of(calls.delete, controller, volume_id)
        assert code in (Code.OK, Code.INVALID_ARGUMENT), volume_id
    assert bystander.read_text() == "keep"
    assert rig.pool.is_dir()
    volume = calls.create(controller, next(names))
    calls.delete(controller, volume.volume_id)


def test_names_with_slashes_and_dots_are_only_names(rig, controller):
    for name in ("../escape", "..", ".", "a/b/c", ".trash", "x.partial", " ", "%2e%2e", "-rf"):
        before = set(rig.scratch.iterdir())
        try:
            volume = calls.create(controller, name)
        except calls.grpc.RpcError as error:
            assert error.code() == Code.INVALID_ARGUMENT, name
        else:
            assert volume.volume_id in calls.list_ids(controller)
            calls.delete(controller, volume.volume_id)
        assert set(rig.scratch.iterdir()) == before


def test_secrets_stay_out_of_the_logs(rig, controller, names):
    secret = "correct-horse-battery-staple"
    volume = calls.create(controller, next(names), secrets={"password": secret})
    controller.controller.DeleteVolume(csi.DeleteVolumeRequest(volume_id=volume.volume_id, secrets={"password": secret}))
    with refused(Code.INVALID_ARGUMENT):
        controller.controller.CreateVolume(csi.CreateVolumeRequest(name="", secrets={"password": secret}))
    assert secret not in rig.controller.log()


def test_a_line_break_cannot_forge_a_log_line(rig, controller):
    calls.code_of(calls.delete, controller, "harmless\nforged line")
    assert not [line for line in rig.controller.log().splitlines() if line.startswith("forged")]


def test_messages_survive_percent_encoding(controller):
    with refused(Code.NOT_FOUND, Code.INVALID_ARGUMENT):
        controller.controller.ControllerGetVolume(csi.ControllerGetVolumeRequest(volume_id="100% \u00e9\u4e16"))
