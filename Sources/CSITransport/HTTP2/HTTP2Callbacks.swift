import CNGHTTP2

/// The table of C functions through which libnghttp2 calls a connection.
///
/// Made once per process and never changed, which is what makes sharing it safe.
final class HTTP2Callbacks: @unchecked Sendable {
    static let shared = HTTP2Callbacks()

    let table: OpaquePointer?

    /// The source of a stream's DATA: it asks the connection.
    let provider: nghttp2_data_provider

    private init() {
        var table: OpaquePointer?
        nghttp2_session_callbacks_new(&table)
        nghttp2_session_callbacks_set_on_begin_frame_callback(table) { _, header, user in
            HTTP2Callbacks.withConnection(user, or: 0) { connection in
                if let header { connection.frameBegan(header) }
                return 0
            }
        }
        nghttp2_session_callbacks_set_on_begin_headers_callback(table) { _, frame, user in
            HTTP2Callbacks.withConnection(user, or: 0) { connection in
                if let frame { connection.headersBegan(frame) }
                return 0
            }
        }
        nghttp2_session_callbacks_set_on_header_callback(table) {
            _, frame, name, nameCount, value, valueCount, _, user in
            HTTP2Callbacks.withConnection(user, or: 0) { connection in
                guard let frame else { return 0 }
                let accepted = connection.header(
                    frame, name: WireText(start: name, count: nameCount),
                    value: WireText(start: value, count: valueCount))
                return accepted ? 0 : Int32(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
            }
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(table) { _, _, stream, bytes, count, user in
            HTTP2Callbacks.withConnection(user, or: 0) { connection in
                connection.data(stream: stream, bytes: UnsafeRawBufferPointer(start: bytes, count: count))
                return 0
            }
        }
        // The payload of a frame of an unknown type is dropped; that it began has been told.
        nghttp2_session_callbacks_set_unpack_extension_callback(table) { _, _, _, _ in
            Int32(NGHTTP2_ERR_CANCEL.rawValue)
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(table) { _, frame, user in
            HTTP2Callbacks.withConnection(user, or: 0) { connection in
                if let frame { connection.frameReceived(frame) }
                return 0
            }
        }
        nghttp2_session_callbacks_set_on_frame_send_callback(table) { _, frame, user in
            HTTP2Callbacks.withConnection(user, or: 0) { connection in
                if let frame { connection.frameSent(frame) }
                return 0
            }
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(table) { _, stream, code, user in
            HTTP2Callbacks.withConnection(user, or: 0) { connection in
                connection.streamClosed(stream, code: code)
                return 0
            }
        }
        self.table = table
        self.provider = nghttp2_data_provider(source: nghttp2_data_source()) {
            _, stream, buffer, count, flags, _, user in
            let failure = Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
            guard let buffer, let flags else { return failure }
            return HTTP2Callbacks.withConnection(user, or: failure) { connection in
                connection.fill(stream, UnsafeMutableRawBufferPointer(start: buffer, count: count), flags)
            }
        }
    }

    /// The connection is kept alive by whoever called the session: no retain is needed.
    @inline(__always)
    private static func withConnection<Result>(
        _ user: UnsafeMutableRawPointer?, or missing: Result, _ body: (HTTP2Connection) -> Result
    ) -> Result {
        guard let user else { return missing }
        // `user` is the connection, which destroys the session before it goes.
        return Unmanaged<HTTP2Connection>.fromOpaque(user)._withUnsafeGuaranteedRef(body)
    }
}
