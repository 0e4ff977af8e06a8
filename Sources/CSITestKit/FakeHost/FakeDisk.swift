/// A disk that is in no machine, with what is on it: what a cloud's volume is while it is not attached.
public struct FakeDisk: Sendable {
    var bytes: SparseBytes

    init(bytes: SparseBytes) {
        self.bytes = bytes
    }

    /// A new disk of zeros.
    /// - Parameter size: In bytes.
    public init(size: Int64) {
        bytes = SparseBytes(zeros: max(0, size))
    }

    /// The size in bytes.
    public var size: Int64 { bytes.count }

    /// Makes the disk larger; never smaller.
    public mutating func grow(to size: Int64) {
        if size > bytes.count { bytes.resize(to: size) }
    }
}
