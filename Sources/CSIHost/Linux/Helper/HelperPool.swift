import CSILock
import SystemPackage

/// The helper processes of a host: started when needed, used again, ended when idle.
final class HelperPool: Sendable {
    /// What a helper is wanted for.
    struct Need: Sendable {
        /// What the helper must have open already; nil for nothing.
        var export: String?
        /// The server that it will wait for; at most so many helpers wait for one.
        var server: String
        /// What nothing else is done for while a killed helper of it lives.
        var work: String
    }

    private struct Idle {
        let helper: HelperProcess
        let export: String?
        let since: ContinuousClock.Instant
    }

    private struct Queued {
        let number: Int
        let server: String
        var deadline: ContinuousClock.Instant
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var idle: [Idle] = []
        var busy: [String: Int] = [:]
        var queue: [Queued] = []
        var lingering: [(work: String, helper: HelperProcess)] = []
        var isTicking = false
        var lastNumber = 0
    }

    /// How long an idle helper is kept: long enough for a burst of calls, short enough to give its memory back.
    private static let idleTime = Duration.seconds(10)

    let settings: NetworkFileSystemSettings
    private let state = Guarded(State())

    init(_ settings: NetworkFileSystemSettings) {
        self.settings = settings
    }

    /// A helper for one piece of work, until the lease goes.
    func lease(_ need: Need, _ site: CallSite) async throws(HostError) -> HelperLease {
        try refuseLingering(need, site)
        guard await enter(need.server) else {
            throw site.failure(
                kind: .timedOut,
                detail: "\(settings.helpersPerServer) other calls wait for \(need.server), which does not answer")
        }
        let reused = state.withLock { state -> Idle? in
            let index =
                state.idle.lastIndex { $0.export == need.export && !$0.helper.hasEnded }
                ?? state.idle.lastIndex { $0.export == nil && !$0.helper.hasEnded }
            return index.map { state.idle.remove(at: $0) }
        }
        if let reused {
            return HelperLease(reused.helper, has: reused.export, need, self)
        }
        do throws(HostError) {
            return HelperLease(try await HelperWatcher.shared.start(settings.helper), has: nil, need, self)
        } catch {
            leave(need.server)
            throw error
        }
    }

    /// Takes a helper back.
    func end(_ helper: HelperProcess, _ need: Need, has export: String?, isBroken: Bool) {
        if isBroken {
            helper.kill()
            if !helper.hasEnded { state.withLock { $0.lingering.append((need.work, helper)) } }
        } else {
            if export == nil { HelperFrame.write(HelperRequest.close.bytes, to: helper.socket.raw) }
            state.withLock { $0.idle.append(Idle(helper: helper, export: export, since: .now)) }
            startTicking()
        }
        leave(need.server, hasAnswered: !isBroken)
    }

    private func refuseLingering(_ need: Need, _ site: CallSite) throws(HostError) {
        let holder = state.withLock { state in
            state.lingering.removeAll { $0.helper.hasEnded }
            return state.lingering.first { $0.work == need.work }
        }
        // What was killed a moment ago is usually gone in the next.
        guard let holder, !holder.helper.hasEnded(within: 100) else { return }
        throw site.failure(
            kind: .lockHeld,
            detail:
                "process \(holder.helper.process), which was killed because \(need.server) does not answer, hangs in the "
                + "kernel and may still change something")
    }

    /// What killed helpers still hold.
    var lingeringWork: [String] {
        state.withLock { state in
            state.lingering.removeAll { $0.helper.hasEnded }
            return state.lingering.map(\.work)
        }
    }

    // MARK: At most so many for one server

    private func enter(_ server: String) async -> Bool {
        let limit = settings.helpersPerServer
        let deadline = ContinuousClock.now + settings.patience
        let entered = state.withLock { state in
            guard state.busy[server, default: 0] < limit else { return false }
            state.busy[server, default: 0] += 1
            return true
        }
        if entered { return true }
        startTicking()
        return await withCheckedContinuation { continuation in
            let entersNow = state.withLock { state in
                if state.busy[server, default: 0] < limit {
                    state.busy[server, default: 0] += 1
                    return true
                }
                state.lastNumber += 1
                state.queue.append(
                    Queued(number: state.lastNumber, server: server, deadline: deadline, continuation: continuation))
                return false
            }
            if entersNow { continuation.resume(returning: true) }
        }
    }

