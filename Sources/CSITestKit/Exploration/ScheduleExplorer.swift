public import CSICore
import CSIHost
import CSILock
import CSITransport

/// Runs several callers at once and interleaves them at the changes that the driver makes on the machine.
///
/// Each seed gives one schedule, always the same: everything runs on one executor, every effect waits until the explorer
/// lets it go, and which one goes next is drawn from the seed. Callers repeat calls that are answered ABORTED, as the
/// sidecars do.
public struct ScheduleExplorer: Sendable {
    private let makeHost: @Sendable () -> FakeHost
    private let makeDriver: @Sendable (FakeHost) throws -> any CSIDriver

    /// Creates an explorer.
    /// - Parameters:
    ///   - host: Makes a machine with what the driver needs.
    ///   - driver: Makes the driver of a new process on a machine.
    public init(
        host: @escaping @Sendable () -> FakeHost, driver: @escaping @Sendable (FakeHost) throws -> any CSIDriver
    ) {
        self.makeHost = host
        self.makeDriver = driver
    }

    /// Tries schedules.
    /// - Parameters:
    ///   - callers: What each caller does, in order; a step that fails with anything but ABORTED fails the schedule.
    ///   - seeds: The schedules; a failure names its seed, so that it can be tried alone.
    ///   - check: Looks at the machine when all callers are done; answers what is wrong, nil when nothing is.
    public func explore(
        _ callers: [Scenario], seeds: Range<UInt64>, check: @Sendable (FakeHost) -> String?
    ) async -> ExplorationReport {
        var report = ExplorationReport()
        for seed in seeds {
            report.explored += 1
            do {
                if let failure = try run(callers, seed, check) { report.failures.append("seed \(seed): \(failure)") }
            } catch {
                report.failures.append("seed \(seed): \(error)")
            }
        }
        return report
    }

    private func run(
        _ callers: [Scenario], _ seed: UInt64, _ check: @Sendable (FakeHost) -> String?
    ) throws -> String? {
        let executor = StepExecutor()
        let host = makeHost()
        let driver = LocalDriver(try makeDriver(host), executor: executor)
        let start = Outcome()
        Task(executorPreference: executor) {
            do throws(CSIError) {
                try await driver.start()
                start.finish(nil)
            } catch {
                start.finish("the driver did not start: \(error)")
            }
        }
        executor.runUntilIdle()
        if let failure = start.failure { return failure }
        guard start.isFinished else { return "the start waits for something that never comes" }

        let stage = Stage()
        host.beforeEachEffect { (_) async throws(HostError) in await stage.wait() }
        let outcomes = callers.map { _ in Outcome() }
        for (caller, outcome) in zip(callers, outcomes) {
            Task(executorPreference: executor) { outcome.finish(await Self.play(caller, driver, host)) }
        }
        var random = SeededRandom(seed: seed)
        executor.runUntilIdle()
        while stage.letOneGo(using: &random) { executor.runUntilIdle() }
        if let failure = outcomes.lazy.compactMap(\.failure).first { return failure }
        guard outcomes.allSatisfy(\.isFinished) else { return "a caller waits for ever: nothing runs any more" }
        return check(host)
    }

    /// How often a caller repeats a call that is answered ABORTED; each repetition lets others run first.
    private static let attempts = 10_000

    private static func play(_ caller: Scenario, _ driver: LocalDriver, _ host: FakeHost) async -> String? {
        for step in caller.steps {
            var attempt = 0
            while true {
                do throws(RPCError) {
                    try await step.call(driver)
                    break
                } catch {
                    attempt += 1
                    guard error.code == .aborted, attempt < attempts else { return "\"\(step.name)\": \(error)" }
                    // A pause of the caller is an effect like any other: somebody else may go first.
                    _ = try? await host.mounts.mountTable()
                }
            }
            if let broken = caller.invariant(host) { return "after \"\(step.name)\": \(broken)" }
        }
        return nil
    }

    /// Whether a caller is done, and what went wrong.
    private final class Outcome: Sendable {
        private let state = Guarded<(isFinished: Bool, failure: String?)>((false, nil))

        var isFinished: Bool { state.withLock { $0.isFinished } }
        var failure: String? { state.withLock { $0.failure } }

        func finish(_ failure: String?) { state.withLock { $0 = (true, failure) } }
    }

    /// Where effects wait for their turn.
    private final class Stage: Sendable {
        private let waiting = Guarded<[CheckedContinuation<Void, Never>]>([])

        func wait() async {
            await withCheckedContinuation { continuation in waiting.withLock { $0.append(continuation) } }
        }

        /// Lets one waiting effect go; false when none waits.
        func letOneGo(using random: inout SeededRandom) -> Bool {
            let chosen: CheckedContinuation<Void, Never>? = waiting.withLock { waiting in
                guard !waiting.isEmpty else { return nil }
                return waiting.remove(at: random.next(below: waiting.count))
            }
            chosen?.resume()
            return chosen != nil
        }
    }
}

/// Numbers that look random and are always the same for a seed (SplitMix64).
struct SeededRandom: Sendable {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    /// A number from 0 to `bound` - 1; `bound` is positive.
    mutating func next(below bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ (mixed >> 31)) % UInt64(max(bound, 1)))
    }
}
