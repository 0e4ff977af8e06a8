import ArgumentParser
import CSICore
import CSIProgram
import CSIProto
import CSITransport
import Testing

@testable import CSIMain

@Suite("A controller that answers for nodes")
struct ExpansionOnlyTests {
    private func configuration(
        _ arguments: [String], _ environment: [String: String] = [:]
    ) throws -> DriverConfiguration {
        try DriverConfiguration(
            options: DriverOptions.parse(["--endpoint", "unix:///run/csi/csi.sock"] + arguments),
            controllerOptions: ControllerOptions.parse(environment.isEmpty ? ["--expansion-only"] : []),
            environment: environment)
    }

    @Test(
        "It takes the driver's name and nothing of a pool",
        arguments: [
            (["--driver-name", "my.driver"], "my.driver"), (["--backend", "loopback"], "loopback.swift-csi.dev"),
            ([], "hostpath.swift-csi.dev"),
        ])
    func names(arguments: [String], name: String) throws {
        for environment in [[:], ["SWIFT_CSI_EXPANSION_ONLY": "true"]] {
            guard case .expansionOnly(let info) = try configuration(arguments, environment).backend else {
                Issue.record("another backend")
                return
            }
            #expect(info.name == name)
        }
    }

    @Test("What it cannot use is a mistake", arguments: ["--pool /p", "--node-id n", "--backend nfs"])
    func mistakes(flags: String) {
        let error = #expect(throws: ConfigurationMistakes.self) {
            try configuration(flags.split(separator: " ").map(String.init))
        }
        #expect(error?.lines.count == 1 && error?.lines.first?.contains(flags.prefix { $0 != " " }) == true)
    }

    @Test("It grows everything, leaves the work to the node, and does nothing else")
    func answers() async throws {
        let driver = ExpansionOnlyDriver(info: try PluginInfo(name: "my.driver", version: "1"))
        let local = LocalDriver(driver, role: .controller)
        try await local.start()
        let client = try await local.connect()
        let plugin = try await client.unary(CSIv1.Identity.getPluginCapabilities, .init())
        #expect(plugin.capabilities.contains { $0.type == .service(.init(type: .controllerService)) })
        #expect(plugin.capabilities.contains { $0.type == .volumeExpansion(.init(type: .online)) })
        let abilities = try await client.unary(CSIv1.Controller.controllerGetCapabilities, .init())
        #expect(abilities.capabilities.map(\.type) == [.rpc(.init(type: .expandVolume))])
        let grown = try await client.unary(
            CSIv1.Controller.controllerExpandVolume,
            .init(volumeID: "any", capacityRange: .init(requiredBytes: 4711, limitBytes: 5000)))
        #expect(grown.capacityBytes == 4711 && grown.nodeExpansionRequired)
        let unsaid = await #expect(throws: RPCError.self) {
            try await client.unary(
                CSIv1.Controller.controllerExpandVolume,
                .init(volumeID: "any", capacityRange: .init(limitBytes: 5000)))
        }
        #expect(unsaid?.code == .invalidArgument)
        let create = await #expect(throws: RPCError.self) {
            try await client.unary(CSIv1.Controller.deleteVolume, .init(volumeID: "any"))
        }
        #expect(create?.code == .unimplemented)
    }
}
