import CNGHTTP2

/// A list of header fields to be sent, in one buffer.
struct HeaderBlock {
    private var bytes: [UInt8] = []
    private var fields: [(name: Int, value: Int)] = []

    /// Adds a field of text that is legal in a header as it is.
    mutating func add(_ name: String, _ value: String) {
        bytes.append(contentsOf: name.utf8)
        bytes.append(contentsOf: value.utf8)
        fields.append((name.utf8.count, value.utf8.count))
    }

    /// Adds a field whose value `write` appends.
    mutating func add(_ name: String, _ write: (inout [UInt8]) -> Void) {
        bytes.append(contentsOf: name.utf8)
        let before = bytes.count
        write(&bytes)
        fields.append((name.utf8.count, bytes.count - before))
    }

    /// Adds custom metadata.
    mutating func add(_ metadata: Metadata) {
        for entry in metadata {
            switch entry.value {
            case .text(let text): add(entry.name, text)
            case .binary(let value): add(entry.name) { Base64.append(value, to: &$0) }
            }
        }
    }

    /// Calls `body` with the fields in the form that libnghttp2 copies from.
    func withFields<Result>(_ body: (UnsafeBufferPointer<nghttp2_nv>) -> Result) -> Result {
        var bytes = bytes
        return bytes.withUnsafeMutableBufferPointer { storage in
            var position = 0
            let values = fields.map { field -> nghttp2_nv in
                let name = storage.baseAddress.map { $0 + position }
                let value = storage.baseAddress.map { $0 + position + field.name }
                position += field.name + field.value
                return nghttp2_nv(
                    name: name, value: value, namelen: field.name, valuelen: field.value,
                    flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
            }
            return values.withUnsafeBufferPointer(body)
        }
    }
}

/// Header fields that never change: made once, never copied.
struct StaticHeaders: @unchecked Sendable {
    // Sendable because nobody writes to it after `init`, and its storage is never freed.
    let fields: UnsafeBufferPointer<nghttp2_nv>

    /// The head of a successful answer.
    static let responseHead = StaticHeaders((":status", "200"), ("content-type", "application/grpc"))

    /// The trailers of a successful answer.
    static let okTrailers = StaticHeaders(("grpc-status", "0"))

    private init(_ pairs: (StaticString, StaticString)...) {
        let storage = UnsafeMutableBufferPointer<nghttp2_nv>.allocate(capacity: pairs.count)
        let flags = UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue)
        for (index, (name, value)) in pairs.enumerated() {
            storage.initializeElement(
                at: index,
                to: nghttp2_nv(
                    name: UnsafeMutablePointer(mutating: name.utf8Start),
                    value: UnsafeMutablePointer(mutating: value.utf8Start), namelen: name.utf8CodeUnitCount,
                    valuelen: value.utf8CodeUnitCount, flags: flags))
        }
        fields = UnsafeBufferPointer(storage)
    }
}
