import CSIProto

/// Framed messages that wait to be sent.
struct MessageFramer {
    private var frames = MessageQueue<EncodedMessage>()
    private var offset = 0

    /// The bytes that are not taken yet, prefixes included.
    private(set) var pendingBytes = 0

    /// Whether nothing waits.
    var isEmpty: Bool { frames.isEmpty }

    /// Adds a message with its prefix.
    mutating func append(_ frame: EncodedMessage) {
        pendingBytes += frame.count
        frames.append(frame)
    }

    /// Moves bytes into `target`; answers how many.
    mutating func fill(_ target: UnsafeMutableRawBufferPointer) -> Int {
        var filled = 0
        while filled < target.count, let frame = frames.head {
            let count = min(frame.count - offset, target.count - filled)
            frame.withUnsafeBytes { source in
                guard count > 0 else { return }
                UnsafeMutableRawBufferPointer(rebasing: target[filled..<filled + count])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[offset..<offset + count]))
            }
            filled += count
            offset += count
            if offset >= frame.count {
                offset = 0
                _ = frames.take()
            }
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
}
