import CSIProto
import CSITestKit
import CSITransport

/// A memory driver behind two endpoints, and the suite that fits it.
struct MemoryRig {
    let driver: MemoryDriver
    let conformance: Conformance
    private let transports: [InProcessTransport]

    init(
        _ variant: MemoryDriver.Variant, fault: Fault? = nil, launching: MemoryLauncher.Fault? = nil,
        only: [String] = []
    ) async throws {
        driver = MemoryDriver(variant, fault: fault)
        let controller = try InProcessTransport(router: driver.router(.controller))
        let node = try InProcessTransport(router: driver.router(.node))
        transports = [controller, node]
        var configuration = ConformanceConfiguration()
        configuration.parameters = ["kind": "fast"]
        configuration.otherParameters = ["kind": "slow"]
        configuration.mutableParameters = ["iops": "100"]
        configuration.secrets = ["token": "in-memory"]
        configuration.volumeSize = 1 << 20
        configuration.secondNodeID = MemoryDriver.nodes[1]
        configuration.testsAttachLimit = true
        configuration.repeats = 3
        configuration.callTimeout = .seconds(20)
        configuration.site = MemorySite(driver: driver)
        configuration.only = only
        conformance = Conformance(
            controller: try await controller.connect(), node: try await node.connect(),
            launcher: MemoryLauncher(launching), configuration: configuration)
    }

    func run() async -> ConformanceReport {
        let report = await conformance.run()
        for transport in transports { await transport.shutDown() }
        return report
    }
}
