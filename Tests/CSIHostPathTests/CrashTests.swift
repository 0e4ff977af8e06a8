import CSIHost
import CSITestKit
import SystemPackage
import Testing

@testable import CSICore
@testable import CSIHostPath

/// Kills the driver around every change that it makes on the machine, restarts it on what is left, and repeats the call
/// as a caller would: the end must be the one without a crash, and nothing may be left over.
@Suite("hostPath survives a crash at any moment")
struct CrashTests {
    private static let target: FilePath = "/scratch/pods/t"

    /// One call of a volume's life, with the calls that must have gone before.
    enum Step: Int, CaseIterable, Sendable, CustomTestStringConvertible {
        case create
        case publish
        case unpublish
        case delete

        var testDescription: String { "\(self)" }

        func run(on driver: HostPathDriver) async throws {
            switch self {
            case .create: _ = try await driver.create(Requests.create("v"))
            case .publish: try await driver.publish(Requests.publish("v", at: CrashTests.target, readOnly: true))
            case .unpublish: try await driver.unpublish(Requests.unpublish("v", at: CrashTests.target))
            case .delete: try await driver.delete(Requests.delete("v"))
            }
        }
    }

    @Test("Every crash point of every call", arguments: Step.allCases, CrashKind.allCases)
    func explore(step: Step, kind: CrashKind) async throws {
        let (expected, mutations) = try await reference(step)
        #expect(mutations > 0)
        var explored = 0
        for moment in CrashMoment.allCases {
            for count in 0..<mutations {
                try await Rig.with(.fake) { rig in
                    let fake = try #require(rig.fake)
                    for earlier in Step.allCases where earlier.rawValue < step.rawValue {
                        try await earlier.run(on: rig.driver)
                    }
                    fake.crash(moment, afterMutations: count)
                    _ = try? await step.run(on: rig.driver)
                    try #require(fake.hasCrashed)
                    fake.restart(after: kind)
                    let successor = try rig.secondDriver(role: .all)
                    try await successor.preflight()
                    try await successor.start()
                    // A power failure takes mounts with it; the caller publishes again before anything else.
                    if kind != .process, step == .unpublish || step == .delete {
                        try await Step.unpublish.run(on: successor)
                    }
                    try await step.run(on: successor)
                    let state = state(of: fake)
                    #expect(state == expected, "crash \(moment) mutation \(count)")
                    explored += 1
                }
            }
        }
        #expect(explored == mutations * CrashMoment.allCases.count)
    }

    /// What is left after the step without a crash, and how many changes it makes.
    private func reference(_ step: Step) async throws -> ([String], Int) {
        var result: ([String], Int) = ([], 0)
        try await Rig.with(.fake) { rig in
            let fake = try #require(rig.fake)
            for earlier in Step.allCases where earlier.rawValue < step.rawValue {
                try await earlier.run(on: rig.driver)
            }
            fake.clearEffects()
            try await step.run(on: rig.driver)
            result = (state(of: fake), fake.mutations.count)
        }
        return result
    }

    /// Everything that outlives the process: paths, contents and mounts.
    private func state(of fake: FakeHost) -> [String] {
        let files = fake.paths(below: "/scratch").map { path in
            "\(path) \(fake.content(of: path)?.description ?? "-")"
        }
        return files + fake.mountTable.entries.map { "\($0.mountPoint) \($0.root) \($0.mountOptions)" }
    }
}
