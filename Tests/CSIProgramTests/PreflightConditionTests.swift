import CSICore
import CSIHost
import CSIPreflight
import CSITestKit
import Logging
import Synchronization
import SystemPackage
import Testing

@testable import CSIProgram

@Suite("How a program waits for its machine")
struct PreflightConditionTests {
    /// Lines of the log: the level, and the check that it is about.
    private final class Lines: Sendable {
        let all = Mutex<[String]>([])
    }

    private struct Handler: LogHandler {
        let lines: Lines
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]

        init(lines: Lines) {
            self.lines = lines
        }

        subscript(metadataKey key: String) -> Logger.MetadataValue? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let check = event.metadata?["check"].map { "\($0)" } ?? "-"
            lines.all.withLock { $0.append("\(event.level) \(check)") }
        }
    }

    @Test("What is missing is said once, what has come too, and what cannot come ends it in one line")
    func waiting() async throws {
        let host = FakeHost()
        host.addDirectory("/pool")
        host.changeMachine { machine in
            machine.missingPrograms = ["mkfs.xfs"]
            machine.closedDevices["/dev/loop-control"] = .notFound
        }
        let lines = Lines()
        let condition = PreflightCondition(
            Preflight([
                .kernel(.openat2), .loopDevices, .mountPoint("/pool", as: "pool"),
                .program("mkfs.xfs", from: "xfsprogs", for: "XFS"),
            ]), on: host, logger: Logger(label: "test") { _ in Handler(lines: lines) })
        for _ in 0..<2 {
            let missing = try await condition.missing()
            #expect(missing.count == 2, "\(missing)")
            #expect(missing.last?.hasPrefix("pool.mount: /pool is not a mount; ") == true)
        }
        #expect(
            lines.all.withLock { $0 } == [
                "debug kernel.openat2", "warning loop.control", "warning pool.mount", "warning program.mkfs.xfs",
            ])
        host.addFileSystem(at: "/pool")
        host.changeMachine { $0.closedDevices = [:] }
        #expect(try await condition.missing() == [])
        #expect(lines.all.withLock { $0.suffix(2) } == ["notice loop.control", "notice pool.mount"])
        host.changeMachine { $0.features[.openat2] = .missing }
        let error = await #expect(throws: CSIError.self) { try await condition.missing() }
        #expect(error?.message == "kernel.openat2: the kernel has no openat2; run Linux 5.6 or later")
        #expect(lines.all.withLock { $0.last } == "error kernel.openat2")
    }
}
