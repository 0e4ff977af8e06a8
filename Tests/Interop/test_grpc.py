"""gRPC as such: what Google's client makes of our server for every kind of call, with handlers made for the purpose."""

import os
import pathlib
import resource
import signal
import subprocess
import tempfile
import threading
import time

import grpc
import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.wrappers_pb2 import StringValue as Text
from grpc_health.v1 import health_pb2, health_pb2_grpc

import http2
import reflection_pb2
import reflection_pb2_grpc
from calls import TIMEOUT, Code, refused
from driver import BIN
from http2 import DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, frame, message, request_headers

MESSAGE_LIMIT = 4 << 20
# Letters of two, three and four bytes.
UNUSUAL = "Gr\u00fc\u00dfe \u2713 \u65e5\u672c \U0001f600"


class EchoServer:
    """The server with a socket of its own."""

    def __init__(self, folder, *, descriptors=None):
        self.socket = pathlib.Path(folder) / "echo.sock"
        limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))) if descriptors else None
        self.process = subprocess.Popen(
            [str(BIN / "echo-server"), f"unix://{self.socket}"], stdin=subprocess.DEVNULL, preexec_fn=limit)
        end = time.monotonic() + 30
        while True:
            try:
                http2.Peer(self.socket).close()
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < end, "echo-server did not start"
                time.sleep(0.02)

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stop(self):
        assert self.process.poll() is None, f"echo-server ended with {self.process.returncode}"
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Echo:
    """The methods of interop.Echo on one channel."""

    def __init__(self, channel):
        def multi(kind, name):
            return getattr(channel, kind)(
                f"/interop.Echo/{name}", request_serializer=Text.SerializeToString, response_deserializer=Text.FromString)

        for name in ("Unary", "Immediate", "Fail", "Large", "TimeLeft", "Hang", "Begun", "Cancellations"):
            setattr(self, name, multi("unary_unary", name))
        self.Count = multi("unary_stream", "Count")
        self.Join = multi("stream_unary", "Join")
        self.Chat = multi("stream_stream", "Chat")

    def cancellations(self):
        """How many handlers have seen their cancellation."""
        return int(self.Cancellations(Text(), timeout=TIMEOUT).value)

    def begun(self):
        """How many handlers have begun to wait for it."""
        return int(self.Begun(Text(), timeout=TIMEOUT).value)


@pytest.fixture(scope="module")
def server():
    with tempfile.TemporaryDirectory(prefix="csi-", dir="/tmp") as folder:
        made = EchoServer(folder)
        yield made
        made.stop()


