import CNGHTTP2
import CSITransport
import Glibc

/// An HTTP/2 client that writes its frames by hand, so that it can break every rule.
final class RawClient {
    struct Frame {
        let type: UInt8
        let flags: UInt8
        let stream: Int32
        let payload: [UInt8]

        var endsStream: Bool { (type == 0 || type == 1) && flags & 1 != 0 }
    }

    /// What a call got.
    struct Answer {
        var headers: [String: String] = [:]
        var body: [UInt8] = []
        var resetCode: UInt32?
        var goAwayCode: UInt32?
        var isComplete = false
        var blocks = 0

        var status: Int? { headers["grpc-status"].flatMap { Int($0) } }
    }

    private(set) var descriptor: Int32
    private var inflater: OpaquePointer?
    private var received: [UInt8] = []

    /// The code of the last GOAWAY.
    private(set) var goAwayCode: UInt32?

    /// Connects; with `preface` it also says hello with empty settings.
    init(_ endpoint: Endpoint, preface: Bool = true) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { target in
            for (index, byte) in endpoint.path.utf8.enumerated() { target[index] = byte }
        }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        if result != 0 { throw RPCError(code: .unavailable, message: "connect: \(errno)") }
        // A write that the server does not take must not block the test for ever.
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        nghttp2_hd_inflate_new(&inflater)
        if preface { send(RawClient.preface + RawClient.frame(4)) }
    }

    deinit {
        close()
        nghttp2_hd_inflate_del(inflater)
    }

    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    // MARK: Writing

    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    static func frame(_ type: UInt8, _ flags: UInt8 = 0, _ stream: Int32 = 0, _ payload: [UInt8] = []) -> [UInt8] {
        let length = payload.count
        return [
            UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255), type, flags,
        ] + number(UInt32(bitPattern: stream)) + payload
    }

    static func number(_ value: UInt32) -> [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)]
    }

    /// A header block without compression.
    static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { [0] + text($0.0) + text($0.1) }
    }

    private static func text(_ value: String) -> [UInt8] {
        let bytes = Array(value.utf8)
        guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
        var length: [UInt8] = [127]
        var rest = bytes.count - 127
        while rest >= 128 {
            length.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        return length + [UInt8(rest)] + bytes
    }

    static func callFields(_ method: String, _ extra: [(String, String)] = []) -> [(String, String)] {
        [
            (":method", "POST"), (":scheme", "http"), (":path", "/test.Service/\(method)"),
            (":authority", "localhost"), ("te", "trailers"), ("content-type", "application/grpc"),
        ] + extra
    }

    /// A message with its five-byte prefix.
    static func message(_ bytes: [UInt8], flag: UInt8 = 0) -> [UInt8] {
        [flag] + number(UInt32(bytes.count)) + bytes
    }

    /// A BytesValue with this content, framed.
    static func value(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        return message(bytes.isEmpty ? [] : [10, UInt8(bytes.count)] + bytes)
    }

    /// Writes bytes; false when the server does not take them any more.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return false }
            sent += count
        }
        return true
    }

    /// Sends HEADERS; `ends` also ends the stream.
    @discardableResult
    func headers(_ stream: Int32, _ fields: [(String, String)], ends: Bool = false) -> Bool {
        send(RawClient.frame(1, ends ? 5 : 4, stream, RawClient.block(fields)))
    }

    @discardableResult
    func data(_ stream: Int32, _ bytes: [UInt8], ends: Bool = true) -> Bool {
        send(RawClient.frame(0, ends ? 1 : 0, stream, bytes))
    }

    /// Sends a whole call.
    @discardableResult
    func call(_ stream: Int32, _ method: String, _ text: String = "", _ extra: [(String, String)] = []) -> Bool {
        headers(stream, RawClient.callFields(method, extra)) && data(stream, RawClient.value(text))
    }

    // MARK: Reading

    /// Whether the server has closed the connection, or does so within the time; frames on the way are skipped.
    func isClosed(within milliseconds: Int32 = 20_000) -> Bool {
        while true {
            guard fill(milliseconds) else { return isAtEnd }
            while takeFrame() != nil {}
        }
    }

    private var isAtEnd = false

    private func fill(_ milliseconds: Int32) -> Bool {
        if isAtEnd { return false }
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&poller, 1, milliseconds) > 0 else { return false }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else {
            isAtEnd = true
            return false
        }
        received += buffer[..<count]
        return true
    }

    private func takeFrame() -> Frame? {
        guard received.count >= 9 else { return nil }
        let length = Int(received[0]) << 16 | Int(received[1]) << 8 | Int(received[2])
        guard received.count >= 9 + length else { return nil }
        let stream = received[5..<9].reduce(Int32(0)) { $0 << 8 | Int32($1) }
        let frame = Frame(
            type: received[3], flags: received[4], stream: stream, payload: Array(received[9..<9 + length]))
        received.removeFirst(9 + length)
        if frame.type == 7, frame.payload.count >= 8 {
            goAwayCode = frame.payload[4..<8].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        }
        return frame
    }

    /// The next frame; nil after the time, or when the connection is closed.
    func next(within milliseconds: Int32 = 20_000) -> Frame? {
        while true {
            if let frame = takeFrame() { return frame }
            guard fill(milliseconds) else { return nil }
        }
    }

    /// Reads until a stream has ended, or the connection.
    func answer(_ stream: Int32, within milliseconds: Int32 = 20_000) -> Answer {
        var answer = Answer()
        while let frame = next(within: milliseconds) {
            if frame.type == 7 { answer.goAwayCode = goAwayCode }
            guard frame.stream == stream else {
                if frame.type == 1 { _ = inflate(frame.payload) }
                continue
            }
            switch frame.type {
            case 0: answer.body += frame.payload
            case 1:
                answer.headers.merge(inflate(frame.payload)) { $1 }
                answer.blocks += 1
            case 3:
                answer.resetCode = frame.payload.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
                return answer
            default: break
            }
            if frame.endsStream {
                answer.isComplete = true
                return answer
            }
        }
        answer.goAwayCode = goAwayCode
        return answer
    }

    private func inflate(_ block: [UInt8]) -> [String: String] {
        var fields: [String: String] = [:]
        var rest = block
        while true {
            var field = nghttp2_nv()
            var flags: Int32 = 0
            let used = nghttp2_hd_inflate_hd2(inflater, &field, &flags, rest, rest.count, 1)
            guard used >= 0 else { return fields }
            rest.removeFirst(used)
            if flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
                let name = String(decoding: UnsafeBufferPointer(start: field.name, count: field.namelen), as: UTF8.self)
                fields[name] = String(
                    decoding: UnsafeBufferPointer(start: field.value, count: field.valuelen), as: UTF8.self)
            }
            if flags & Int32(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 {
                nghttp2_hd_inflate_end_headers(inflater)
                return fields
            }
            if used == 0 && flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) == 0 { return fields }
        }
    }
}
