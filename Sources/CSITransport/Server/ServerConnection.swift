import CNGHTTP2

/// One client's connection on the server.
final class ServerConnection: HTTP2Connection {
    let core: ServerCore
    let limits: TransportLimits
    let peer: PeerCredentials?

    // Exclusivity is unchecked where a call touches it: only the loop's thread does, and no access lasts across a call
    // that could begin another. Checking it at run time took a fifth of the instructions of a small call.

    /// The calls whose streams are open.
    @exclusivity(unchecked) private(set) var streams: [ServerStream] = []

    /// The calls whose handlers run although their streams are gone.
    @exclusivity(unchecked) var orphans: [ServerStream] = []

    /// Calls that were answered.
    @exclusivity(unchecked) var finishedCalls = 0

    /// When it last had a call, in nanoseconds.
    @exclusivity(unchecked) private(set) var idleSince: UInt64

    /// Bytes of requests held.
    @exclusivity(unchecked) var requestBytes = 0

    @exclusivity(unchecked) var committedAnswerBytes = 0
    @exclusivity(unchecked) var waiting: [ServerStream] = []
    @exclusivity(unchecked) var openRequests = 0
    @exclusivity(unchecked) var withholding = 0
    // The stream whose header block is being read, and the one that was asked for last; `streams` keeps them alive, and what
    // removes a stream from there clears them.
    @exclusivity(unchecked) private var headerStream: Unmanaged<ServerStream>?
    @exclusivity(unchecked) private var recentStream: Unmanaged<ServerStream>?
    @exclusivity(unchecked) private var recentID: Int32 = 0
    @exclusivity(unchecked) private var routes: RouteCache
    private let headerListBound: Int
    private let shortestTimeout: UInt64
    @exclusivity(unchecked) private var userAgents = UserAgentCache()
    @exclusivity(unchecked) private var highestStream: Int32 = 0
    @exclusivity(unchecked) private var endedEarly = RecentStreams()
    @exclusivity(unchecked) private var resets: TokenBucket
    @exclusivity(unchecked) private var idleFrames: TokenBucket
    @exclusivity(unchecked) var hasPreface = false
    @exclusivity(unchecked) var headersSince: UInt64 = 0
    @exclusivity(unchecked) var watchdog: LoopTimer?
    @exclusivity(unchecked) var isDraining = false
    @exclusivity(unchecked) var isFinalGoAwaySent = false

    /// A connection over `wire`; nil when memory is out.
    init?(_ core: ServerCore, wire: any Wire) {
        let limits = core.configuration.limits
        self.core = core
        self.limits = limits
        routes = RouteCache(core.routes)
        peer = wire.peer
        headerListBound = 4 * max(0, min(limits.headerListBytes, 1 << 24))
        let shortest = min(limits.headersTimeout, limits.bodyTimeout, limits.answerTimeout)
        // A timer that is set while a request arrives is not set again when the connection comes to rest.
        shortestTimeout = min(shortest, limits.idleTimeout ?? shortest).boundedNanoseconds
        idleSince = core.loop.now
        resets = TokenBucket(burst: limits.resetBurst, perSecond: limits.resetsPerSecond)
        idleFrames = TokenBucket(burst: limits.idleFrameBurst, perSecond: limits.idleFramesPerSecond)
        let settings = HTTP2Session.Settings(
            isServer: true, concurrentStreams: limits.callsPerConnection, headerListBytes: limits.headerListBytes,
            headerTableBytes: limits.headerTableBytes, streamWindow: limits.streamWindowBytes,
            connectionWindow: limits.connectionWindowBytes, limits: limits)
        super.init(settings, wire: wire, loop: core.loop)
        let timer = LoopTimer { [unowned self] in watch() }
        watchdog = timer
        loop.arm(timer, after: limits.prefaceTimeout.boundedNanoseconds)
        setNeedsFlush()
    }

    /// Calls that count against the limits: open streams, and handlers that outlived theirs.
    var activeCalls: Int { streams.count + orphans.count }

    // MARK: Frames in

    override func frameBegan(_ header: UnsafePointer<nghttp2_frame_hd>) {
        let type = UInt32(header.pointee.type)
        // A block of headers is over when anything but its continuation follows, even if it was broken.
        if type != NGHTTP2_CONTINUATION.rawValue {
            headersSince = type == NGHTTP2_HEADERS.rawValue ? loop.now : 0
            headerStream = nil
        }
        switch type {
        case NGHTTP2_HEADERS.rawValue:
            checkStreamID(header.pointee.stream_id)
        case NGHTTP2_DATA.rawValue:
            let endsStream = header.pointee.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
            if header.pointee.length == 0 && !endsStream { countIdleFrame() }
        case NGHTTP2_RST_STREAM.rawValue, NGHTTP2_WINDOW_UPDATE.rawValue, NGHTTP2_CONTINUATION.rawValue,
            NGHTTP2_GOAWAY.rawValue:
            break
        default:
            countIdleFrame()
        }
    }

