"""Peers that break the protocol: each gets the status that the protocol asks for, nobody hangs, and the driver serves on."""

import os
import random
import socket

import pytest

import driver
import http2
from calls import Code, csi, refused
from http2 import DATA, END_HEADERS, END_STREAM, HEADERS, SETTINGS, frame, message, request_headers

MESSAGE_LIMIT = 4 << 20
OK, UNKNOWN, INVALID, DEADLINE, EXHAUSTED, UNIMPLEMENTED, INTERNAL = 0, 2, 3, 4, 8, 12, 13
PROBE = "/csi.v1.Identity/Probe"


@pytest.fixture(params=["controller", "node"])
def served(request, rig):
    """One of the binaries; after the test it still runs and answers on a new connection."""
    binary = getattr(rig, request.param)
    process = binary.process.pid
    yield binary
    assert binary.is_running() and binary.process.pid == process, binary.log()
    with binary.connect() as client:
        assert client.identity.Probe(csi.ProbeRequest(), timeout=30).ready.value


def filler(size):
    """A message of exactly this many bytes: one unknown field, which a reader keeps and ignores."""
    tag = b"\xc2\x3e"  # field 1000, bytes
    for digits in range(1, 6):
        length = size - len(tag) - digits
        varint = bytearray()
        while True:
            varint.append(length & 0x7F | (0x80 if length > 0x7F else 0))
            length >>= 7
            if not length:
                break
        if len(varint) == digits:
            return tag + bytes(varint) + bytes(size - len(tag) - digits)
    raise AssertionError(size)


def test_a_message_of_the_limit_is_served(served):
    with served.connect() as client:
        for _ in range(3):
            client.raw(PROBE, filler(MESSAGE_LIMIT))


@pytest.mark.parametrize("excess", [1, MESSAGE_LIMIT, 60 << 20])
def test_a_message_over_the_limit_is_refused(served, excess):
    with served.connect() as client:
        with refused(Code.RESOURCE_EXHAUSTED):
            client.raw(PROBE, filler(MESSAGE_LIMIT + excess))
        assert client.identity.Probe(csi.ProbeRequest()).ready.value, "the connection did not survive"


@pytest.mark.parametrize("body", [
    b"\xff" * 100, b"\x0a", b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x7f", b"\x00", b"\x07", b"\x0b", b"\x80" * 20,
])
def test_malformed_protobuf(served, body):
    with served.connect() as client:
        with refused(Code.INTERNAL, Code.INVALID_ARGUMENT):
            client.raw(PROBE, body)


def test_text_that_is_not_utf8(rig):
    with rig.controller.connect() as client:
        with refused(Code.INTERNAL, Code.INVALID_ARGUMENT):
            client.raw("/csi.v1.Controller/DeleteVolume", b"\x0a\x02\xc3\x28")


@pytest.mark.parametrize("body, statuses", [
    (message(b"", length=0xFFFFFFFF), {EXHAUSTED}),
    (message(b"", length=MESSAGE_LIMIT + 1), {EXHAUSTED}),
    (message(b"abc", length=100), {INTERNAL, UNKNOWN, INVALID}),
    (b"\0\0", {INTERNAL, UNKNOWN, INVALID}),
    (b"", {INTERNAL, UNKNOWN, INVALID, UNIMPLEMENTED}),
    (message(b"", flag=1), {INTERNAL, UNIMPLEMENTED}),
    (message(b"", flag=7), {INTERNAL, UNIMPLEMENTED, UNKNOWN, INVALID}),
    (message(b"") + message(b""), {INTERNAL, UNIMPLEMENTED, INVALID}),
    (message(b"") + b"\0", {INTERNAL, UNKNOWN, UNIMPLEMENTED, INVALID}),
], ids=["4-gib", "over-limit", "cut-message", "cut-prefix", "no-message", "compressed", "bad-flag", "two", "rest"])
def test_bad_message_prefixes(served, body, statuses):
    with http2.Peer(served.socket) as peer:
        answer = peer.call(body)
        assert answer.grpc_status in statuses, answer
        assert answer.headers.get("grpc-message"), answer


def test_an_unknown_encoding(served):
    with http2.Peer(served.socket) as peer:
        answer = peer.call(message(b"", flag=1), headers=request_headers(grpc_encoding="no-such-encoding"))
        assert answer.grpc_status == UNIMPLEMENTED, answer


def test_a_message_byte_by_byte(served):
    with http2.Peer(served.socket) as peer:
        peer.send(peer.headers_frame(request_headers()))
        body = message(b"")
        for index in range(len(body)):
            peer.send(frame(DATA, END_STREAM if index == len(body) - 1 else 0, 1, body[index:index + 1]))
        assert peer.answer().grpc_status == OK


@pytest.mark.parametrize("changes, http, grpc_statuses", [
    ({"content_type": "text/plain"}, 415, set()),
    ({"content_type": None}, 415, set()),
    ({":method": "GET"}, 405, set()),
    ({"grpc_timeout": "soon"}, 400, {INTERNAL, INVALID}),
    ({"grpc_timeout": "999999999S"}, 400, {INTERNAL, INVALID}),
    ({"grpc_timeout": "-1S"}, 400, {INTERNAL, INVALID}),
], ids=["content-type", "no-content-type", "method", "timeout-word", "timeout-long", "timeout-negative"])
def test_bad_request_headers(served, changes, http, grpc_statuses):
    with http2.Peer(served.socket) as peer:
        answer = peer.call(message(b""), headers=request_headers(**changes))
        assert answer.http_status == http or answer.grpc_status in grpc_statuses, answer


