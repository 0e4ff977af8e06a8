import CLinux
import Glibc
import Logging

/// The listening socket of a server: accepts, checks who it is, and rests while descriptors are out.
final class Listener: EventSource {
    private let socket: BoundSocket
    private unowned let core: ServerCore
    private var isResting = false
    // Since the last connection that was accepted: said once, although it is tried ten times a second.
    private var isStarved = false
    private var timer: LoopTimer?

    /// A listener that `start()` puts to work.
    init(_ socket: BoundSocket, core: ServerCore) {
        self.socket = socket
        self.core = core
        super.init(descriptor: socket.descriptor)
    }

    /// Begins to accept.
    func start() {
        core.loop.watch(self, for: EPOLLIN.rawValue)
    }

    override func ready(_ events: UInt32) {
        for _ in 0..<max(1, core.configuration.limits.acceptsPerTurn) {
            guard descriptor >= 0 else { return }
            let accepted = csi_accept(descriptor)
            switch accepted {
            case 0...:
                isStarved = false
                welcome(accepted)
            case -EAGAIN: return
            case -EMFILE, -ENFILE, -ENOMEM, -ENOBUFS:
                rest(accepted)
                return
            default: continue
            }
        }
    }

    private func welcome(_ accepted: Int32) {
        let peer = PeerCredentials(of: accepted)
        if let allowed = core.configuration.allowedUserIDs, !allowed.contains(peer?.userID ?? .max) {
            core.logger.warning(
                "refused a connection: the user is not allowed",
                metadata: ["uid": "\(peer.map { String($0.userID) } ?? "unknown")"])
            Syscall.close(accepted)
            return
        }
        let wire = SocketWire(
            accepted, loop: core.loop, bytesPerTurn: core.configuration.limits.bytesReadPerTurn, peer: peer)
        if let connection = core.serve(wire), wire.attach(connection) < 0 { connection.close() }
    }

    /// A listening socket that cannot be served stays readable: waiting for it would spin.
    private func rest(_ reason: Int32) {
        isResting = true
        if !isStarved {
            isStarved = true
            core.logger.error(
                "cannot accept connections for now", metadata: ["error": "\(Syscall.message(for: -reason))"])
        }
        core.loop.update(self, for: 0)
        let timer = LoopTimer { [unowned self] in rearm() }
        self.timer = timer
        core.loop.arm(timer, after: 100_000_000)
    }

    /// Accepts again: some time has passed, or a connection has been closed.
    func rearm() {
        guard isResting, descriptor >= 0 else { return }
        isResting = false
        if let timer { core.loop.disarm(timer) }
        core.loop.update(self, for: EPOLLIN.rawValue)
    }

    /// Stops listening, and removes the socket's file if it is still ours.
    func close() {
        guard descriptor >= 0 else { return }
        core.loop.forget(self)
        descriptor = -1
        if let timer { core.loop.disarm(timer) }
        socket.close()
    }
}