    private func leave(_ server: String, hasAnswered: Bool = true) {
        let deadline = ContinuousClock.now + settings.patience
        let next = state.withLock { state -> Queued? in
            // A server that answers somebody is no reason to give up.
            if hasAnswered {
                for index in state.queue.indices where state.queue[index].server == server {
                    state.queue[index].deadline = deadline
                }
            }
            // The place goes from hand to hand.
            if let index = state.queue.firstIndex(where: { $0.server == server }) {
                return state.queue.remove(at: index)
            }
            let left = state.busy[server, default: 1] - 1
            state.busy[server] = left > 0 ? left : nil
            return nil
        }
        next?.continuation.resume(returning: true)
    }

    // MARK: Time

    private func startTicking() {
        let starts = state.withLock { state in
            defer { state.isTicking = true }
            return !state.isTicking
        }
        guard starts else { return }
        HelperWatcher.shared.tick { [weak self] in self?.tick() ?? false }
    }

    /// Ends helpers that were idle for long and waits that took long.
    private func tick() -> Bool {
        let now = ContinuousClock.now
        var ended: [Idle] = []
        let (expired, goesOn) = state.withLock { state in
            ended = state.idle.filter { now - $0.since >= Self.idleTime || $0.helper.hasEnded }
            state.idle.removeAll { idle in ended.contains { $0.helper === idle.helper } }
            let expired = state.queue.filter { $0.deadline <= now }
            state.queue.removeAll { $0.deadline <= now }
            state.lingering.removeAll { $0.helper.hasEnded }
            let goesOn = !state.idle.isEmpty || !state.queue.isEmpty
            state.isTicking = goesOn
            return (expired, goesOn)
        }
        for queued in expired { queued.continuation.resume(returning: false) }
        return goesOn
    }
}

/// A helper that does one piece of work.
final class HelperLease: Sendable {
    private struct State {
        var export: String?
        var isBroken = false
        var isBusy = false
    }

    private let helper: HelperProcess
    private let need: HelperPool.Need
    private let pool: HelperPool
    private let state: Guarded<State>

    init(_ helper: HelperProcess, has export: String?, _ need: HelperPool.Need, _ pool: HelperPool) {
        self.helper = helper
        self.need = need
        self.pool = pool
        state = Guarded(State(export: export))
    }

    deinit {
        let (export, isBroken) = state.withLock { ($0.export, $0.isBroken || $0.isBusy) }
        pool.end(helper, need, has: export, isBroken: isBroken)
    }

    /// Whether the helper has the export open that it is wanted for.
    var hasExport: Bool { state.withLock { $0.export != nil && $0.export == need.export } }

    /// Notes what the helper has open now.
    func nowHasExport() { state.withLock { $0.export = need.export } }

    /// Asks the helper for something.
    /// - Parameter patience: How long it may make no progress.
    func ask(_ request: HelperRequest, patience: Duration, _ site: CallSite) async throws(HostError) -> HelperReader {
        let isFree = state.withLock { state in
            guard !state.isBroken, !state.isBusy else { return false }
            state.isBusy = true
            return true
        }
        guard isFree else {
            throw site.failure(
                kind: .stale, detail: "the helper process for \(need.server) is gone or at work: open it anew")
        }
        let ending = await HelperWatcher.shared.exchange(request.bytes, with: helper, patience: patience)
        switch ending {
        case .hung:
            state.withLock { ($0.isBusy, $0.isBroken) = (false, true) }
            throw site.failure(
                kind: .timedOut, detail: "\(need.server) does not answer: nothing has moved for \(patience)")
        case .gone:
            state.withLock { ($0.isBusy, $0.isBroken) = (false, true) }
            throw site.failure(kind: .stale, detail: "the helper process for \(need.server) ended in the middle of it")
        case .answer(let bytes):
            return try read(bytes, site)
        }
    }

    private func read(_ bytes: [UInt8], _ site: CallSite) throws(HostError) -> HelperReader {
        var reader = HelperReader(bytes)
        let failure: HostError?
        do throws(HelperReader.Malformed) {
            failure = try reader.bool() ? nil : try reader.error()
        } catch {
            state.withLock { ($0.isBusy, $0.isBroken) = (false, true) }
            throw site.failure(kind: .inputOutput, detail: "the helper process gave an answer that makes no sense")
        }
        // With a stale handle in its hands it is of no more use; nothing hangs, so nothing is left of it.
        state.withLock { state in
            state.isBusy = false
            if failure?.kind == .stale { state.isBroken = true }
        }
        if let failure { throw failure }
        return reader
    }
}
