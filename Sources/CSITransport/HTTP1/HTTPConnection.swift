import CLinux
import Glibc

/// One connection of an ``HTTPTextServer``: one request, one answer.
///
/// Only its loop's thread touches it.
final class HTTPConnection: EventSource {
    /// What the connection is doing.
    private enum Phase {
        case reading([UInt8])
        case answering
        case writing([UInt8], sent: Int)
        /// The answer is out; what the peer still sends is thrown away, so that closing does not take the answer back.
        case lingering
        case closed
    }

    private unowned let core: HTTPServerCore
    private var phase = Phase.reading([])
    private var timer: LoopTimer?

    init(_ descriptor: Int32, core: HTTPServerCore) {
        self.core = core
        super.init(descriptor: descriptor)
    }

    /// Begins to read; false when the kernel does not watch the descriptor.
    func start() -> Bool {
        guard core.loop.watch(self, for: EPOLLIN.rawValue) >= 0 else { return false }
        expect(within: core.limits.requestTimeout)
        return true
    }

    override func ready(_ events: UInt32) {
        switch phase {
        case .reading: read()
        case .writing: write()
        case .lingering: discard()
        case .answering:
            // Nothing is watched but errors: the peer has gone.
            close()
        case .closed: break
        }
    }

    /// Writes the answer of the request that was read.
    func answer(_ answer: HTTPAnswer, isHead: Bool) {
        guard case .answering = phase else { return }
        phase = .writing(answer.bytes(isHead: isHead), sent: 0)
        expect(within: core.limits.answerTimeout)
        write()
    }

    func close() {
        if case .closed = phase { return }
        phase = .closed
        if let timer { core.loop.disarm(timer) }
        timer = nil
        core.loop.close(self)
        core.closed(self)
    }

    private func expect(within timeout: Duration) {
        let timer = self.timer ?? LoopTimer { [weak self] in self?.close() }
        self.timer = timer
        core.loop.arm(timer, after: timeout.boundedNanoseconds)
    }

    private func read() {
        guard case .reading(var bytes) = phase, let scratch = core.loop.scratch.baseAddress else { return }
        let room = min(EventLoop.scratchBytes, HTTPRequestLine.limit - bytes.count)
        let count = Syscall.receive(descriptor, scratch, room)
        if count == -Int(EAGAIN) { return }
        guard count > 0 else { return close() }
        bytes += UnsafeRawBufferPointer(start: scratch, count: count)
        switch HTTPRequestLine(in: bytes) {
        case .incomplete: phase = .reading(bytes)
        case .refused(let status, let line):
            phase = .answering
            answer(HTTPAnswer(status: status, line: line), isHead: false)
        case .path(let path, let isHead):
            phase = .answering
            core.loop.update(self, for: 0)
            expect(within: core.limits.handlerTimeout)
            core.answer(path, isHead: isHead, on: self)
        }
    }

    private func write() {
        guard case .writing(let bytes, var sent) = phase else { return }
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                buffer.baseAddress.map { Syscall.send(descriptor, $0 + sent, buffer.count - sent) } ?? 0
            }
            if count == -Int(EAGAIN) {
                phase = .writing(bytes, sent: sent)
                core.loop.update(self, for: EPOLLOUT.rawValue)
                return
            }
            guard count > 0 else { return close() }
            sent += count
        }
        shutdown(descriptor, Int32(SHUT_WR))
        phase = .lingering
        core.loop.update(self, for: EPOLLIN.rawValue)
        expect(within: core.limits.lingerTimeout)
    }

    private func discard() {
        guard let scratch = core.loop.scratch.baseAddress else { return }
        let count = Syscall.receive(descriptor, scratch, EventLoop.scratchBytes)
        if count <= 0 && count != -Int(EAGAIN) { close() }
    }
}