    /// RFC 9113, 5.1.1: a new stream's id is higher than every one before it.
    ///
    /// libnghttp2 ignores a lower one.
    private func checkStreamID(_ id: Int32) {
        guard id > 0 else { return }
        if id > highestStream {
            highestStream = id
        } else if session?.userData(id) == nil && !endedEarly.contains(id) {
            session?.terminate(HTTP2ErrorCode.protocolError)
        }
    }

    private func countIdleFrame() {
        if !idleFrames.take(at: loop.now) { session?.terminate(HTTP2ErrorCode.enhanceYourCalm) }
    }

    override func headersBegan(_ frame: FramePointer) {
        guard frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST else {
            headerStream = find(frame.pointee.hd.stream_id)
            return
        }
        let stream = ServerStream(id: frame.pointee.hd.stream_id, connection: self, messageLimit: limits.messageBytes)
        stream.slot = streams.count
        streams.append(stream)
        openRequests += 1
        session?.setUserData(stream.id, stream)
        let unmanaged = Unmanaged.passUnretained(stream)
        headerStream = unmanaged
        recentStream = unmanaged
        recentID = stream.id
    }

    /// An open stream, without a reference that keeps it: it stays open, and in `streams`, for as long as this callback of
    /// libnghttp2 lasts, since only `streamClosed` and the end of the connection, which never comes inside one, remove it.
    private func find(_ id: Int32) -> Unmanaged<ServerStream>? {
        if id == recentID, let recentStream { return recentStream }
        guard !isClosed, let pointer = session?.userData(id) else { return nil }
        let found = Unmanaged<ServerStream>.fromOpaque(pointer)
        recentStream = found
        recentID = id
        return found
    }

    override func header(_ frame: FramePointer, name: WireText, value: WireText) -> Bool {
        guard let headerStream else { return true }
        // Alive: `streams` holds it; see there.
        return headerStream._withUnsafeGuaranteedRef { stream in
            // Trailers of a request mean nothing in gRPC; their size is bounded with the head's.
            if stream.hasHead {
                stream.head.count(name, value)
            } else {
                stream.head.add(
                    name: name, value: value, routes: &routes, limit: limits.headerListBytes, userAgents: &userAgents)
            }
            return stream.head.listBytes <= headerListBound
        }
    }

    override func data(stream id: Int32, bytes: UnsafeRawBufferPointer) {
        // The connection's window is given back at once, so that one stream's data never holds up another's.
        session?.consumeConnection(bytes.count)
        find(id)?._withUnsafeGuaranteedRef { data($0, bytes: bytes) }
    }

    private func data(_ stream: ServerStream, bytes: UnsafeRawBufferPointer) {
        guard !stream.response.isFinished else { return }
        stream.lastProgress = loop.now
        let before = stream.request.bufferedBytes
        do throws(RPCError) {
            try stream.request.receive(bytes, using: &core.spareBuffers)
        } catch {
            reject(stream, error)
            return
        }
        requestBytesChanged(by: stream.request.bufferedBytes - before)
        stream.wakeReaders()
        if mayGoOn(stream) {
            session?.consumeStream(stream.id, bytes.count)
        } else {
            if stream.withheldWindow == 0 { withholding += 1 }
            stream.withheldWindow += bytes.count
        }
    }

    override func frameReceived(_ frame: FramePointer) {
        switch UInt32(frame.pointee.hd.type) {
        case NGHTTP2_HEADERS.rawValue:
            headersSince = 0
            headerStream = nil
            find(frame.pointee.hd.stream_id)?._withUnsafeGuaranteedRef { stream in
                if !stream.hasHead { headComplete(stream) }
                if frame.pointee.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 { requestEnded(stream) }
            }
        case NGHTTP2_DATA.rawValue:
            guard frame.pointee.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 else { return }
            find(frame.pointee.hd.stream_id)?._withUnsafeGuaranteedRef { requestEnded($0) }
        case NGHTTP2_SETTINGS.rawValue:
            guard !hasPreface else { return }
            hasPreface = true
            if let watchdog { loop.disarm(watchdog) }
        case NGHTTP2_PING.rawValue:
            if isDraining && frame.pointee.hd.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 { finishDraining() }
        default: break
        }
    }

    private func headComplete(_ stream: ServerStream) {
        stream.hasHead = true
        guard activeCalls <= limits.callsPerConnection, core.mayBegin(on: self) else {
            _ = stream.response.abandon()
            session?.reset(stream.id, HTTP2ErrorCode.refusedStream)
            return
        }
        guard let route = stream.head.route, stream.head.isAcceptable(limit: limits.headerListBytes) else {
            let rejection = stream.head.rejection(limit: limits.headerListBytes)
            core.rejected(stream, rejection.error)
            stream.refuse(rejection)
            return
        }
        if let timeout = stream.head.timeout { stream.armDeadline(timeout) }
        if route.shape.streamsRequests {
            stream.request = RequestStream(takesMany: true, messageLimit: limits.messageBytes)
            admit(stream)
        }
    }

