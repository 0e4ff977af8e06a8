import CNGHTTP2

/// An HTTP/2 error code.
enum HTTP2ErrorCode {
    static let noError = UInt32(NGHTTP2_NO_ERROR.rawValue)
    static let protocolError = UInt32(NGHTTP2_PROTOCOL_ERROR.rawValue)
    static let internalError = UInt32(NGHTTP2_INTERNAL_ERROR.rawValue)
    static let refusedStream = UInt32(NGHTTP2_REFUSED_STREAM.rawValue)
    static let cancel = UInt32(NGHTTP2_CANCEL.rawValue)
    static let enhanceYourCalm = UInt32(NGHTTP2_ENHANCE_YOUR_CALM.rawValue)
}

/// A session of libnghttp2: bytes in, events out; requests in, bytes out.
///
/// It does no I/O. A handle: copies mean the same session, which `destroy()` ends.
struct HTTP2Session {
    /// The settings that one side announces and the limits that it holds the other to.
    struct Settings {
        var isServer: Bool
        var concurrentStreams: Int
        var headerListBytes: Int
        var headerTableBytes: Int
        var streamWindow: Int
        var connectionWindow: Int
        var limits: TransportLimits
    }

    private let session: OpaquePointer

    /// The first type after those of RFC 9113.
    private static let firstUnknownType: UInt8 = 0x0A

    /// A session that reports to `events`, which must outlive it and must not call `receive` or `nextOutput` meanwhile;
    /// nil when memory is out.
    init?(_ settings: Settings, events: HTTP2Connection) {
        var option: OpaquePointer?
        guard nghttp2_option_new(&option) == 0 else { return nil }
        defer { nghttp2_option_del(option) }
        let limits = settings.limits
        nghttp2_option_set_no_auto_window_update(option, 1)
        nghttp2_option_set_max_outbound_ack(option, max(1, limits.unsentAcknowledgements))
        nghttp2_option_set_max_settings(option, max(1, limits.settingsEntries))
        nghttp2_option_set_max_continuations(option, max(0, limits.continuationFrames))
        nghttp2_option_set_stream_reset_rate_limit(
            option, UInt64(max(1, limits.resetBurst)), UInt64(max(1, limits.resetsPerSecond)))
        // Frames of unknown types are skipped without a word unless they are asked for, and a flood of them has to be seen.
        for type in HTTP2Session.firstUnknownType...UInt8.max {
            nghttp2_option_set_user_recv_extension_type(option, type)
        }
        let context = Unmanaged.passUnretained(events).toOpaque()
        let callbacks = HTTP2Callbacks.shared.table
        var made: OpaquePointer?
        let result =
            settings.isServer
            ? nghttp2_session_server_new2(&made, callbacks, context, option)
            : nghttp2_session_client_new2(&made, callbacks, context, option)
        guard result == 0, let made else { return nil }
        session = made
        let entry = HTTP2Session.entry
        let entries = [
            entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0),
            entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings.concurrentStreams),
            entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings.streamWindow),
            entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings.headerListBytes),
            entry(NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, settings.headerTableBytes),
        ]
        nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), entries, entries.count)
        nghttp2_session_set_local_window_size(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Int32(clamping: settings.connectionWindow))
    }

    /// Frees the session; not while it is on the stack.
    func destroy() {
        nghttp2_session_del(session)
    }

    private static func entry(_ id: nghttp2_settings_id, _ value: Int) -> nghttp2_settings_entry {
        nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: UInt32(clamping: value))
    }

    // MARK: Bytes

    /// Takes bytes of the peer; false when the session is broken beyond an orderly end.
    func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let base = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
        return nghttp2_session_mem_recv(session, base, bytes.count) >= 0
    }

    /// The next bytes for the peer, valid until the next call; empty when there are none, nil when broken.
    func nextOutput() -> UnsafeRawBufferPointer? {
        var pointer: UnsafePointer<UInt8>?
        let count = nghttp2_session_mem_send(session, &pointer)
        guard count >= 0 else { return nil }
        return UnsafeRawBufferPointer(start: pointer, count: count)
    }

    /// Whether the session still expects bytes or has some.
    var isAlive: Bool { nghttp2_session_want_read(session) != 0 || nghttp2_session_want_write(session) != 0 }

    /// Frames that wait to be sent, DATA not counted.
    var queuedFrames: Int { nghttp2_session_get_outbound_queue_size(session) }

    // MARK: Streams

    /// Ties `object` to a stream, unretained.
    func setUserData(_ stream: Int32, _ object: AnyObject?) {
        nghttp2_session_set_stream_user_data(session, stream, object.map { Unmanaged.passUnretained($0).toOpaque() })
    }

    /// What is tied to a stream; nil when the stream does not exist.
    func userData(_ stream: Int32) -> UnsafeMutableRawPointer? {
        nghttp2_session_get_stream_user_data(session, stream)
    }

    /// Says that bytes of a stream were used, so that its peer may send more.
    func consumeStream(_ stream: Int32, _ count: Int) {
        nghttp2_session_consume_stream(session, stream, count)
    }

    /// Says that bytes of the connection were used.
    func consumeConnection(_ count: Int) {
        nghttp2_session_consume_connection(session, count)
    }

    /// Answers a request; with `hasBody` the stream's source is asked for DATA.
    ///
    /// 0, or an error of nghttp2.
    @discardableResult
    func respond(_ stream: Int32, _ fields: UnsafeBufferPointer<nghttp2_nv>, hasBody: Bool) -> Int32 {
        guard hasBody else {
            return nghttp2_submit_response(session, stream, fields.baseAddress, fields.count, nil)
        }
        var provider = HTTP2Callbacks.shared.provider
        return nghttp2_submit_response(session, stream, fields.baseAddress, fields.count, &provider)
    }

    /// Sends a request; the new stream's id, or a negative error of nghttp2.
    func request(_ fields: UnsafeBufferPointer<nghttp2_nv>, user: AnyObject) -> Int32 {
        var provider = HTTP2Callbacks.shared.provider
        return nghttp2_submit_request(
            session, nil, fields.baseAddress, fields.count, &provider, Unmanaged.passUnretained(user).toOpaque())
    }

    /// Sends the trailers that end a stream.
    @discardableResult
    func trailers(_ stream: Int32, _ fields: UnsafeBufferPointer<nghttp2_nv>) -> Int32 {
        nghttp2_submit_trailer(session, stream, fields.baseAddress, fields.count)
    }

    /// Asks a stream's source again, after it had nothing to send.
    func resume(_ stream: Int32) {
        nghttp2_session_resume_data(session, stream)
    }

    /// Ends a stream at once.
    func reset(_ stream: Int32, _ code: UInt32) {
        nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, code)
    }

    // MARK: Connection

    /// Tells the peer to open no streams any more, without saying yet which was the last.
    func submitShutdownNotice() {
        nghttp2_submit_shutdown_notice(session)
    }

    /// Tells the peer that streams after the last one seen are not served.
    func submitGoAway(_ code: UInt32) {
        nghttp2_submit_goaway(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nghttp2_session_get_last_proc_stream_id(session), code, nil, 0)
    }

    /// Sends a PING with eight bytes of `payload`.
    func submitPing(_ payload: [UInt8]) {
        guard payload.count == 8 else { return }
        nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), payload)
    }

    /// Ends the connection with GOAWAY and this code.
    func terminate(_ code: UInt32) {
        nghttp2_session_terminate_session(session, code)
    }
}
