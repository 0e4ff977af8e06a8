import CNGHTTP2

/// The client's end of a connection.
///
/// Only the loop's thread touches it.
final class ClientConnection: HTTP2Connection {
    /// What a call asks for.
    struct Request: Sendable {
        let path: String
        let metadata: Metadata
        let timeout: Duration?
    }

    /// Called once the server's settings have arrived, or with the reason why they cannot.
    var onReady: ((RPCError?) -> Void)?

    /// What the header blocks of one answer may take; a server that sends more is not talked to any further.
    private static let headerListBound = 256 * 1024

    private var streams: [Int32: ClientStream] = [:]
    private var isGoingAway = false
    private let messageLimit: Int

    /// A connection over `wire`; nil when memory is out.
    init?(wire: any Wire, loop: EventLoop, messageLimit: Int) {
        self.messageLimit = messageLimit
        let settings = HTTP2Session.Settings(
            isServer: false, concurrentStreams: 0, headerListBytes: 64 * 1024, headerTableBytes: 4_096,
            streamWindow: 1024 * 1024, connectionWindow: 4 * 1024 * 1024, limits: TransportLimits())
        super.init(settings, wire: wire, loop: loop)
        setNeedsFlush()
    }

    /// Whether no call runs.
    var isIdle: Bool { streams.isEmpty }

    /// Begins a call; nil, after calling `completion`, when the connection is of no use any more.
    func begin(_ request: Request, completion: ((ClientStream.Ended) -> Void)?) -> ClientStream? {
        let stream = ClientStream(connection: self, messageLimit: messageLimit, completion: completion)
        guard let session, !isClosed, !isGoingAway else {
            stream.fail(RPCError(code: .unavailable, message: "the connection to the server is closed"))
            return nil
        }
        var block = HeaderBlock()
        block.add(":method", "POST")
        block.add(":scheme", "http")
        block.add(":path", request.path)
        block.add(":authority", "localhost")
        block.add("te", "trailers")
        block.add("content-type", "application/grpc")
        block.add("user-agent", "swift-csi")
        if let timeout = request.timeout {
            let nanoseconds = timeout.boundedNanoseconds
            block.add("grpc-timeout", GRPCTimeout.format(nanoseconds))
            stream.armDeadline(nanoseconds)
        }
        block.add(request.metadata)
        let id = block.withFields { session.request($0, user: stream) }
        guard id > 0 else {
            stream.fail(RPCError(code: .unavailable, message: "the connection has no room for another call"))
            return nil
        }
        stream.id = id
        streams[id] = stream
        setNeedsFlush()
        return stream
    }

    private func stream(_ id: Int32) -> ClientStream? { streams[id] }

    // MARK: Frames

    override func header(_ frame: FramePointer, name: WireText, value: WireText) -> Bool {
        guard let stream = stream(frame.pointee.hd.stream_id) else { return true }
        stream.head.add(name: name, value: value)
        return stream.head.listBytes <= ClientConnection.headerListBound
    }

    override func data(stream id: Int32, bytes: UnsafeRawBufferPointer) {
        session?.consumeConnection(bytes.count)
        stream(id)?.receive(bytes)
    }

    override func frameReceived(_ frame: FramePointer) {
        switch UInt32(frame.pointee.hd.type) {
        case NGHTTP2_HEADERS.rawValue:
            let ends = frame.pointee.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
            stream(frame.pointee.hd.stream_id)?.headersComplete(endsStream: ends)
        case NGHTTP2_SETTINGS.rawValue:
            onReady?(nil)
            onReady = nil
        case NGHTTP2_GOAWAY.rawValue:
            isGoingAway = true
        default: break
        }
    }

    override func output(_ id: Int32, _ target: UnsafeMutableRawBufferPointer) -> Output {
        stream(id)?.fill(target) ?? .failed
    }

    /// A call has something to send again.
    func resume(_ stream: ClientStream) {
        guard stream.id > 0 else { return }
        session?.resume(stream.id)
        setNeedsFlush()
    }

    override func streamClosed(_ id: Int32, code: UInt32) {
        streams.removeValue(forKey: id)?.closed(code)
    }

    override func connectionClosed() {
        let error = RPCError(code: .unavailable, message: "the connection to the server was lost")
        onReady?(error)
        onReady = nil
        let open = streams
        streams = [:]
        for stream in open.values { stream.fail(error) }
    }
}
