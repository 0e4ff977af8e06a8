import CLinux
import Glibc

/// The listening socket of an ``HTTPTextServer``.
final class HTTPListener: EventSource {
    private let socket: HTTPListeningSocket
    private unowned let core: HTTPServerCore
    private var timer: LoopTimer?

    init(_ socket: HTTPListeningSocket, core: HTTPServerCore) {
        self.socket = socket
        self.core = core
        super.init(descriptor: socket.descriptor)
    }

    override func ready(_ events: UInt32) {
        for _ in 0..<16 {
            guard descriptor >= 0 else { return }
            let accepted = csi_accept(descriptor)
            switch accepted {
            case 0...: core.accept(accepted)
            case -EAGAIN: return
            case -EMFILE, -ENFILE, -ENOMEM, -ENOBUFS: return rest(-accepted)
            default: continue
            }
        }
    }

    /// A listening socket that cannot be served stays readable: waiting for it would spin.
    private func rest(_ number: Int32) {
        core.cannotAccept(number)
        core.loop.update(self, for: 0)
        let timer = LoopTimer { [weak self] in self?.rearm() }
        self.timer = timer
        core.loop.arm(timer, after: 100_000_000)
    }

    func rearm() {
        guard let timer, descriptor >= 0 else { return }
        core.loop.disarm(timer)
        self.timer = nil
        core.loop.update(self, for: EPOLLIN.rawValue)
    }

    func close() {
        guard descriptor >= 0 else { return }
        if let timer { core.loop.disarm(timer) }
        core.loop.forget(self)
        descriptor = -1
        socket.close()
    }
}