@pytest.fixture
def channel(server):
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0),
               ("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(f"unix://{server.socket}", options=options) as made:
        yield made


@pytest.fixture
def echo(channel):
    return Echo(channel)


def texts(*values):
    return iter([Text(value=value) for value in values])


def values(answers):
    return [answer.value for answer in answers]


# Kinds of calls


@pytest.mark.parametrize("method", ["Unary", "Immediate"])
@pytest.mark.parametrize("text", ["", "x", UNUSUAL, "y" * 100_000])
def test_unary(echo, method, text):
    answer, call = getattr(echo, method).with_call(Text(value=text), timeout=TIMEOUT)
    assert answer.value == text and call.code() == Code.OK


@pytest.mark.parametrize("count", [0, 1, 1_000])
def test_server_streaming(echo, count):
    answers = echo.Count(Text(value=str(count)), timeout=TIMEOUT)
    assert values(answers) == [str(number) for number in range(count)]
    assert answers.code() == Code.OK


@pytest.mark.parametrize("count", [0, 1, 1_000])
def test_client_streaming(echo, count):
    requests = [str(number) for number in range(count)]
    assert echo.Join(texts(*requests), timeout=TIMEOUT).value == "".join(requests)


def test_client_streaming_whose_server_has_heard_enough(echo):
    def endless():
        yield Text(value="first ")
        yield Text(value="stop")
        while True:
            time.sleep(0.01)
            yield Text(value="never read")

    assert echo.Join(endless(), timeout=TIMEOUT).value == "first stop"


def test_bidirectional_in_turns(echo):
    turn = threading.Semaphore(0)

    def requests():
        for number in range(100):
            yield Text(value=str(number))
            assert turn.acquire(timeout=TIMEOUT)

    answers = echo.Chat(requests(), timeout=TIMEOUT)
    for number, answer in enumerate(answers):
        assert answer.value == str(number)
        turn.release()
    assert dict(answers.initial_metadata())["x-chat"] == "begun"
    assert dict(answers.trailing_metadata())["x-chat"] == "ended"


@pytest.mark.parametrize("size", [1, 100_000])
def test_bidirectional_at_once(echo, size):
    requests = [str(number) * size for number in range(50)]
    assert values(echo.Chat(texts(*requests), timeout=TIMEOUT)) == requests


def test_bidirectional_whose_server_ends_first(echo):
    def endless():
        yield Text(value="one")
        yield Text(value="stop")
        while True:
            time.sleep(0.01)
            yield Text(value="never read")

    answers = echo.Chat(endless(), timeout=TIMEOUT)
    assert values(answers) == ["one"] and answers.code() == Code.OK


# Status and metadata


@pytest.mark.parametrize("code", [code for code in Code if code != Code.OK], ids=lambda code: code.name)
def test_every_status(echo, code):
    with refused(code, naming=f"because of {code.name}"):
        echo.Fail(Text(value=f"{code.value[0]} because of {code.name}"), timeout=TIMEOUT)


@pytest.mark.parametrize("text", ["plain", "100 % sure", "a\nb\r\tc", UNUSUAL, "%41 is not an A", "x" * 3_000])
def test_messages_are_percent_encoded(echo, text):
    with pytest.raises(grpc.RpcError) as caught:
        echo.Fail(Text(value=f"9 {text}"), timeout=TIMEOUT)
    assert caught.value.details() == text
    trailing = dict(caught.value.trailing_metadata())
    assert trailing["x-why"] == "on-purpose" and trailing["x-why-bin"] == b"\x00\xff"


def test_a_failure_in_mid_stream(echo):
    answers = echo.Count(Text(value="3 10"), timeout=TIMEOUT)
    seen = []
    with refused(Code.ABORTED, naming="enough"):
        for answer in answers:
            seen.append(answer.value)
    assert seen == ["0", "1", "2"]
    with refused(Code.ABORTED, naming="as asked"):
        list(echo.Chat(texts("one", "fail"), timeout=TIMEOUT))


@pytest.mark.parametrize("binary", [b"", b"\x00", b"\xff\x00\xff", bytes(range(256)) * 4], ids=len)
def test_metadata_both_ways(echo, binary):
    sent = (("x-echo", "a text"), ("x-echo", "and another"), ("x-echo-bin", binary))
    _, call = echo.Unary.with_call(Text(), metadata=sent, timeout=TIMEOUT)
    initial, trailing = list(call.initial_metadata()), list(call.trailing_metadata())
    for name, where in (("x-echo", initial), ("x-after", trailing)):
        assert [value for key, value in where if key == name] == ["a text", "and another"]
        assert [value for key, value in where if key == f"{name}-bin"] == [binary]


def test_an_error_without_an_answer_is_one_block(server):
    body = message(Text(value="9 why not").SerializeToString())
    with http2.Peer(server.socket) as peer:
        peer.send(peer.headers_frame(request_headers("/interop.Echo/Fail")) + frame(DATA, END_STREAM, 1, body))
        blocks = []
        for kind, flags, stream, payload in peer.frames():
            if stream == 1:
                assert kind == HEADERS, kind
                blocks.append(dict(peer.decoder.decode(payload)))
                if flags & END_STREAM:
                    break
    (only,) = blocks
    assert only[":status"] == "200" and only["content-type"] == "application/grpc"
    assert only["grpc-status"] == "9" and only["grpc-message"] == "why not"


# What cannot be served


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_compressed_requests_are_refused(echo, compression):
    with refused(Code.UNIMPLEMENTED, naming=compression.name.lower()):
        echo.Unary(Text(value="x" * 10_000), compression=compression, timeout=TIMEOUT)
    assert echo.Unary(Text(value="plain"), timeout=TIMEOUT).value == "plain"


def test_the_refusal_names_the_encodings(server):
    with http2.Peer(server.socket) as peer:
        answer = peer.call(message(b"x", flag=1), headers=request_headers("/interop.Echo/Unary", grpc_encoding="gzip"))
    assert answer.grpc_status == 12 and answer.headers["grpc-accept-encoding"] == "identity"


@pytest.mark.parametrize("path", ["/interop.Echo/Nothing", "/interop.Nobody/Unary", "/", "/interop.Echo/Unary/"])
def test_unknown_methods(channel, path):
    with refused(Code.UNIMPLEMENTED):
        channel.unary_unary(path)(b"", timeout=TIMEOUT)


def test_messages_over_the_limit(echo):
    with refused(Code.RESOURCE_EXHAUSTED):
        echo.Unary(Text(value="x" * MESSAGE_LIMIT), timeout=TIMEOUT)
    with refused(Code.RESOURCE_EXHAUSTED):
        echo.Large(Text(value=str(MESSAGE_LIMIT)), timeout=TIMEOUT)
    with refused(Code.RESOURCE_EXHAUSTED):
        list(echo.Chat(texts("small", "x" * MESSAGE_LIMIT), timeout=TIMEOUT))
    largest = MESSAGE_LIMIT - 5  # tag and length
    assert len(echo.Large(Text(value=str(largest)), timeout=TIMEOUT).value) == largest
    assert len(echo.Unary(Text(value="x" * largest), timeout=TIMEOUT).value) == largest


# Deadlines and cancellation


@pytest.mark.parametrize("seconds", [60, 300, 3_000, 400_000])
def test_the_handler_sees_the_deadline(echo, seconds):
    left = float(echo.TimeLeft(Text(), timeout=seconds).value) / 1_000
    # The client rounds what it sends up, to a few digits.
    assert 0 < left <= seconds * 1.02 + 0.1 and left > seconds * 0.98 - 40


@pytest.mark.parametrize("timeout, seconds", [
    ("2H", 7_200), ("3M", 180), ("60S", 60), ("80000m", 80), ("90000000u", 90), ("99999999n", 0.099999999)])
def test_every_unit_of_a_timeout(server, timeout, seconds):
    headers = request_headers("/interop.Echo/TimeLeft", grpc_timeout=timeout)
    with http2.Peer(server.socket) as peer:
        answer = peer.call(message(b""), headers=headers)
    if answer.grpc_status == 4 and seconds < 1:
        return  # A tenth of a second can be over on a busy machine.
    assert answer.grpc_status == 0, answer
    left = float(Text.FromString(answer.body[5:]).value) / 1_000
    assert seconds - 40 < left <= seconds


def test_no_deadline(echo):
    assert echo.TimeLeft(Text()).value == "none"


@pytest.mark.parametrize("kind", ["unary", "stream"])
def test_a_deadline_that_passes(echo, kind):
    before = echo.cancellations()
    with refused(Code.DEADLINE_EXCEEDED):
        if kind == "unary":
            echo.Hang(Text(), timeout=5)
        else:
            list(echo.Count(Text(value="3 hang"), timeout=5))
    wait_for(lambda: echo.cancellations() == before + 1)


def test_the_server_ends_a_call_at_its_deadline(server, echo):
    before = echo.cancellations()
    with http2.Peer(server.socket) as peer:
        answer = peer.call(message(b""), headers=request_headers("/interop.Echo/Hang", grpc_timeout="5S"))
    assert answer.grpc_status == 4, answer
    wait_for(lambda: echo.cancellations() == before + 1)


def test_a_cancelled_unary_call(echo):
    before = echo.cancellations()
    begun = echo.begun()
    calls = [echo.Hang.future(Text(), timeout=TIMEOUT) for _ in range(10)]
    wait_for(lambda: echo.begun() == begun + 10)
    for call in calls:
        call.cancel()
    wait_for(lambda: echo.cancellations() == before + 10)


def test_a_cancelled_stream(echo):
    before = echo.cancellations()
    answers = echo.Count(Text(value="2 hang"), timeout=TIMEOUT)
    assert [next(answers).value, next(answers).value] == ["0", "1"]
    answers.cancel()
    with refused(Code.CANCELLED):
        next(answers)
    wait_for(lambda: echo.cancellations() == before + 1)


def test_a_lost_client_cancels_its_calls(server, echo):
    before, begun = echo.cancellations(), echo.begun()
    peer = http2.Peer(server.socket)
    for stream in (1, 3, 5):
        peer.send(peer.headers_frame(request_headers("/interop.Echo/Hang"), stream))
        peer.send(frame(DATA, END_STREAM, stream, message(b"")))
    wait_for(lambda: echo.begun() == begun + 3)
    peer.close()
    wait_for(lambda: echo.cancellations() == before + 3)


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


# The standard services, asked by Google's own stubs


def test_health(channel):
    health = health_pb2_grpc.HealthStub(channel)
    Status = health_pb2.HealthCheckResponse

    def check(name):
        return health.Check(health_pb2.HealthCheckRequest(service=name), timeout=TIMEOUT).status

    assert check("") == Status.SERVING
    assert check("interop.Resting") == Status.NOT_SERVING
    with refused(Code.NOT_FOUND):
        check("interop.Nobody")
    watch = health.Watch(health_pb2.HealthCheckRequest(service=""), timeout=TIMEOUT)
    assert next(watch).status == Status.SERVING
    watch.cancel()
    watch = health.Watch(health_pb2.HealthCheckRequest(service="interop.Nobody"), timeout=TIMEOUT)
    assert next(watch).status == Status.SERVICE_UNKNOWN
    watch.cancel()


def test_reflection(channel):
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    Request = reflection_pb2.ServerReflectionRequest
    asked = [
        Request(list_services=""), Request(file_containing_symbol="csi.v1.Identity.Probe"),
        Request(file_by_filename="grpc/health/v1/health.proto"), Request(file_containing_symbol="csi.v1.Nothing"),
    ]
    services, symbol, file, unknown = stub.ServerReflectionInfo(iter(asked), timeout=TIMEOUT)
    names = {service.name for service in services.list_services_response.service}
    assert {"interop.Echo", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"} <= names

    def files(answer):
        return {found.name: found for found in map(
            descriptor_pb2.FileDescriptorProto.FromString, answer.file_descriptor_response.file_descriptor_proto)}

    probes = [method.name for found in files(symbol).values() for service in found.service for method in service.method
              if found.package == "csi.v1" and service.name == "Identity"]
    assert "Probe" in probes
    assert [service.name for service in files(file)["grpc/health/v1/health.proto"].service] == ["Health"]
    assert unknown.error_response.error_code == Code.NOT_FOUND.value[0]


# A process without descriptors


def test_out_of_descriptors():
    """A flood of connections takes all descriptors: the clients that are in are served, nothing spins, and newcomers get in as
    soon as there is room."""
    with tempfile.TemporaryDirectory(prefix="csi-", dir="/tmp") as folder:
        server = EchoServer(folder, descriptors=40)
        flood = []
        try:
            with grpc.insecure_channel(f"unix://{server.socket}", options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
                echo = Echo(channel)
                echo.Unary(Text(value="in"), timeout=TIMEOUT)
                flood = [http2.Peer(server.socket, handshake=index % 2 == 0) for index in range(100)]
                wait_for(lambda: server.descriptors() == 40)
                started, before = time.monotonic(), server.cpu_seconds()
                durations = []
                for _ in range(50):
                    called = time.monotonic()
                    assert echo.Unary(Text(value="still in"), timeout=TIMEOUT).value == "still in"
                    durations.append(time.monotonic() - called)
                    time.sleep(0.02)
                used = (server.cpu_seconds() - before) / (time.monotonic() - started)
                assert used < 0.3, f"{used:.0%} of a processor while it cannot accept"
                assert sorted(durations)[25] < 0.5, durations
                for peer in flood:
                    peer.close()
                flood = []
                with http2.Peer(server.socket) as newcomer:
                    answer = newcomer.call(message(b""), headers=request_headers("/interop.Echo/Unary"))
                    assert answer.grpc_status == 0, answer
                wait_for(lambda: server.descriptors() < 20)
        finally:
            for peer in flood:
                peer.close()
            server.stop()
