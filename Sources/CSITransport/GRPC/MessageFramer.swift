import CSIProto

/// Framed messages that wait to be sent.
struct MessageFramer {
    private var first: EncodedMessage?
    private var rest: [EncodedMessage?] = []
    private var next = 0
    private var offset = 0

    /// The bytes that are not taken yet, prefixes included.
    private(set) var pendingBytes = 0

    /// Whether nothing waits.
    var isEmpty: Bool { first == nil }

    /// Adds a message with its prefix.
    mutating func append(_ frame: EncodedMessage) {
        pendingBytes += frame.count
        if first == nil {
            first = frame
            offset = 0
        } else {
            rest.append(frame)
        }
    }

    /// Moves bytes into `target`; answers how many.
    mutating func fill(_ target: UnsafeMutableRawBufferPointer) -> Int {
        var filled = 0
        while filled < target.count, let frame = first {
            let count = min(frame.count - offset, target.count - filled)
            frame.withUnsafeBytes { source in
                guard count > 0 else { return }
                UnsafeMutableRawBufferPointer(rebasing: target[filled..<filled + count])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[offset..<offset + count]))
            }
            filled += count
            offset += count
            if offset >= frame.count { advance() }
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
        rest[next] = nil
        next += 1
        if next >= 64 && next * 2 >= rest.count {
            rest.removeFirst(next)
            next = 0
        }
    }
}
