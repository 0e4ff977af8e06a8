public import CSICore
import CSIHost
import CSITransport
public import SystemPackage

/// Kills a driver around every change that it makes on the machine and checks that the caller's retry ends as if nothing
/// had happened.
///
/// A scenario is run once to count the changes. Then, for each change and for each moment around it (before, during, after
/// it and before the driver hears of it), the driver is killed there, or the machine loses power; a new driver starts on
/// what is left, the caller repeats what it did not see succeed, and goes on to the end. The end must be the same as
/// without the crash: no file, directory, mount or lock more or less.
///
/// ```swift
/// @Test func survivesCrashes() async throws {
///     let explorer = CrashExplorer(host: { makeHost() }, driver: { MyDriver(host: $0) })
///     try await explorer.explore(.fullLifecycle(targets: "/pods")).requireNoFailures()
/// }
/// ```
public struct CrashExplorer: Sendable {
    private let makeHost: @Sendable () -> FakeHost
    private let makeDriver: @Sendable (FakeHost) throws -> any CSIDriver
    private let ignoring: @Sendable (FilePath) -> Bool
    private let elsewhere: @Sendable (FakeHost) -> [String]

    /// Creates an explorer.
    /// - Parameters:
    ///   - host: Makes a machine with what the driver needs: its pool, the directory of the targets.
    ///   - driver: Makes the driver of a new process on a machine.
    ///   - ignoring: Files whose content may differ from run to run, for example because it holds a time.
    ///   - elsewhere: What else must end the same, one line for each thing, such as the volumes of a cloud that the driver calls
    ///     through ``FakeHost/effect(_:changing:_:)``.
    public init(
        host: @escaping @Sendable () -> FakeHost, driver: @escaping @Sendable (FakeHost) throws -> any CSIDriver,
        ignoring: @escaping @Sendable (FilePath) -> Bool = { _ in false },
        elsewhere: @escaping @Sendable (FakeHost) -> [String] = { _ in [] }
    ) {
        self.makeHost = host
        self.makeDriver = driver
        self.ignoring = ignoring
        self.elsewhere = elsewhere
    }

    /// One place to crash at.
    private struct Point: Sendable, CustomStringConvertible {
        let step: Int
        let name: String
        let mutation: Int
        let moment: CrashMoment
        let kind: CrashKind

        var description: String { "crash (\(kind)) \(moment) change \(mutation) of \"\(name)\"" }
    }

    /// Tries every crash point of a scenario.
    /// - Throws: What goes wrong without any crash.
    public func explore(_ scenario: Scenario) async throws -> ExplorationReport {
        var report = ExplorationReport()
        let (expected, mutations) = try await reference(scenario)
        for (index, step) in scenario.steps.enumerated() {
            for mutation in 0..<mutations[index] {
                for moment in CrashMoment.allCases {
                    for kind in CrashKind.allCases {
                        let point = Point(
                            step: index, name: step.name, mutation: mutation, moment: moment, kind: kind)
                        report.explored += 1
                        if let failure = await failure(at: point, in: scenario, expected) {
                            report.failures.append("\(point): \(failure)")
                        }
                    }
                }
            }
        }
        return report
    }

    /// The states after each step without a crash, and how many changes each step makes.
    private func reference(_ scenario: Scenario) async throws -> (states: [HostState], mutations: [Int]) {
        let host = makeHost()
        let driver = try await started(on: host)
        var states: [HostState] = []
        var mutations: [Int] = []
        for step in scenario.steps {
            host.clearEffects()
            try await step.call(driver)
            mutations.append(host.mutations.count)
            states.append(state(of: host))
        }
        return (states, mutations)
    }

    /// What is wrong after a crash at a point, nil when nothing is.
    private func failure(at point: Point, in scenario: Scenario, _ expected: [HostState]) async -> String? {
        let host = makeHost()
        do {
            let driver = try await started(on: host)
            for step in scenario.steps[..<point.step] { try await step.call(driver) }
            host.crash(point.moment, afterMutations: point.mutation)
            do throws(RPCError) {
                try await scenario.steps[point.step].call(driver)
            } catch {
                // The caller of a dead process sees its connection break; what it saw before does not matter.
            }
            guard host.hasCrashed else { return "the change was not made this time: the driver is not deterministic" }
            if let broken = scenario.invariant(host) { return broken }
            host.restart(after: point.kind)
            let successor = try await started(on: host)
            if let broken = scenario.invariant(host) { return "after the restart: \(broken)" }
            // Power takes the mounts along, and the caller brings back what it wants before it goes on.
            let first = point.kind == .power ? 0 : point.step
            for index in first..<scenario.steps.count {
                try await scenario.steps[index].call(successor)
                if let broken = scenario.invariant(host) { return broken }
                guard index >= point.step else { continue }
                let difference = state(of: host).difference(to: expected[index])
                if !difference.isEmpty {
                    return "after \"\(scenario.steps[index].name)\" the machine differs:\n\(difference)"
                }
            }
            return nil
        } catch {
            return "\(error)"
        }
    }

    private func state(of host: FakeHost) -> HostState {
        HostState(of: host, ignoring: ignoring, elsewhere: elsewhere(host))
    }

    private func started(on host: FakeHost) async throws -> LocalDriver {
        let driver = LocalDriver(try makeDriver(host))
        try await driver.start()
        return driver
    }
}
