import CNGHTTP2

/// A frame of libnghttp2, valid only inside the callback that gave it.
typealias FramePointer = UnsafePointer<nghttp2_frame>

/// One HTTP/2 connection: a session, the wire that it talks over, and the turn-wise writing of its output.
///
/// Servers and clients subclass it for what a stream means to them. Only the loop's thread touches it.
class HTTP2Connection: EndOfTurnWork {
    /// What happens in a stream that is asked for DATA.
    enum Output {
        /// So many bytes were written, and more may follow at once.
        case more(Int)

        /// So many bytes were written; `resume` tells when there are more.
        case paused(Int)

        /// So many bytes were written, and they end the stream, if `trailers` do not follow.
        case ended(Int, trailers: Bool)

        /// The stream cannot go on.
        case failed
    }

    // Exclusivity is unchecked for the reason given in `ServerConnection`.

    final let loop: EventLoop
    @exclusivity(unchecked) final private(set) var wire: (any Wire)?
    @exclusivity(unchecked) final private(set) var isClosed = false

    @exclusivity(unchecked) private final var live: HTTP2Session?
    @exclusivity(unchecked) private final var flushPlanned = false
    private let hooks = HTTP2Callbacks.shared

    /// A connection over `wire`; nil when memory is out.
    init?(_ settings: HTTP2Session.Settings, wire: any Wire, loop: EventLoop) {
        self.loop = loop
        self.wire = wire
        live = HTTP2Session(settings, events: self)
        if live == nil { return nil }
    }

    deinit {
        destroy()
    }

    private func destroy() {
        live?.destroy()
        live = nil
    }

    /// The session, until the connection is closed.
    final var session: HTTP2Session? { live }

    // MARK: The wire

    /// Takes bytes that the peer sent.
    ///
    /// Many small calls that came together are answered in portions, so that the peer reads the first answers while the
    /// next are made: with all of them written at the end, the two took turns, and each rested most of the time.
    final func receive(_ bytes: UnsafeRawBufferPointer) {
        setNeedsFlush()
        var rest = bytes[...]
        while let live, !isClosed, !rest.isEmpty {
            let portion = rest.prefix(HTTP2Connection.portionBytes)
            rest = rest.dropFirst(portion.count)
            guard live.receive(UnsafeRawBufferPointer(rebasing: portion)) else {
                // Most often: what arrived is not HTTP/2. Nothing more can be said on this session.
                close()
                return
            }
            if !rest.isEmpty && live.queuedFrames >= HTTP2Connection.portionFrames { flush() }
        }
    }

    /// How much input is taken before it is asked whether to write: some thirty calls with empty messages.
    static let portionBytes = 1_024

    /// How many frames are worth a write before the end of a turn: a write costs as much as a small call.
    static let portionFrames = 16

    /// The wire has taken everything that was written.
    final func wireDrained() {
        setNeedsFlush()
    }

    /// The wire is gone.
    final func wireClosed() {
        close()
    }

    /// Has the session's output written at the end of this turn.
    final func setNeedsFlush() {
        guard !flushPlanned, !isClosed else { return }
        flushPlanned = true
        loop.atEndOfTurn(self)
    }

    final func endOfTurn() {
        flushPlanned = false
        guard !isClosed else { return }
        flush()
        if !isClosed { turnEnded() }
    }

    /// Gathers frames into the loop's buffer for that and writes it whenever it is full.
    private func flush() {
        guard let live, let wire, let base = loop.outgoing.baseAddress else { return }
        var gathered = 0
        var isDrained = wire.isDrained
        while isDrained {
            guard let bytes = live.nextOutput() else {
                close()
                return
            }
            guard let source = bytes.baseAddress, bytes.count > 0 else { break }
            if gathered + bytes.count > EventLoop.scratchBytes {
                wire.write(UnsafeRawBufferPointer(start: base, count: gathered))
                gathered = 0
                isDrained = wire.isDrained
            }
            if bytes.count > EventLoop.scratchBytes {
                wire.write(bytes)
                isDrained = wire.isDrained
            } else {
                (base + gathered).copyMemory(from: source, byteCount: bytes.count)
                gathered += bytes.count
            }
        }
        if gathered > 0 {
            wire.write(UnsafeRawBufferPointer(start: base, count: gathered))
            isDrained = wire.isDrained
        }
        wire.setReading(wantsReading(wireDrained: isDrained))
        if isDrained && !live.isAlive { close() }
    }

    /// Whether to read on: not from a peer that leaves our frames lying while it makes us queue more.
    private func wantsReading(wireDrained: Bool) -> Bool {
        wireDrained || (live?.queuedFrames ?? 0) < 1_000
    }

    /// Ends the connection at once.
    final func close() {
        guard !isClosed else { return }
        isClosed = true
        wire?.close()
        wire = nil
        connectionClosed()
        // The session may be on the stack, calling us. Holding self as well keeps its callbacks' context alive.
        loop.later { [self] in destroy() }
    }

    // MARK: Events, for the subclasses

    func frameBegan(_ header: UnsafePointer<nghttp2_frame_hd>) {}

    func headersBegan(_ frame: FramePointer) {}

    func header(_ frame: FramePointer, name: WireText, value: WireText) -> Bool { true }

    func data(stream: Int32, bytes: UnsafeRawBufferPointer) {}

    func frameReceived(_ frame: FramePointer) {}

    func frameSent(_ frame: FramePointer) {}

    func streamClosed(_ stream: Int32, code: UInt32) {}

    /// Fills a DATA frame of a stream.
    func output(_ stream: Int32, _ target: UnsafeMutableRawBufferPointer) -> Output { .failed }

    /// The connection has been closed; its streams have not been told.
    func connectionClosed() {}

    /// The output of a turn has been written.
    func turnEnded() {}

    /// Answers libnghttp2's question for a stream's DATA.
    final func fill(
        _ stream: Int32, _ target: UnsafeMutableRawBufferPointer, _ flags: UnsafeMutablePointer<UInt32>
    ) -> Int {
        switch output(stream, target) {
        case .more(let count):
            return count
        case .paused(let count):
            return count == 0 ? Int(NGHTTP2_ERR_DEFERRED.rawValue) : count
        case .ended(let count, let trailers):
            flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue)
            if trailers { flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue) }
            return count
        case .failed:
            return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
        }
    }
}
