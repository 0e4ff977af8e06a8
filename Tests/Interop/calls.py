"""The client: stubs of our schemas, short ways to build requests, and what a refusal has to look like."""

import contextlib

import grpc
import pytest

from schema import csi, stubs

GIB = 1 << 30
TIMEOUT = 60

Code = grpc.StatusCode
Mode = csi.VolumeCapability.AccessMode


class Client:
    """One connection with the stubs of every service. Every call has a deadline, so that no test can hang."""

    def __init__(self, socket):
        self.channel = grpc.insecure_channel(
            f"unix://{socket}",
            options=[
                ("grpc.use_local_subchannel_pool", 1),
                ("grpc.enable_retries", 0),
                ("grpc.max_send_message_length", -1),
                ("grpc.max_receive_message_length", -1),
                ("grpc.initial_reconnect_backoff_ms", 20),
                ("grpc.max_reconnect_backoff_ms", 100),
                # How long one attempt may take.
                ("grpc.min_reconnect_backoff_ms", 10_000),
            ])
        deadlined = grpc.intercept_channel(self.channel, _DefaultDeadline())
        self.identity = stubs.IdentityStub(deadlined)
        self.controller = stubs.ControllerStub(deadlined)
        self.node = stubs.NodeStub(deadlined)
        self.group = stubs.GroupControllerStub(deadlined)
        self.metadata = stubs.SnapshotMetadataStub(deadlined)

    def raw(self, path, body, timeout=TIMEOUT):
        """One unary call whose request and response are bytes."""
        call = self.channel.unary_unary(path, request_serializer=None, response_deserializer=None)
        return call(body, timeout=timeout)

    def close(self):
        self.channel.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class _DefaultDeadline(grpc.UnaryUnaryClientInterceptor):
    def intercept_unary_unary(self, continuation, details, request):
        if details.timeout is None:
            details = details._replace(timeout=TIMEOUT)
        return continuation(details, request)


@contextlib.contextmanager
def refused(*codes, naming=()):
    """The call inside fails with one of these codes and a message that names these things, as the specification wants it:
    never an empty message, never details."""
    with pytest.raises(grpc.RpcError) as caught:
        yield
    error = caught.value
    assert error.code() in codes, f"{error.code()}: {error.details()}"
    assert error.details(), "a refusal without a message"
    for word in [naming] if isinstance(naming, str) else naming:
        assert word in error.details(), f"{error.details()!r} does not name {word}"
    trailing = {key for key, _ in error.trailing_metadata() or ()}
    assert "grpc-status-details-bin" not in trailing, "status details must be empty"


def code_of(call, *arguments, **named):
    """The status code of a call, OK included."""
    try:
        call(*arguments, **named)
    except grpc.RpcError as error:
        return error.code()
    return Code.OK


def capability(mode=Mode.SINGLE_NODE_WRITER, *, flags=(), fs_type="", block=False):
    access = csi.VolumeCapability.AccessMode(mode=mode)
    if block:
        return csi.VolumeCapability(block=csi.VolumeCapability.BlockVolume(), access_mode=access)
    mount = csi.VolumeCapability.MountVolume(fs_type=fs_type, mount_flags=list(flags))
    return csi.VolumeCapability(mount=mount, access_mode=access)


def create_request(name, size=GIB, *, limit=0, mode=Mode.SINGLE_NODE_WRITER, **fields):
    fields.setdefault("volume_capabilities", [capability(mode)])
    if size or limit:
        fields["capacity_range"] = csi.CapacityRange(required_bytes=size, limit_bytes=limit)
    return csi.CreateVolumeRequest(name=name, **fields)


def create(client, name, size=GIB, **fields):
    return client.controller.CreateVolume(create_request(name, size, **fields)).volume


def delete(client, volume_id):
    client.controller.DeleteVolume(csi.DeleteVolumeRequest(volume_id=volume_id))


def publish_request(volume, target, *, readonly=False, mode=Mode.SINGLE_NODE_WRITER, flags=()):
    return csi.NodePublishVolumeRequest(
        volume_id=volume.volume_id, volume_context=volume.volume_context, target_path=str(target), readonly=readonly,
        volume_capability=capability(mode, flags=flags))


def publish(client, volume, target, **fields):
    client.node.NodePublishVolume(publish_request(volume, target, **fields))


def unpublish(client, volume_id, target):
    client.node.NodeUnpublishVolume(csi.NodeUnpublishVolumeRequest(volume_id=volume_id, target_path=str(target)))


def stats(client, volume_id, path):
    return client.node.NodeGetVolumeStats(csi.NodeGetVolumeStatsRequest(volume_id=volume_id, volume_path=str(path)))


def list_ids(client, page=0):
    """The ids of all volumes, asked for in pages."""
    ids, token = [], ""
    while True:
        answer = client.controller.ListVolumes(csi.ListVolumesRequest(max_entries=page, starting_token=token))
        ids += [entry.volume.volume_id for entry in answer.entries]
        token = answer.next_token
        if not token:
            return ids


def plugin_capabilities(client):
    answer = client.identity.GetPluginCapabilities(csi.GetPluginCapabilitiesRequest())
    services = {csi.PluginCapability.Service.Type.Name(one.service.type)
                for one in answer.capabilities if one.WhichOneof("type") == "service"}
    expansion = {csi.PluginCapability.VolumeExpansion.Type.Name(one.volume_expansion.type)
                 for one in answer.capabilities if one.WhichOneof("type") == "volume_expansion"}
    return services | expansion


def controller_capabilities(client):
    answer = client.controller.ControllerGetCapabilities(csi.ControllerGetCapabilitiesRequest())
    return [csi.ControllerServiceCapability.RPC.Type.Name(one.rpc.type) for one in answer.capabilities]


def node_capabilities(client):
    answer = client.node.NodeGetCapabilities(csi.NodeGetCapabilitiesRequest())
    return [csi.NodeServiceCapability.RPC.Type.Name(one.rpc.type) for one in answer.capabilities]
