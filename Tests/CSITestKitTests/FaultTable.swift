import CSIProto
import CSITestKit
import CSITransport

/// For every row, the fault that it has to find.
enum FaultTable {
    static func fault(for id: String) -> Fault? {
        exact[id] ?? refusals[group(id)].flatMap { isRefusal(id) ? $0 : nil }
    }

    private static func group(_ id: String) -> String { String(id.prefix { $0 != "/" }) }

    /// A row that a driver fails which never refuses anything in that method.
    private static func isRefusal(_ id: String) -> Bool {
        Conformance.cases.first { $0.id == id }.map { item in
            [" is ", " are "].contains { item.title.contains($0) }
        } ?? false
    }

    typealias C = CSIv1.Controller
    typealias N = CSIv1.Node
    typealias G = CSIv1.GroupController
    typealias M = CSIv1.SnapshotMetadata

    static let refusals: [String: Fault] = [
        "create-volume": .forgives(C.createVolume),
        "content-source": .forgives(C.createVolume),
        "delete-volume": .forgives(C.deleteVolume),
        "validate-volume": .forgives(C.validateVolumeCapabilities),
        "get-capacity": .forgives(C.getCapacity),
        "list-volumes": .forgives(C.listVolumes),
        "get-volume": .forgives(C.controllerGetVolume),
        "controller-publish": .forgives(C.controllerPublishVolume),
        "controller-unpublish": .forgives(C.controllerUnpublishVolume),
        "controller-expand": .forgives(C.controllerExpandVolume),
        "modify-volume": .forgives(C.controllerModifyVolume),
        "create-snapshot": .forgives(C.createSnapshot),
        "delete-snapshot": .forgives(C.deleteSnapshot),
        "list-snapshots": .forgives(C.listSnapshots),
        "get-snapshot": .forgives(C.getSnapshot),
        "node-stats": .forgives(N.nodeGetVolumeStats),
        "node-expand": .forgives(N.nodeExpandVolume),
        "node-stage": .forgives(N.nodeStageVolume),
        "node-unstage": .forgives(N.nodeUnstageVolume),
        "node-publish": .forgives(N.nodePublishVolume),
        "node-unpublish": .forgives(N.nodeUnpublishVolume),
        "group-snapshot": .forgives(G.createVolumeGroupSnapshot),
        "group-snapshot-get": .forgives(G.getVolumeGroupSnapshot),
        "group-snapshot-delete": .forgives(G.deleteVolumeGroupSnapshot),
    ]

    static let exact: [String: Fault] =
        [
            identity, capabilities, served, unserved, volumes, lists, attachments, snapshots, nodes, groups, metadata,
            wholes,
        ]
        .reduce(into: [:]) { $0.merge($1) { first, _ in first } }

