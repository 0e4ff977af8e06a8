import CSICore
import CSIHost
import CSIPreflight
import CSITestKit
import Logging
import SystemPackage
import Testing

@testable import CSIProgram

@Suite("How a program waits for its machine")
struct PreflightConditionTests {
    @Test("What is missing is said once, what has come too, and what cannot come ends it in one line")
    func waiting() async throws {
        let host = FakeHost()
        host.addDirectory("/pool")
        host.changeMachine { machine in
            machine.missingPrograms = ["mkfs.xfs"]
            machine.closedDevices["/dev/loop-control"] = .notFound
        }
        // The level, and the check that the line is about.
        let log = RecordedLog { "\($0.level) \($0.metadata?["check"].map { "\($0)" } ?? "-")" }
        let condition = PreflightCondition(
            Preflight([
                .kernel(.openat2), .loopDevices, .mountPoint("/pool", as: "pool"),
                .program("mkfs.xfs", from: "xfsprogs", for: "XFS"),
            ]), on: host, logger: log.logger)
        for _ in 0..<2 {
            let missing = try await condition.missing()
            #expect(missing.count == 2, "\(missing)")
            #expect(missing.last?.hasPrefix("pool.mount: /pool is not a mount; ") == true)
        }
        #expect(
            log.lines == [
                "debug kernel.openat2", "warning loop.control", "warning pool.mount", "warning program.mkfs.xfs",
            ])
        host.addFileSystem(at: "/pool")
        host.changeMachine { $0.closedDevices = [:] }
        #expect(try await condition.missing() == [])
        #expect(log.lines.suffix(2) == ["notice loop.control", "notice pool.mount"])
        host.changeMachine { $0.features[.openat2] = .missing }
        let error = await #expect(throws: CSIError.self) { try await condition.missing() }
        #expect(error?.message == "kernel.openat2: the kernel has no openat2; run Linux 5.6 or later")
        #expect(log.lines.last == "error kernel.openat2")
    }
}
