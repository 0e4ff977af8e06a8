/// Cuts a stream of bytes into gRPC's length-prefixed messages.
///
/// Storage grows with the bytes that arrive, never by the length that a peer declares.
struct MessageDeframer {
    /// The largest message that is accepted, in bytes.
    let limit: Int

    private var prefix: (UInt8, UInt8, UInt8, UInt8, UInt8) = (0, 0, 0, 0, 0)
    private var prefixCount = 0
    private var remaining = 0
    private var body: [UInt8] = []

    /// A deframer at the start of a stream.
    init(limit: Int) {
        self.limit = limit
    }

    /// Whether the bytes so far end between two messages.
    var isBetweenMessages: Bool { prefixCount == 0 }

    /// The bytes held of a message that is not complete.
    var bufferedBytes: Int { body.count }

    /// Takes bytes off the front of `bytes`, up to the end of a message or of the bytes.
    ///
    /// - Returns: The message that is complete; nil when all bytes were taken and more are needed.
    mutating func next(_ bytes: inout UnsafeRawBufferPointer) throws(RPCError) -> [UInt8]? {
        var none = SpareBuffers()
        return try next(&bytes, using: &none)
    }

    /// As `next(_:)`, with storage from `spares`.
    @inline(__always)
    mutating func next(
        _ bytes: inout UnsafeRawBufferPointer, using spares: inout SpareBuffers
    ) throws(RPCError) -> [UInt8]? {
        if prefixCount == 0 && bytes.count >= 5 {
            prefix = (bytes[0], bytes[1], bytes[2], bytes[3], bytes[4])
            prefixCount = 5
            bytes = UnsafeRawBufferPointer(rebasing: bytes[5...])
            try checkPrefix()
        }
        while prefixCount < 5 {
            guard let byte = bytes.first else { return nil }
            withUnsafeMutableBytes(of: &prefix) { $0[prefixCount] = byte }
            prefixCount += 1
            bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
            if prefixCount == 5 { try checkPrefix() }
        }
        let count = min(remaining, bytes.count)
        if count > 0 {
            if body.isEmpty { body = spares.take(count) }
            body.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            remaining -= count
            bytes = UnsafeRawBufferPointer(rebasing: bytes[count...])
        }
        guard remaining == 0 else { return nil }
        var complete: [UInt8] = []
        swap(&complete, &body)
        prefixCount = 0
        return complete
    }

    private mutating func checkPrefix() throws(RPCError) {
        switch prefix.0 {
        case 0: break
        case 1:
            throw RPCError(code: .internalError, message: "a compressed message, but no grpc-encoding was agreed")
        default:
            throw RPCError(code: .internalError, message: "a message begins with the unknown flag \(prefix.0)")
        }
        let length =
            UInt32(prefix.1) << 24 | UInt32(prefix.2) << 16 | UInt32(prefix.3) << 8 | UInt32(prefix.4)
        guard length <= UInt32(clamping: limit) else {
            throw RPCError(
                code: .resourceExhausted, message: "a message of \(length) bytes; the limit is \(limit) bytes")
        }
        remaining = Int(length)
    }
}
