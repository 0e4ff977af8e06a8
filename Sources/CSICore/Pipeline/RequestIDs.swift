import Synchronization

/// Numbers requests: 64 random bits of this process and a counter, so that no id comes again after a restart.
final class RequestIDs: Sendable {
    private let prefix: String
    private let counter = Atomic<UInt64>(0)

    init() {
        let random = String(UInt64.random(in: .min ... .max), radix: 16)
        prefix = String(repeating: "0", count: 16 - random.utf8.count) + random + "-"
    }

    func next() -> RequestID {
        RequestID(prefix: prefix, number: counter.wrappingAdd(1, ordering: .relaxed).newValue)
    }
}

/// The number of a request; its text is made when somebody looks at it.
struct RequestID: Sendable, Hashable, CustomStringConvertible {
    let prefix: String
    let number: UInt64

    var description: String { prefix + String(number) }
}
