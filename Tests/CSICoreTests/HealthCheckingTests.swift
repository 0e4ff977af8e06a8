import CSIProto
import CSITransport
import Synchronization
import Testing

@testable import CSICore

@Suite("What Probe says")
struct HealthCheckingTests {
    /// A driver that is ill when told so.
    private final class Patient: HealthChecking {
        let info: PluginInfo
        let illness = Mutex<String?>(nil)

        init() throws {
            info = try PluginInfo(name: "patient.example.com", version: "1")
        }

        func checkHealth() async throws(CSIError) {
            await Task.yield()
            if let illness = illness.withLock({ $0 }) { throw .unavailable(illness) }
        }
    }

    private func probe(_ local: LocalDriver) async throws -> Bool? {
        try await local.call(CSIv1.Identity.probe, CSIv1.ProbeRequest()).ready?.value
    }

    @Test("A driver that checks its health is asked each time, once it is ready")
    func checked() async throws {
        let driver = try Patient()
        driver.illness.withLock { $0 = "the server is gone" }
        let local = LocalDriver(driver)
        #expect(try await probe(local) == false)
        try await local.start()
        let error = await #expect(throws: RPCError.self) { try await probe(local) }
        #expect(error?.code == .failedPrecondition)
        #expect(error?.message.contains("the server is gone") == true)
        driver.illness.withLock { $0 = nil }
        #expect(try await probe(local) == true)
    }

    @Test("Any other is well from the end of its start on")
    func unchecked() async throws {
        let local = LocalDriver(try MemoryDriver())
        #expect(try await probe(local) == false)
        try await local.start()
        #expect(try await probe(local) == true)
    }
}
