"""A peer that may be wrong: HTTP/2 frames by hand on a Unix socket."""

import socket
import struct

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def message(body, *, flag=0, length=None):
    """A message behind gRPC's five-byte prefix, which may lie."""
    return struct.pack(">BI", flag, len(body) if length is None else length) + body


def request_headers(path="/csi.v1.Identity/Probe", **changes):
    headers = {
        ":method": "POST", ":scheme": "http", ":path": path, ":authority": "localhost",
        "content-type": "application/grpc", "te": "trailers",
    }
    headers.update({name.replace("_", "-"): value for name, value in changes.items()})
    return [(name, value) for name, value in headers.items() if value is not None]


class Answer:
    """What came back on one stream."""

    def __init__(self):
        self.headers = {}
        self.body = b""
        self.reset = None
        self.ended = False
        self.closed = False

    @property
    def grpc_status(self):
        return int(self.headers["grpc-status"]) if "grpc-status" in self.headers else None

    @property
    def http_status(self):
        return int(self.headers.get(":status", 0))

    def __repr__(self):
        return f"{self.headers} reset={self.reset} ended={self.ended} closed={self.closed}"


class Peer:
    """One connection; used with `with`."""

    def __init__(self, path, *, handshake=True, timeout=30):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.pending = b""
        if handshake:
            self.send(PREFACE + frame(SETTINGS, 0, 0))

    def send(self, data):
        self.socket.sendall(data)

    def headers_frame(self, headers, stream=1, flags=END_HEADERS):
        return frame(HEADERS, flags, stream, self.encoder.encode(headers))

    def call(self, body, *, headers=None, stream=1, end=True):
        """Sends one request and returns what came back on its stream."""
        opening = self.headers_frame(headers or request_headers(), stream, END_HEADERS if body else END_HEADERS | end)
        self.send(opening + (frame(DATA, END_STREAM if end else 0, stream, body) if body else b""))
        return self.answer(stream)

    def frames(self):
        """Frames until the server closes the connection."""
        while True:
            while len(self.pending) >= 9:
                length = int.from_bytes(self.pending[:3], "big")
                if len(self.pending) < 9 + length:
                    break
                kind, flags = self.pending[3], self.pending[4]
                stream = int.from_bytes(self.pending[5:9], "big") & 0x7FFFFFFF
                payload, self.pending = self.pending[9:9 + length], self.pending[9 + length:]
                yield kind, flags, stream, payload
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                return
            if not more:
                return
            self.pending += more

    def answer(self, stream=1):
        """Waits until the stream ends, is reset, or the connection is closed."""
        found = Answer()
        for kind, flags, number, payload in self.frames():
            if kind == SETTINGS and not flags & ACK:
                self.send(frame(SETTINGS, ACK, 0))
            elif kind == HEADERS:
                decoded = dict(self.decoder.decode(payload))
                if number == stream:
                    found.headers.update(decoded)
            elif kind == DATA and number == stream:
                found.body += payload
            elif kind == RST_STREAM and number == stream:
                found.reset = int.from_bytes(payload, "big")
                return found
            if number == stream and kind in (HEADERS, DATA) and flags & END_STREAM:
                found.ended = True
                return found
        found.closed = True
        return found

    def is_closed_by_server(self):
        """Reads until the server closes; a time-out is an error of its own."""
        for _ in self.frames():
            pass
        return True

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
