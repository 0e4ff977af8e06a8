import CSIProto
import CSITransport
import Logging
import Testing

@testable import CSICore

@Suite("Capabilities and routes come from one table")
struct CapabilityTableTests {
    private func build(
        _ driver: any CSIDriver, role: Role = .all, without disabled: Set<Ability> = []
    ) -> (capabilities: CapabilityTable, paths: Set<String>) {
        let pipeline = Pipeline(
            driverName: "test", logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, readiness: Readiness(),
            executor: BlockingExecutor(name: "test", maximumThreads: 1))
        var routes = RouteTable(pipeline: pipeline, role: role, without: disabled)
        let capabilities = CapabilityTable(of: driver, into: &routes)
        routes.addIdentity(driver, readiness: pipeline.readiness, capabilities: capabilities)
        return (capabilities, Set(routes.router.paths))
    }

    @Test("A driver that can do everything serves every RPC of the specification and advertises every capability")
    func everything() throws {
        let (capabilities, paths) = try build(FullDriver())
        let all =
            [CSIv1.Identity.methods, CSIv1.Controller.methods, CSIv1.GroupController.methods]
            + [CSIv1.SnapshotMetadata.methods, CSIv1.Node.methods]
        #expect(paths == Set(all.joined()))
        // MemoryDriver declares one access mode only, so the multi-writer capability is absent.
        let controller = Set(CSIv1.ControllerServiceCapability.RPC.TypeEnum.allKnown)
            .subtracting([.unknown, .singleNodeMultiWriter])
        #expect(Set(capabilities.controller) == controller)
        #expect(capabilities.controller.count == controller.count)
        let node = Set(CSIv1.NodeServiceCapability.RPC.TypeEnum.allKnown).subtracting([
            .unknown, .singleNodeMultiWriter,
        ])
        #expect(Set(capabilities.node) == node)
        #expect(
            Set(capabilities.plugin) == Set(CSIv1.PluginCapability.Service.TypeEnum.allKnown).subtracting([.unknown]))
        #expect(capabilities.group == [.createDeleteGetVolumeGroupSnapshot])
        #expect(capabilities.expansion == .online)
    }

    @Test(
        "Taking an ability away removes its capabilities and its routes, and those of what builds on it",
        arguments: Ability.allCases)
    func subtracting(ability: Ability) throws {
        let driver = try FullDriver()
        let full = build(driver)
        let less = build(driver, without: [ability])
        let rows = CapabilityTable.rows.filter { row in
            var step: Ability? = row.ability
            while let current = step {
                if current == ability { return true }
                step = current.base
            }
            return false
        }
        #expect(
            Set(full.capabilities.controller).subtracting(less.capabilities.controller)
                == Set(rows.flatMap(\.controller)))
        #expect(Set(full.capabilities.node).subtracting(less.capabilities.node) == Set(rows.flatMap(\.node)))
        #expect(Set(full.capabilities.plugin).subtracting(less.capabilities.plugin) == Set(rows.flatMap(\.plugin)))
        #expect(less.paths.isSubset(of: full.paths))
        let markers: Set<Ability> = [
            .readOnlyAttaching, .publishedNodesListing, .volumeCloning, .volumeHealthReporting, .nodeHealthReporting,
            .mountGroupApplying, .topologyAware,
        ]
        #expect((less.paths == full.paths) == markers.contains(ability))
    }

    @Test("Every ability has exactly one row")
    func rows() {
        #expect(CapabilityTable.rows.map(\.ability.rawValue).sorted() == Ability.allCases.map(\.rawValue).sorted())
    }

    @Test("A role has its own services only, and the same plugin capabilities")
    func roles() throws {
        let controller = try build(FullDriver(), role: .controller)
        let node = try build(FullDriver(), role: .node)
        #expect(!controller.paths.contains { $0.hasPrefix("/csi.v1.Node/") })
        #expect(node.paths.allSatisfy { $0.hasPrefix("/csi.v1.Node/") || $0.hasPrefix("/csi.v1.Identity/") })
        #expect(controller.capabilities.plugin == node.capabilities.plugin)
        #expect(controller.capabilities.expansion == node.capabilities.expansion)
    }
}
