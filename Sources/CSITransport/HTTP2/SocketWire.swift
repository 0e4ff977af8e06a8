import CLinux
import Glibc

/// A connected Unix socket as the wire of a connection.
final class SocketWire: EventSource, Wire {
    private let loop: EventLoop
    private let bytesPerTurn: Int
    // Strong, and cut by `close()`: a weak reference would make every retain of the connection slow. Exclusivity is unchecked
    // for the reason given in `ServerConnection`.
    @exclusivity(unchecked) private var connection: HTTP2Connection?
    @exclusivity(unchecked) private var unsent: [UInt8] = []
    @exclusivity(unchecked) private var unsentStart = 0
    @exclusivity(unchecked) private var isReading = true

    let peer: PeerCredentials?

    /// The wire over `descriptor`, which it owns from now on.
    init(_ descriptor: Int32, loop: EventLoop, bytesPerTurn: Int, peer: PeerCredentials?) {
        self.loop = loop
        self.bytesPerTurn = bytesPerTurn
        self.peer = peer
        super.init(descriptor: descriptor)
    }

    var isDrained: Bool { unsentStart == unsent.count }

    /// Begins to deliver to `connection`; answers 0 or `-errno`.
    func attach(_ connection: HTTP2Connection) -> Int {
        self.connection = connection
        return loop.watch(self, for: EPOLLIN.rawValue)
    }

    override func ready(_ events: UInt32) {
        if events & EPOLLOUT.rawValue != 0 { sendUnsent() }
        guard descriptor >= 0 else { return }
        if isReading {
            if events & (EPOLLIN.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 { read() }
        } else if events & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 {
            connection?.wireClosed()
        }
    }

    private func read() {
        guard let base = loop.scratch.baseAddress else { return }
        var budget = bytesPerTurn
        while budget > 0 && isReading && descriptor >= 0 {
            let count = Syscall.receive(descriptor, base, EventLoop.scratchBytes)
            if count == -Int(EAGAIN) { return }
            guard count > 0 else {
                connection?.wireClosed()
                return
            }
            connection?.receive(UnsafeRawBufferPointer(start: base, count: count))
            // A short read means that the socket is empty: one system call saved.
            if count < EventLoop.scratchBytes { return }
            budget -= count
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer) {
        guard descriptor >= 0, let base = bytes.baseAddress else { return }
        var sent = 0
        if isDrained {
            let count = Syscall.send(descriptor, base, bytes.count)
            if count < 0 && count != -Int(EAGAIN) {
                fail()
                return
            }
            sent = max(0, count)
            if sent == bytes.count { return }
        }
        unsent.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[sent...]))
        updateInterest()
    }

    private func sendUnsent() {
        while unsentStart < unsent.count {
            let count = unsent.withUnsafeBytes { bytes -> Int in
                guard let base = bytes.baseAddress else { return 0 }
                return Syscall.send(descriptor, base + unsentStart, bytes.count - unsentStart)
            }
            if count == -Int(EAGAIN) { return }
            guard count > 0 else {
                fail()
                return
            }
            unsentStart += count
        }
        unsent = []
        unsentStart = 0
        updateInterest()
        connection?.wireDrained()
    }

    /// A failed write is reported later: the caller may be deep inside the connection.
    private func fail() {
        unsent = []
        unsentStart = 0
        let connection = connection
        loop.later { connection?.wireClosed() }
    }

    func setReading(_ on: Bool) {
        guard isReading != on else { return }
        isReading = on
        updateInterest()
    }

    private func updateInterest() {
        loop.update(self, for: (isReading ? EPOLLIN.rawValue : 0) | (isDrained ? 0 : EPOLLOUT.rawValue))
    }

    func close() {
        connection = nil
        loop.close(self)
        unsent = []
        unsentStart = 0
    }
}
