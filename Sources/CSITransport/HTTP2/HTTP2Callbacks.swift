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
            guard let header, let connection = HTTP2Callbacks.connection(user) else { return 0 }
            connection.frameBegan(header.pointee)
            return 0
        }
        nghttp2_session_callbacks_set_on_begin_headers_callback(table) { _, frame, user in
            guard let frame, let connection = HTTP2Callbacks.connection(user) else { return 0 }
            connection.headersBegan(frame.pointee)
            return 0
        }
        nghttp2_session_callbacks_set_on_header_callback(table) {
            _, frame, name, nameCount, value, valueCount, _, user in
            guard let frame, let connection = HTTP2Callbacks.connection(user) else { return 0 }
            let accepted = connection.header(
                frame.pointee, name: WireText(start: name, count: nameCount),
                value: WireText(start: value, count: valueCount))
            return accepted ? 0 : Int32(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(table) { _, _, stream, bytes, count, user in
            guard let connection = HTTP2Callbacks.connection(user) else { return 0 }
            connection.data(stream: stream, bytes: UnsafeRawBufferPointer(start: bytes, count: count))
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(table) { _, frame, user in
            guard let frame, let connection = HTTP2Callbacks.connection(user) else { return 0 }
            connection.frameReceived(frame.pointee)
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_send_callback(table) { _, frame, user in
            guard let frame, let connection = HTTP2Callbacks.connection(user) else { return 0 }
            connection.frameSent(frame.pointee)
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(table) { _, stream, code, user in
            guard let connection = HTTP2Callbacks.connection(user) else { return 0 }
            connection.streamClosed(stream, code: code)
            return 0
        }
        self.table = table
        self.provider = nghttp2_data_provider(source: nghttp2_data_source()) {
            _, stream, buffer, count, flags, _, user in
            guard let buffer, let flags, let connection = HTTP2Callbacks.connection(user) else {
                return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
            }
            return connection.fill(stream, UnsafeMutableRawBufferPointer(start: buffer, count: count), flags)
        }
    }

    @inline(__always)
    private static func connection(_ user: UnsafeMutableRawPointer?) -> HTTP2Connection? {
        guard let user else { return nil }
        return Unmanaged<HTTP2Connection>.fromOpaque(user).takeUnretainedValue()
    }
}
