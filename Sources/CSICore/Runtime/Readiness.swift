import CSILock

/// Whether the driver has looked at what is on disk and in the kernel.
final class Readiness: Sendable {
    enum State: Sendable, Hashable {
        case starting
        /// For what is missing on the machine.
        case waiting([String])
        case ready
        case failed(CSIError)
    }

    private let storage = Guarded(State.starting)

    var state: State { storage.withLock { $0 } }

    func move(to state: State) {
        storage.withLock { $0 = state }
    }

    /// - Throws: UNAVAILABLE until the start-up scan has ended.
    func requireReady() throws(CSIError) {
        switch state {
        case .ready: return
        case .starting: throw .unavailable("the driver is starting: its scan of existing volumes is still running")
        case .waiting(let missing):
            throw .unavailable("the driver waits for its machine: \(missing.joined(separator: "; "))")
        case .failed(let error): throw .unavailable("the driver could not start: \(error.message)")
        }
    }
}
