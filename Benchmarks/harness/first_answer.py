"""The shortest possible gRPC client: one Probe over a new connection, to time how soon a server answers."""

import socket
import struct
import time

from processes import Failure

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS = 0x1, 0x4
READY = b"\0\0\0\0\x04\x0a\x02\x08\x01"


def http2_frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def literal(name, value):
    """A header field that is neither indexed nor compressed."""
    return b"\0" + bytes((len(name),)) + name + bytes((len(value),)) + value


REQUEST = (
    PREFACE
    + http2_frame(SETTINGS, 0, 0, b"")
    + http2_frame(
        HEADERS,
        END_HEADERS,
        1,
        literal(b":method", b"POST")
        + literal(b":scheme", b"http")
        + literal(b":path", b"/csi.v1.Identity/Probe")
        + literal(b":authority", b"localhost")
        + literal(b"te", b"trailers")
        + literal(b"content-type", b"application/grpc"),
    )
    + http2_frame(DATA, END_STREAM, 1, b"\0\0\0\0\0")
)


def probe(connection):
    """Sends a Probe and reads its answer up to the trailers; whether the answer says that the server is ready."""
    connection.sendall(REQUEST)
    buffered = b""
    body = b""
    while True:
        while len(buffered) >= 9:
            length = int.from_bytes(buffered[:3], "big")
            if len(buffered) < 9 + length:
                break
            kind, flags = buffered[3], buffered[4]
            stream = int.from_bytes(buffered[5:9], "big")
            payload, buffered = buffered[9 : 9 + length], buffered[9 + length :]
            if stream == 1 and kind == DATA:
                body += payload
            if stream == 1 and flags & END_STREAM:
                return body == READY
        received = connection.recv(65_536)
        if not received:
            return False
        buffered += received


def milliseconds_to_first_answer(server, seconds=20):
    """Starts the server and asks until it says that it is ready; leaves it running."""
    started = time.monotonic()
    server.start()
    while time.monotonic() < started + seconds:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(seconds)
                connection.connect(server.socket_path)
                if probe(connection):
                    return (time.monotonic() - started) * 1000
        except OSError:
            pass
        if server.process.poll() is not None:
            raise Failure(f"{server.name} ended with {server.process.returncode}: {server.last_words()}")
        time.sleep(0.0002)
    raise Failure(f"{server.name} was not ready within {seconds} s")