    private func requestEnded(_ stream: ServerStream) {
        guard !stream.request.isEnded else { return }
        openRequests -= 1
        guard !stream.response.isFinished else {
            // Refused already: only the end is noted.
            stream.request.discard()
            do throws(RPCError) { try stream.request.end() } catch {}
            return
        }
        do throws(RPCError) {
            try stream.request.end()
        } catch {
            reject(stream, error)
            return
        }
        guard let route = stream.head.route else { return }
        if route.shape.streamsRequests { stream.wakeReaders() } else { admit(stream) }
    }

    // MARK: Answers

    override func output(_ id: Int32, _ target: UnsafeMutableRawBufferPointer) -> Output {
        find(id)?._withUnsafeGuaranteedRef { output($0, target) } ?? .failed
    }

    private func output(_ stream: ServerStream, _ target: UnsafeMutableRawBufferPointer) -> Output {
        stream.lastProgress = loop.now
        let filled = stream.response.fill(target)
        commit(stream, to: max(1, stream.response.pendingBytes))
        stream.wakeWriters()
        switch filled {
        case .more(let count): return .more(count)
        case .paused(let count): return .paused(count)
        case .ended(let count):
            if stream.response.error == nil && stream.hasPlainHeaders {
                session?.trailers(stream.id, StaticHeaders.okTrailers.fields)
            } else {
                var block = HeaderBlock()
                addStatus(of: stream, to: &block)
                block.withFields { _ = session?.trailers(stream.id, $0) }
            }
            return .ended(count, trailers: true)
        }
    }

    override func frameSent(_ frame: FramePointer) {
        switch UInt32(frame.pointee.hd.type) {
        case NGHTTP2_HEADERS.rawValue:
            // The answer is complete; a peer that still sends its request is told to stop.
            guard frame.pointee.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 else { return }
            find(frame.pointee.hd.stream_id)?._withUnsafeGuaranteedRef { stream in
                if !stream.request.isEnded { session?.reset(stream.id, HTTP2ErrorCode.noError) }
            }
        case NGHTTP2_RST_STREAM.rawValue:
            if !resets.take(at: loop.now) { session?.terminate(HTTP2ErrorCode.enhanceYourCalm) }
        default: break
        }
    }

    override func streamClosed(_ id: Int32, code: UInt32) {
        // From here on it is kept by nobody else.
        guard let stream = find(id)?.takeUnretainedValue() else { return }
        session?.setUserData(id, nil)
        recentStream = nil
        if headerStream?.toOpaque() == Unmanaged.passUnretained(stream).toOpaque() {
            headerStream = nil
            headersSince = 0
        }
        remove(stream)
        if !stream.request.isEnded { endedEarly.insert(id) }
        release(stream)
        if !waiting.isEmpty || isDraining { setNeedsFlush() }
    }

    private func remove(_ stream: ServerStream) {
        let last = streams.removeLast()
        if last !== stream {
            streams[stream.slot] = last
            last.slot = stream.slot
        }
        if streams.isEmpty { idleSince = loop.now }
    }

    /// Gives back everything that a stream held.
    private func release(_ stream: ServerStream) {
        if !stream.request.isEnded { openRequests -= 1 }
        if stream.withheldWindow > 0 {
            withholding -= 1
            stream.withheldWindow = 0
        }
        let held = stream.request.bufferedBytes
        if stream.isRunning {
            orphans.append(stream)
        } else if !waiting.isEmpty {
            waiting.removeAll { $0 === stream }
        }
        stream.close()
        requestBytesChanged(by: -held)
        if stream.committedBytes > 0 { commit(stream, to: 0) }
    }

    override func turnEnded() {
        if !waiting.isEmpty { admitWaiting() }
        if isDraining && streams.isEmpty && orphans.isEmpty && isFinalGoAwaySent && wire?.isDrained != false {
            close()
            return
        }
        guard let watchdog, !watchdog.isArmed, hasPreface else { return }
        if openRequests > 0 || committedAnswerBytes > 0 || headersSince > 0 {
            loop.arm(watchdog, after: shortestTimeout)
        } else if let idle = limits.idleTimeout {
            loop.arm(watchdog, after: idle.boundedNanoseconds)
        }
    }

    override func connectionClosed() {
        if let watchdog { loop.disarm(watchdog) }
        watchdog = nil
        headerStream = nil
        recentStream = nil
        waiting = []
        let open = streams
        streams = []
        for stream in open { release(stream) }
        core.connectionClosed(self)
    }
}