@pytest.mark.parametrize("timeout", ["1H", "60M", "50S", "50000m", "99999999u", "99999999n"])
def test_timeouts_in_every_unit(served, timeout):
    with http2.Peer(served.socket) as peer:
        answer = peer.call(message(b""), headers=request_headers(grpc_timeout=timeout))
    # A tenth of a second can be over on a busy machine.
    assert answer.grpc_status == OK or (timeout.endswith("n") and answer.grpc_status == DEADLINE), answer


def test_a_timeout_that_is_over(served):
    with http2.Peer(served.socket) as peer:
        answer = peer.call(message(b""), headers=request_headers(grpc_timeout="1n"))
        assert answer.grpc_status in (DEADLINE, OK) or answer.reset is not None, answer


def test_a_request_that_never_ends_is_ended_by_its_deadline(served):
    with http2.Peer(served.socket) as peer:
        answer = peer.call(message(b"abc", length=100), headers=request_headers(grpc_timeout="300m"), end=False)
        assert answer.grpc_status == DEADLINE or answer.reset is not None, answer


@pytest.mark.parametrize("opening", [
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    b"\0" * 1000,
    http2.PREFACE[:-1] + b"X",
    http2.PREFACE + frame(DATA, 0, 1, b"before any headers"),
    http2.PREFACE + frame(SETTINGS, 0, 0, b"\0" * 5),
    http2.PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 1, b"\xff" * 40),
    http2.PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 0, b""),
    http2.PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 2, b"\x82"),
    http2.PREFACE + frame(SETTINGS, 0, 0) + b"\xff\xff\xff" + bytes(6) + b"\0" * 70000,
    http2.PREFACE + frame(SETTINGS, 0, 0) + frame(http2.CONTINUATION, END_HEADERS, 1, b"\x82"),
    http2.PREFACE + frame(SETTINGS, 0, 0) + frame(http2.WINDOW_UPDATE, 0, 0, b"\0\0\0\0"),
    http2.PREFACE + frame(SETTINGS, 0, 0) + frame(http2.PING, 0, 0, b"short"),
], ids=["http1", "tls", "zeroes", "bad-preface", "data-first", "bad-settings", "bad-hpack", "stream-0", "even-stream",
        "huge-frame", "continuation", "window-0", "bad-ping"])
def test_connections_that_break_http2_are_closed(served, opening):
    with http2.Peer(served.socket, handshake=False) as peer:
        try:
            peer.send(opening)
        except OSError:
            return  # closed before it had read everything
        assert peer.is_closed_by_server()


def test_cut_connections(served):
    whole = http2.Peer(served.socket, handshake=False)
    stream = (http2.PREFACE + frame(SETTINGS, 0, 0) + whole.headers_frame(request_headers())
              + frame(DATA, END_STREAM, 1, message(b"")))
    whole.close()
    for cut in range(0, len(stream) + 1):
        with http2.Peer(served.socket, handshake=False) as peer:
            peer.send(stream[:cut])


def test_random_bytes(served):
    source = random.Random(20)
    for _ in range(100):
        with http2.Peer(served.socket, handshake=False) as peer:
            try:
                peer.send((http2.PREFACE if source.random() < 0.5 else b"") + source.randbytes(source.randint(1, 2000)))
            except OSError:
                pass


def test_random_frames(served):
    source = random.Random(21)
    for _ in range(100):
        with http2.Peer(served.socket) as peer:
            try:
                peer.send(peer.headers_frame(request_headers()))
                for _ in range(10):
                    kind, flags = source.randint(0, 12), source.randint(0, 255)
                    peer.send(frame(kind, flags, source.randint(0, 5), source.randbytes(source.randint(0, 100))))
            except OSError:
                pass


def test_silent_connections_do_not_disturb(served):
    peers = [http2.Peer(served.socket, handshake=index % 2 == 0) for index in range(50)]
    with served.connect() as client:
        for _ in range(20):
            assert client.identity.Probe(csi.ProbeRequest(), timeout=30).ready.value
    for peer in peers:
        peer.close()


def test_a_header_bomb(served):
    with http2.Peer(served.socket) as peer:
        try:
            answer = peer.call(message(b""), headers=request_headers() + [(f"x-{i}", "v" * 1000) for i in range(200)])
        except OSError:
            return
        assert answer.closed or answer.reset is not None or answer.grpc_status != OK or answer.http_status != 200, answer


def test_a_ping_is_answered(served):
    with http2.Peer(served.socket) as peer:
        peer.send(frame(http2.PING, 0, 0, b"12345678"))
        for kind, flags, _, payload in peer.frames():
            if kind == http2.PING:
                assert flags & http2.ACK and payload == b"12345678"
                return
        pytest.fail("closed instead")


def test_descriptors_do_not_leak(served):
    def count():
        return len(os.listdir(f"/proc/{served.process.pid}/fd"))

    with served.connect() as client:
        client.identity.Probe(csi.ProbeRequest())
    before = count()
    for _ in range(200):
        plain = socket.socket(socket.AF_UNIX)
        plain.connect(str(served.socket))
        plain.close()
    with served.connect() as client:
        client.identity.Probe(csi.ProbeRequest())
    driver.wait_for(lambda: count() <= before + 5)
