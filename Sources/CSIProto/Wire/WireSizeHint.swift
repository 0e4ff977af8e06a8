import Synchronization

/// How large a buffer the next message of a type is likely to need, learnt from the ones before.
///
/// A buffer that fits makes encoding one allocation; growing past 128 KiB would cost page faults besides.
public final class WireSizeHint: Sendable {
    private let bytes = Atomic<Int>(128)

    /// Creates a hint for small messages.
    public init() {}

    /// The size to start with, in bytes.
    var expected: Int { bytes.load(ordering: .relaxed) }

    /// Learns the size of a message: at once when it grew, slowly when it shrank.
    func learn(_ count: Int) {
        let expected = expected
        if count > expected {
            bytes.store(count + count / 8, ordering: .relaxed)
        } else if count < expected / 2, expected > 128 {
            bytes.store(expected - (expected - count) / 4, ordering: .relaxed)
        }
    }
}
