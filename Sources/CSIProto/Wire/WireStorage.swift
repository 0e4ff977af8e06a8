/// The one allocation behind an encoded message: an object with the bytes at its tail.
@usableFromInline
final class WireStorage: ManagedBuffer<Int, UInt8> {
    /// Room for `count` bytes, not initialised.
    static func allocate(_ count: Int) -> WireStorage {
        let buffer = WireStorage.create(minimumCapacity: count) { _ in count }
        return unsafeDowncast(buffer, to: WireStorage.self)
    }

    /// How many bytes were asked for.
    var byteCount: Int { header }

    /// The bytes; valid while the object lives.
    var bytes: UnsafeMutablePointer<UInt8> { withUnsafeMutablePointerToElements { $0 } }
}