    private static let identity: [String: Fault] = [
        "identity/name": .garbles(CSIv1.Identity.getPluginInfo) { reply, _ in reply.name = "1memory" },
        "identity/version": .garbles(CSIv1.Identity.getPluginInfo) { reply, _ in reply.vendorVersion = "" },
        "identity/manifest": .garbles(CSIv1.Identity.getPluginInfo) { reply, _ in
            reply.manifest["build"] = String(repeating: "x", count: 5_000)
        },
        "identity/plugin-capabilities-known": .garbles(CSIv1.Identity.getPluginCapabilities) { reply, _ in
            reply.capabilities.append(.init(type: .service(.init(type: .unknown))))
        },
        "identity/plugin-capabilities-once": .garbles(CSIv1.Identity.getPluginCapabilities) { reply, _ in
            reply.capabilities += reply.capabilities
        },
        "identity/expansion-once": .garbles(CSIv1.Identity.getPluginCapabilities) { reply, _ in
            reply.capabilities.append(.init(type: .volumeExpansion(.init(type: .offline))))
        },
        "identity/probe": .fails(CSIv1.Identity.probe),
        "identity/repeated": .garbles(CSIv1.Identity.getPluginInfo) { reply, count in
            reply.vendorVersion += ".\(count)"
        },
        "identity/endpoints-named-alike": .garbles(CSIv1.Identity.getPluginInfo) { reply, _ in reply.name += "x" }
            .only(.node),
        "identity/endpoints-capable-alike": .garbles(CSIv1.Identity.getPluginCapabilities) { reply, _ in
            reply.capabilities = []
        }.only(.node),
        "identity/node-probe": .fails(CSIv1.Identity.probe).only(.node),
        "identity/unknown-field": .fails(CSIv1.Identity.probe, .invalidArgument) { !$0.unknownFields.isEmpty },
        "identity/unknown-method": .serves(
            RPCMethod<CSIv1.ProbeRequest, CSIv1.ProbeResponse>(service: "csi.v1.Identity", name: "NoSuchMethod")),
        "identity/unknown-service": .serves(
            RPCMethod<CSIv1.ProbeRequest, CSIv1.ProbeResponse>(service: "csi.v1.NoSuchService", name: "Probe")),
        "identity/malformed-request": .serves(
            RPCMethod<Anything, CSIv1.DeleteVolumeResponse>(service: "csi.v1.Controller", name: "DeleteVolume")),
        "identity/oversized-request": .fails(CSIv1.Identity.probe, .unavailable),
    ]

    private static let capabilities: [String: Fault] = [
        "capabilities/controller-known": controller { $0.append(.unknown) },
        "capabilities/controller-once": controller { $0.append(.createDeleteVolume) },
        "capabilities/node-known": node { $0.append(.unknown) },
        "capabilities/node-once": node { $0 += $0 },
        "capabilities/group-known": group { $0.append(.unknown) },
        "capabilities/group-once": group { $0 += $0 },
        "capabilities/publish-readonly": controller { $0.removeAll { $0 == .publishUnpublishVolume } },
        "capabilities/published-nodes": controller { $0.removeAll { $0 == .listVolumes } },
        "capabilities/condition": controller { $0.removeAll { $0 == .listVolumes || $0 == .getVolume } },
        "capabilities/node-condition": node { $0.removeAll { $0 == .getVolumeStats } },
        "capabilities/clone": controller { $0.removeAll { $0 == .createDeleteVolume } },
        "capabilities/multi-writer": node { $0.removeAll { $0 == .singleNodeMultiWriter } },
    ]

    private static func controller(
        _ change: @escaping @Sendable (inout [CSIv1.ControllerServiceCapability.RPC.TypeEnum]) -> Void
    ) -> Fault {
        .garbles(C.controllerGetCapabilities) { reply, _ in
            var types = reply.capabilities.compactMap { item in
                if case .rpc(let rpc) = item.type { rpc.type } else { nil }
            }
            change(&types)
            reply.capabilities = types.map { .init(type: .rpc(.init(type: $0))) }
        }
    }

    private static func node(
        _ change: @escaping @Sendable (inout [CSIv1.NodeServiceCapability.RPC.TypeEnum]) -> Void
    ) -> Fault {
        .garbles(N.nodeGetCapabilities) { reply, _ in
            var types = reply.capabilities.compactMap { item in
                if case .rpc(let rpc) = item.type { rpc.type } else { nil }
            }
            change(&types)
            reply.capabilities = types.map { .init(type: .rpc(.init(type: $0))) }
        }
    }

    private static func group(
        _ change: @escaping @Sendable (inout [CSIv1.GroupControllerServiceCapability.RPC.TypeEnum]) -> Void
    ) -> Fault {
        .garbles(G.groupControllerGetCapabilities) { reply, _ in
            var types = reply.capabilities.compactMap { item in
                if case .rpc(let rpc) = item.type { rpc.type } else { nil }
            }
            change(&types)
            reply.capabilities = types.map { .init(type: .rpc(.init(type: $0))) }
        }
    }
}
