/// Encoded messages that wait to be sent, each with its five-byte prefix.
struct MessageFramer {
    private var first: [UInt8]?
    private var rest: [[UInt8]] = []
    private var next = 0
    private var offset = 0

    /// The bytes that are not taken yet, prefixes included.
    private(set) var pendingBytes = 0

    /// Whether nothing waits.
    var isEmpty: Bool { first == nil }

    /// Adds a message, whose length fits into the prefix.
    mutating func append(_ message: [UInt8]) {
        pendingBytes += message.count + 5
        if first == nil {
            first = message
            offset = 0
        } else {
            rest.append(message)
        }
    }

    /// Moves bytes into `target`; answers how many.
    mutating func fill(_ target: UnsafeMutableRawBufferPointer) -> Int {
        var filled = 0
        while filled < target.count, let message = first {
            if offset < 5 {
                let length = UInt32(clamping: message.count)
                target[filled] = offset == 0 ? 0 : UInt8(truncatingIfNeeded: length >> UInt32(8 * (4 - offset)))
                filled += 1
                offset += 1
            } else {
                let start = offset - 5
                let count = min(message.count - start, target.count - filled)
                message.withUnsafeBytes { source in
                    guard count > 0 else { return }
                    UnsafeMutableRawBufferPointer(rebasing: target[filled..<filled + count])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[start..<start + count]))
                }
                filled += count
                offset += count
            }
            if offset == message.count + 5 { advance() }
        }
        pendingBytes -= filled
        return filled
    }

    /// Drops everything; answers how many bytes were dropped.
    mutating func removeAll() -> Int {
        let dropped = pendingBytes
        self = MessageFramer()
        return dropped
    }

    private mutating func advance() {
        offset = 0
        guard next < rest.count else {
            first = nil
            rest.removeAll(keepingCapacity: true)
            next = 0
            return
        }
        first = rest[next]
        rest[next] = []
        next += 1
        if next >= 64 && next * 2 >= rest.count {
            rest.removeFirst(next)
            next = 0
        }
    }
}
