import CLinux
import CSILock
import Glibc
import SystemPackage

/// The one thread that starts helpers and waits for their answers, so that nobody else's thread has to.
final class HelperWatcher: Sendable {
    /// How waiting for an answer ended.
    enum Ending: Sendable {
        case answer([UInt8])
        /// It made no progress and was killed.
        case hung
        /// It ended without an answer.
        case gone
    }

    private struct Start {
        let command: [String]
        let continuation: CheckedContinuation<Result<HelperProcess, HostError>, Never>
    }

    private struct Wait {
        let helper: HelperProcess
        let patience: Duration
        let continuation: CheckedContinuation<Ending, Never>
        var received: [UInt8] = []
        var progress: Int64 = -1
        var lastProgress = ContinuousClock.now
        var nextLook = ContinuousClock.now
    }

    private struct State {
        var isRunning = false
        var starts: [Start] = []
        var waits: [Int: Wait] = [:]
        var ticks: [@Sendable () -> Bool] = []
        var lastNumber = 0
    }

    static let shared = HelperWatcher()

    private let state = Guarded(State())
    private let wake: OwnedDescriptor

    private init() {
        wake = OwnedDescriptor(adopting: CInt(truncatingIfNeeded: clinux_eventfd()))
    }

    /// Starts a helper.
    func start(_ command: [String]) async throws(HostError) -> HelperProcess {
        let result = await withCheckedContinuation { continuation in
            change { $0.starts.append(Start(command: command, continuation: continuation)) }
        }
        return try result.get()
    }

    /// Sends a request and waits for its answer.
    func exchange(_ bytes: [UInt8], with helper: HelperProcess, patience: Duration) async -> Ending {
        guard HelperFrame.write(bytes, to: helper.socket.raw) else { return .gone }
        return await withCheckedContinuation { continuation in
            let wait = Wait(helper: helper, patience: patience, continuation: continuation)
            change { $0.waits[helper.number] = wait }
        }
    }

    /// Calls a closure about once a second until it answers that it need not be called any more.
    func tick(_ body: @escaping @Sendable () -> Bool) {
        change { $0.ticks.append(body) }
    }

    private func change(_ body: (inout State) -> Void) {
        let needsThread = state.withLock { state in
            body(&state)
            defer { state.isRunning = true }
            return !state.isRunning
        }
        guard needsThread else {
            var one: UInt64 = 1
            _ = clinux_write(wake.raw, &one, 8)
            return
        }
        startThread()
    }

    private func startThread() {
        let status = DetachedThread.start(name: "nfs-helpers") { HelperWatcher.shared.run() }
        guard status != 0 else { return }
        // The kernel gives no thread now: whoever waits is told, and the next one tries again.
        let (starts, waits) = state.withLock { state in
            defer { (state.starts, state.waits, state.isRunning) = ([], [:], false) }
            return (state.starts, state.waits)
        }
        let error = HostError(
            .runProgram, at: nil, errno: Errno(rawValue: status), detail: "no thread could be started for helpers")
        for start in starts { start.continuation.resume(returning: .failure(error)) }
        for wait in waits.values { wait.continuation.resume(returning: .gone) }
    }

    private func run() -> Never {
        while true {
            startHelpers()
            let waits = state.withLock { Array($0.waits.values) }
            let isTicking = state.withLock { !$0.ticks.isEmpty }
            var descriptors = [pollfd(fd: wake.raw, events: Int16(POLLIN), revents: 0)]
            descriptors += waits.map { pollfd(fd: $0.helper.socket.raw, events: Int16(POLLIN), revents: 0) }
            let limit: CInt = waits.isEmpty ? (isTicking ? 1000 : -1) : 250
            _ = clinux_poll(&descriptors, descriptors.count, limit)
            if descriptors[0].revents != 0 {
                var count: UInt64 = 0
                _ = clinux_read(wake.raw, &count, 8)
            }
            for (index, wait) in waits.enumerated() where descriptors[index + 1].revents != 0 {
                receive(wait.helper)
            }
            lookForProgress()
            runTicks()
        }
    }

    private func startHelpers() {
        let (starts, first) = state.withLock { state in
            defer {
                state.lastNumber += state.starts.count
                state.starts = []
            }
            return (state.starts, state.lastNumber)
        }
        for (index, start) in starts.enumerated() {
            AbandonedChildren.collect()
            do throws(HostError) {
                let helper = try HelperProcess(start.command, number: first + index + 1)
                start.continuation.resume(returning: .success(helper))
            } catch {
                start.continuation.resume(returning: .failure(error))
            }
        }
    }

    /// Takes in what a helper has sent.
    private func receive(_ helper: HelperProcess) {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let room = buffer.count
        let count = clinux_read(helper.socket.raw, &buffer, room)
        if count == -Int(EINTR) || count == -Int(EAGAIN) { return }
        let ended: (Wait, Ending)? = state.withLock { state in
            guard var wait = state.waits.removeValue(forKey: helper.number) else { return nil }
            guard count > 0 else { return (wait, .gone) }
            wait.received.append(contentsOf: buffer.prefix(count))
            if wait.received.count >= 4 {
                let length = wait.received[0..<4].reversed().reduce(0) { $0 << 8 | Int($1) }
                guard length <= HelperFrame.limit else { return (wait, .gone) }
                if wait.received.count >= 4 + length { return (wait, .answer(Array(wait.received[4..<4 + length]))) }
            }
            state.waits[helper.number] = wait
            return nil
        }
        if let (wait, ending) = ended { wait.continuation.resume(returning: ending) }
    }

    private func lookForProgress() {
        let now = ContinuousClock.now
        let due = state.withLock { state in
            state.waits.values.filter { $0.nextLook <= now }.map(\.helper)
        }
        for helper in due {
            let progress = helper.progress
            let hung: Wait? = state.withLock { state in
                guard var wait = state.waits[helper.number] else { return nil }
                if wait.progress != progress {
                    wait.progress = progress
                    wait.lastProgress = now
                }
                if now - wait.lastProgress >= wait.patience {
                    state.waits[helper.number] = nil
                    return wait
                }
                wait.nextLook = now + max(.milliseconds(100), wait.patience / 8)
                state.waits[helper.number] = wait
                return nil
            }
            guard let hung else { continue }
            helper.kill()
            hung.continuation.resume(returning: .hung)
        }
    }

    private func runTicks() {
        let ticks = state.withLock { state in
            defer { state.ticks = [] }
            return state.ticks
        }
        guard !ticks.isEmpty else { return }
        let left = ticks.filter { $0() }
        state.withLock { $0.ticks += left }
    }
}
