import CSIProto
import CSITransport
import Testing

@testable import CSITestKit

@Suite("A conformance report")
struct ReportTests {
    /// A driver whose name and messages want escaping, and which refuses nothing.
    private func report(only: [String]) async throws -> ConformanceReport {
        let fault = Fault(path: CSIv1.Controller.createVolume.path) { _, _, _ in
            .failure(RPCError(code: .internalError, message: "<&\">\u{1B}[2J"))
        }
        return try await MemoryRig(.bare, fault: fault, only: only).run()
    }

    @Test("names the driver, groups its rows and ends with a summary")
    func text() async throws {
        let text = try await report(only: ["identity/name", "create-volume/no-name", "list-volumes/pages"]).text()
        let lines = text.split(separator: "\n")
        #expect(lines.first == "identity")
        #expect(
            lines.contains(
                "  FAIL  create-volume/no-name: CreateVolume without a name is INVALID_ARGUMENT [csi-sanity]"))
        #expect(lines.contains("  skip  list-volumes/pages: the controller does not advertise LIST_VOLUMES"))
        let summary = String(lines.last ?? "")
        #expect(summary.hasPrefix("memory.csi.example: 1 passed, 1 failed, 1 skipped of 3 rows in "))
        #expect(!text.contains("\u{1B}"))
    }

    @Test("is JUnit XML in which nothing of the driver's breaks out")
    func junit() async throws {
        let xml = try await report(only: ["identity/name", "create-volume/no-name", "list-volumes/pages"]).junit
        #expect(
            xml.hasPrefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"CSI conformance of memory"))
        #expect(xml.contains("<testsuite name=\"create-volume\" tests=\"1\" failures=\"1\" skipped=\"0\""))
        #expect(xml.contains("INTERNAL: &lt;&amp;&quot;&gt;\\u{1b}[2J\"/>"))
        #expect(xml.contains("<skipped message=\"the controller does not advertise LIST_VOLUMES\"/>"))
        #expect(xml.hasSuffix("</testsuites>\n"))
    }

    @Test(
        "holds the rows that a pattern selects",
        arguments: [
            ("identity/name", 1), ("identity/*", Conformance.cases.count { $0.group == "identity" }), ("*/no-such", 0),
            ("*", Conformance.cases.count),
        ])
    func patterns(_ pattern: String, _ count: Int) async throws {
        var configuration = ConformanceConfiguration()
        configuration.only = [pattern]
        #expect(Conformance.cases.count { configuration.selects($0.id) } == count)
    }
}
