/// Fields that a message carried and its schema does not know, as they were on the wire.
///
/// They are written back after the known fields, in the order of their arrival.
public struct UnknownFields: Sendable, Hashable {
    /// The fields with their tags.
    public var bytes: [UInt8] { storage }

    @usableFromInline var storage: [UInt8]

    /// No fields.
    @inlinable
    public init() {
        storage = []
    }

    /// Whether there are none.
    @inlinable
    public var isEmpty: Bool { storage.isEmpty }

    mutating func append(_ field: Span<UInt8>) {
        // The buffer is copied from and does not leave the closure.
        unsafe field.withUnsafeBufferPointer { storage.append(contentsOf: $0) }
    }
}
