import CSITestKit
import SystemPackage
import Testing

@testable import CSIHostPath

@Suite("hostPath does what callers expect", .timeLimit(.minutes(5)))
struct ConformanceTests {
    @Test(
        "Every row that its abilities allow, and nothing is left behind",
        arguments: [("ext4", ConformanceConfiguration.AccessType.mount), ("btrfs", .mount), ("ext4", .block)])
    func conforms(type: String, accessType: ConformanceConfiguration.AccessType) async throws {
        let host = Exploration.host(type)()
        let before = Set(host.paths(below: "/scratch"))
        var configuration = ConformanceConfiguration()
        configuration.accessType = accessType
        configuration.volumeSize = 1 << 20
        configuration.repeats = 3
        configuration.stagingDirectory = "/scratch/staging"
        configuration.targetDirectory = "/scratch/pods"
        let suite = try await Conformance(of: Exploration.driver(host), on: host, configuration: configuration)
        let report = try await suite.check()
        #expect(report.results.count == Conformance.cases.count)
        #expect(
            report.passed.count > (accessType == .block ? 200 : 240),
            "\(report.passed.count) \(report.text(including: [.skipped]))")
        #expect(host.loopDevices.isEmpty)
        let kept = [".lock", ".trash", "groups", "snapshots", "volumes"].map { "/scratch/pool/\($0)" }
        let made = Set(kept + ["/scratch/staging"])
        #expect(Set(host.paths(below: "/scratch").map(\.string)).subtracting(before.map(\.string)) == made)
    }
}
