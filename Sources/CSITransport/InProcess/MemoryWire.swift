/// One end of a pipe between two connections of the same loop.
final class MemoryWire: Wire {
    /// Bytes that wait for one end before the other end is told to pause.
    private static let capacity = 64 * 1024

    private let loop: EventLoop
    // Strong, and cut by `close()`.
    private var connection: HTTP2Connection?
    private var other: MemoryWire?
    private var inbox: [UInt8] = []
    private var isDelivering = false
    private var isReading = true
    private var isClosed = false

    var peer: PeerCredentials? { nil }

    private init(loop: EventLoop) {
        self.loop = loop
    }

    /// Two ends of one pipe.
    static func pair(on loop: EventLoop) -> (MemoryWire, MemoryWire) {
        let first = MemoryWire(loop: loop)
        let second = MemoryWire(loop: loop)
        first.other = second
        second.other = first
        return (first, second)
    }

    /// Begins to deliver to `connection`.
    func attach(_ connection: HTTP2Connection) {
        self.connection = connection
        deliverSoon()
    }

    var isDrained: Bool { (other?.inbox.count ?? 0) < MemoryWire.capacity }

    func write(_ bytes: UnsafeRawBufferPointer) {
        guard !isClosed, let other, !other.isClosed else { return }
        other.inbox.append(contentsOf: bytes)
        other.deliverSoon()
    }

    /// Not at once: the writer is in the middle of its own turn.
    private func deliverSoon() {
        guard !isDelivering, !inbox.isEmpty, isReading, connection != nil else { return }
        isDelivering = true
        loop.later { [self] in deliver() }
    }

    private func deliver() {
        isDelivering = false
        guard !isClosed, isReading, let connection, !inbox.isEmpty else { return }
        var bytes: [UInt8] = []
        swap(&bytes, &inbox)
        bytes.withUnsafeBytes { connection.receive($0) }
        if bytes.count >= MemoryWire.capacity { other?.connection?.wireDrained() }
    }

    func setReading(_ on: Bool) {
        isReading = on
        if on { deliverSoon() }
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        inbox = []
        connection = nil
        if let other, !other.isClosed {
            loop.later { other.connection?.wireClosed() }
        }
        other = nil
    }
}
