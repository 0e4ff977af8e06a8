import CSITestKit
import SystemPackage
import Testing

@testable import CSIHostPath

@Suite("hostPath does what callers expect", .timeLimit(.minutes(2)))
struct ConformanceTests {
    @Test("Every row that its abilities allow, and nothing is left behind")
    func conforms() async throws {
        let host = Exploration.host()
        let before = Set(host.paths(below: "/scratch"))
        var configuration = ConformanceConfiguration()
        configuration.volumeSize = 1 << 20
        configuration.repeats = 3
        configuration.stagingDirectory = "/scratch/staging"
        configuration.targetDirectory = "/scratch/pods"
        let suite = try await Conformance(of: Exploration.driver(host), on: host, configuration: configuration)
        let report = try await suite.check()
        #expect(report.results.count == Conformance.cases.count)
        #expect(report.passed.count > 170, "\(report.text(including: [.skipped]))")
        let made: Set = ["/scratch/staging", "/scratch/pool/.lock", "/scratch/pool/.trash", "/scratch/pool/volumes"]
        #expect(Set(host.paths(below: "/scratch").map(\.string)).subtracting(before.map(\.string)) == made)
    }
}
