public import CSIHost
import CSILock
public import SystemPackage

/// Calls of a fake host that do not return.
final class FakeHangs: Sendable {
    /// How a hung call ends.
    enum Ending: Sendable {
        /// The test let it go on.
        case released
        /// Its own deadline passed.
        case timedOut
        /// Its task was cancelled.
        case cancelled
        /// The process died.
        case crashed
    }

    private struct Hang: Sendable {
        let operation: HostOperation
        let path: FilePath?
    }

    private struct Waiter {
        let id: Int
        let effect: HostEffect
        let continuation: CheckedContinuation<Ending, Never>
    }

    private struct State {
        var hangs: [Hang] = []
        var waiters: [Waiter] = []
        var cancelled: Set<Int> = []
        var lastID = 0
    }

    private let state = Guarded(State())

    func add(_ operation: HostOperation, at path: FilePath?) {
        state.withLock { $0.hangs.append(Hang(operation: operation, path: path)) }
    }

    func remove(_ operation: HostOperation?, at path: FilePath?, ending: Ending) {
        let released = state.withLock { state in
            if let operation {
                state.hangs.removeAll { $0.operation == operation && $0.path == path }
            }
            let released = state.waiters.filter { waiter in
                operation == nil || !state.hangs.contains { Self.matches($0, waiter.effect) }
            }
            state.waiters.removeAll { waiter in released.contains { $0.id == waiter.id } }
            return released
        }
        for waiter in released { waiter.continuation.resume(returning: ending) }
    }

    var waiting: [HostEffect] { state.withLock { $0.waiters.map(\.effect) } }

    private static func matches(_ hang: Hang, _ effect: HostEffect) -> Bool {
        hang.operation == effect.operation
            && (hang.path == nil || hang.path == effect.path || hang.path == effect.destination)
    }

    func hangs(_ effect: HostEffect) -> Bool {
        state.withLock { $0.hangs.contains { Self.matches($0, effect) } }
    }

    /// Waits for the end of a hung call.
    ///
    /// - Parameter limit: the call's own deadline on the host's clock; nil for none.
    func wait(_ effect: HostEffect, within limit: Duration?, _ clock: FakeClock) async -> Ending {
        guard let limit else { return await wait(effect) }
        return await withTaskGroup(of: Ending.self) { group in
            group.addTask { await self.wait(effect) }
            group.addTask {
                do throws(CancellationError) {
                    try await clock.sleep(for: limit)
                    return .timedOut
                } catch {
                    return .cancelled
                }
            }
            let first = await group.next() ?? .cancelled
            group.cancelAll()
            return first
        }
    }

    private func wait(_ effect: HostEffect) async -> Ending {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ended: Ending? = state.withLock { state in
                    if state.cancelled.remove(id) != nil { return .cancelled }
                    guard state.hangs.contains(where: { Self.matches($0, effect) }) else { return .released }
                    state.waiters.append(Waiter(id: id, effect: effect, continuation: continuation))
                    return nil
                }
                if let ended { continuation.resume(returning: ended) }
            }
        } onCancel: {
            cancel(id)
        }
    }

    private func cancel(_ id: Int) {
        let waiter: Waiter? = state.withLock { state in
            guard let index = state.waiters.firstIndex(where: { $0.id == id }) else {
                state.cancelled.insert(id)
                return nil
            }
            return state.waiters.remove(at: index)
        }
        waiter?.continuation.resume(returning: .cancelled)
    }
}

extension FakeHost {
    /// Makes an operation hang from now on, as one does whose device or server is gone.
    ///
    /// A call then waits until ``release(_:at:)``, until its task is cancelled, or until its own deadline has passed on
    /// ``manualClock``, and does what a real one does after that: an unmount, for example, what its policy says.
    ///
    /// - Parameters:
    ///   - operation: the operation.
    ///   - path: only when it is called for this absolute path, be it the first or the second; nil for any.
    public func hang(_ operation: HostOperation, at path: FilePath? = nil) {
        hangs.add(operation, at: path)
    }

    /// Lets calls go on that ``hang(_:at:)`` with the same arguments holds, and those to come.
    public func release(_ operation: HostOperation, at path: FilePath? = nil) {
        hangs.remove(operation, at: path, ending: .released)
    }

    /// The calls that hang now.
    public var hungCalls: [HostEffect] { hangs.waiting }
}
