/// Every bound that a server holds its peers to, with defaults that fit a CSI driver.
///
/// A peer that stays within them is never slowed down; one that does not loses its call or its connection, and costs
/// bounded memory meanwhile. Sizes are in bytes.
public struct TransportLimits: Sendable, Hashable {
    // MARK: How many

    /// Connections at once.
    ///
    /// When one more arrives, the connection that has been idle longest without ever having finished a call makes room;
    /// if there is none, the newcomer is closed.
    public var connections = 256

    /// Calls at once on one connection (SETTINGS_MAX_CONCURRENT_STREAMS).
    ///
    /// A call that its peer reset counts until its handler has ended; one too many is refused with REFUSED_STREAM.
    public var callsPerConnection = 100

    /// Calls at once in the whole server.
    ///
    /// Beyond it a connection with fewer than `guaranteedCallsPerConnection` calls is still served, so that one flood
    /// does not shut out everybody.
    public var calls = 2_000

    /// Calls that every connection may have even when `calls` is reached.
    public var guaranteedCallsPerConnection = 4

    /// Connections accepted in one turn of the loop.
    public var acceptsPerTurn = 32

    // MARK: How large

    /// One message, in either direction; RESOURCE_EXHAUSTED beyond it.
    public var messageBytes = 4 * 1024 * 1024

    /// The decoded header list of a call: names and values plus 32 for each field.
    ///
    /// Beyond it the answer is HTTP 431; beyond four times as much the connection ends.
    public var headerListBytes = 16 * 1024

    /// The table that compresses headers (SETTINGS_HEADER_TABLE_SIZE).
    public var headerTableBytes = 4_096

    /// What a peer may send of one call before the server has taken it (SETTINGS_INITIAL_WINDOW_SIZE).
    public var streamWindowBytes = 65_535

    /// What a peer may send on one connection before the server has taken it.
    public var connectionWindowBytes = 1024 * 1024

    /// Incomplete requests held per connection.
    ///
    /// Beyond it only the oldest call of the connection may go on sending; the others wait.
    public var requestBytesPerConnection = 8 * 1024 * 1024

    /// Incomplete requests held by the whole server.
    ///
    /// Beyond it the connection that holds the most loses its largest request with RESOURCE_EXHAUSTED.
    public var requestBytes = 64 * 1024 * 1024

    /// Answers that wait on one connection because their reader is slow.
    ///
    /// Beyond it no further handler starts for this connection.
    public var answerBytesPerConnection = 1024 * 1024

    /// Answers that wait in the whole server.
    ///
    /// Beyond it a connection with answers waiting starts no further handler.
    public var answerBytes = 64 * 1024 * 1024

    /// Messages of one streaming answer that wait; a handler that sends more is suspended.
    public var streamedAnswerBytes = 128 * 1024

    /// Bytes read from one connection in one turn of the loop, so that a flood does not starve the others.
    public var bytesReadPerTurn = 256 * 1024

    // MARK: How often

    /// Entries of one SETTINGS frame.
    public var settingsEntries = 32

    /// CONTINUATION frames of one header block.
    public var continuationFrames = 8

    /// Acknowledgements of PING and SETTINGS that wait because the peer does not read.
    public var unsentAcknowledgements = 100

    /// Calls reset by the peer, and calls that it makes the server reset: so many at once, and `resetsPerSecond` more
    /// each second.
    ///
    /// Beyond it the connection ends.
    public var resetBurst = 1_000

    /// See `resetBurst`.
    public var resetsPerSecond = 33

    /// Frames that do no work (PING, SETTINGS, PRIORITY, empty DATA, unknown types): so many at once, and
    /// `idleFramesPerSecond` more each second.
    ///
    /// Beyond it the connection ends with ENHANCE_YOUR_CALM.
    public var idleFrameBurst = 2_000

    /// See `idleFrameBurst`.
    public var idleFramesPerSecond = 200

    // MARK: How long

    /// From accepting a connection to the end of its HTTP/2 preface.
    public var prefaceTimeout = Duration.seconds(10)

    /// From the first to the last frame of a header block.
    public var headersTimeout = Duration.seconds(10)

    /// Without a byte of a request that is not complete.
    ///
    /// A streaming request may rest between two messages.
    public var bodyTimeout = Duration.seconds(30)

    /// Without a byte taken of an answer that waits.
    public var answerTimeout = Duration.seconds(60)

    /// Without a call on a connection; nil, the default, keeps idle connections, as sidecars expect: some of them exit
    /// when their connection is lost.
    public var idleTimeout: Duration?

    /// The defaults.
    public init() {}
}

extension Duration {
    /// The duration in nanoseconds, at least 0; very long ones are cut to 292 years.
    var boundedNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow, whole < UInt64(Int64.max) - 1_000_000_000 else { return UInt64(Int64.max) }
        return whole + UInt64(attoseconds) / 1_000_000_000
    }
}
