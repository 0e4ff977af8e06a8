/// The bytes of one encoded message: they lie at the end of the buffer that the encoder wrote backwards.
///
/// Copies share the bytes.
public struct EncodedMessage: @unchecked Sendable {
    // Unchecked: the storage is written by nobody once the writer is finished.
    private let storage: WireStorage
    private let offset: Int

    /// The number of bytes.
    public let count: Int

    init(storage: WireStorage, offset: Int, count: Int) {
        self.storage = storage
        self.offset = offset
        self.count = count
    }

    /// Calls `body` with the bytes, which are valid only during the call.
    @inline(__always)
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(storage) {} }
        return try body(UnsafeRawBufferPointer(start: storage.bytes + offset, count: count))
    }

    /// A copy of the bytes.
    public var array: [UInt8] {
        withUnsafeBytes { bytes in [UInt8](bytes) }
    }
}
