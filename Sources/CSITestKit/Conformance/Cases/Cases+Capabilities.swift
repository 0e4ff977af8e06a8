import CSIProto
import CSITransport

extension ConformanceCase {
    static let capabilities: [ConformanceCase] = capabilityLists + served

    private static let capabilityLists: [ConformanceCase] = [
        ConformanceCase(
            "capabilities/controller-known", "every controller capability is one that CSI defines, and none is UNKNOWN",
            .sanity, needs: [.service(.controllerService)]
        ) {
            let reply = try await $0.call(CSIv1.Controller.controllerGetCapabilities, .init())
            for capability in reply.capabilities {
                let isKnown = capability.call.map { $0 != .unknown && $0.name != nil } ?? false
                try $0.expect(isKnown, "ControllerGetCapabilities", "known capabilities", saw: "\(capability)")
            }
        },
        ConformanceCase(
            "capabilities/controller-once", "every controller capability is listed once", .knownDefect,
            needs: [.service(.controllerService)]
        ) {
            let list = try await $0.call(CSIv1.Controller.controllerGetCapabilities, .init()).capabilities.compactMap(
                \.call)
            try $0.expect(Set(list).count == list.count, "ControllerGetCapabilities", "no duplicates", saw: "\(list)")
        },
        ConformanceCase(
            "capabilities/node-known", "every node capability is one that CSI defines, and none is UNKNOWN",
            .knownDefect, needs: [.nodeService]
        ) {
            let reply = try await $0.call(CSIv1.Node.nodeGetCapabilities, .init())
            for capability in reply.capabilities {
                let isKnown = capability.call.map { $0 != .unknown && $0.name != nil } ?? false
                try $0.expect(isKnown, "NodeGetCapabilities", "known capabilities", saw: "\(capability)")
            }
        },
        ConformanceCase(
            "capabilities/node-once", "every node capability is listed once", .knownDefect, needs: [.nodeService]
        ) {
            let list = try await $0.call(CSIv1.Node.nodeGetCapabilities, .init()).capabilities.compactMap(\.call)
            try $0.expect(Set(list).count == list.count, "NodeGetCapabilities", "no duplicates", saw: "\(list)")
        },
        ConformanceCase(
            "capabilities/group-known", "every group controller capability is one that CSI defines", .sanity,
            needs: [.service(.groupControllerService)]
        ) {
            let reply = try await $0.call(CSIv1.GroupController.groupControllerGetCapabilities, .init())
            for capability in reply.capabilities {
                let isKnown = capability.call.map { $0 != .unknown && $0.name != nil } ?? false
                try $0.expect(isKnown, "GroupControllerGetCapabilities", "known capabilities", saw: "\(capability)")
            }
        },
        ConformanceCase(
            "capabilities/group-once", "every group controller capability is listed once", .knownDefect,
            needs: [.service(.groupControllerService)]
        ) {
            let list = try await $0.call(CSIv1.GroupController.groupControllerGetCapabilities, .init()).capabilities
                .compactMap(\.call)
            try $0.expect(
                Set(list).count == list.count, "GroupControllerGetCapabilities", "no duplicates", saw: "\(list)")
        },
        ConformanceCase(
            "capabilities/publish-readonly", "PUBLISH_READONLY comes with PUBLISH_UNPUBLISH_VOLUME",
            needs: [.controller(.publishReadonly)]
        ) {
            try await $0.expectController(.publishUnpublishVolume, with: .publishReadonly)
        },
        ConformanceCase(
            "capabilities/published-nodes", "LIST_VOLUMES_PUBLISHED_NODES comes with LIST_VOLUMES",
            needs: [.controller(.listVolumesPublishedNodes)]
        ) {
            try await $0.expectController(.listVolumes, with: .listVolumesPublishedNodes)
        },
        ConformanceCase(
            "capabilities/condition", "VOLUME_CONDITION of the controller comes with LIST_VOLUMES or GET_VOLUME",
            .sidecars, needs: [.controller(.volumeCondition)]
        ) {
            let list = try await $0.call(CSIv1.Controller.controllerGetCapabilities, .init()).capabilities.compactMap(
                \.call)
            try $0.expect(
                list.contains(.listVolumes) || list.contains(.getVolume), "ControllerGetCapabilities",
                "LIST_VOLUMES or GET_VOLUME", saw: "\(list)")
        },
        ConformanceCase(
            "capabilities/node-condition", "VOLUME_CONDITION of the node comes with GET_VOLUME_STATS",
            needs: [.node(.volumeCondition)]
        ) {
            let list = try await $0.call(CSIv1.Node.nodeGetCapabilities, .init()).capabilities.compactMap(\.call)
            try $0.expect(list.contains(.getVolumeStats), "NodeGetCapabilities", "GET_VOLUME_STATS", saw: "\(list)")
        },
        ConformanceCase(
            "capabilities/clone", "CLONE_VOLUME comes with CREATE_DELETE_VOLUME", needs: [.controller(.cloneVolume)]
        ) {
            try await $0.expectController(.createDeleteVolume, with: .cloneVolume)
        },
        ConformanceCase(
            "capabilities/multi-writer", "controller and node agree about SINGLE_NODE_MULTI_WRITER", .sidecars,
            needs: [.service(.controllerService), .nodeService]
        ) {
            let controller = try await $0.call(CSIv1.Controller.controllerGetCapabilities, .init()).capabilities
                .contains { $0.call == .singleNodeMultiWriter }
            let node = try await $0.call(CSIv1.Node.nodeGetCapabilities, .init()).capabilities.contains {
                $0.call == .singleNodeMultiWriter
            }
            try $0.expect("SINGLE_NODE_MULTI_WRITER of the node", node, equals: controller)
        },
        ConformanceCase(
            "capabilities/controller-service", "a driver without CONTROLLER_SERVICE serves no Controller",
            needs: [.noService(.controllerService)]
        ) {
            try await $0.refuse(CSIv1.Controller.controllerGetCapabilities, .init(), .unimplemented)
        },
        ConformanceCase(
            "capabilities/group-service", "a driver without GROUP_CONTROLLER_SERVICE serves no GroupController",
            needs: [.noService(.groupControllerService)]
        ) {
            try await $0.refuse(CSIv1.GroupController.groupControllerGetCapabilities, .init(), .unimplemented)
        },
    ]

    /// What is advertised is served, and what is not advertised is not.
    private static let served: [ConformanceCase] =
        controllerPair(.createDeleteVolume, CSIv1.Controller.createVolume)
        + controllerPair(.createDeleteVolume, CSIv1.Controller.deleteVolume)
        + controllerPair(.publishUnpublishVolume, CSIv1.Controller.controllerPublishVolume)
        + controllerPair(.publishUnpublishVolume, CSIv1.Controller.controllerUnpublishVolume)
        + controllerPair(.listVolumes, CSIv1.Controller.listVolumes)
        + controllerPair(.getCapacity, CSIv1.Controller.getCapacity)
        + controllerPair(.createDeleteSnapshot, CSIv1.Controller.createSnapshot)
        + controllerPair(.createDeleteSnapshot, CSIv1.Controller.deleteSnapshot)
        + controllerPair(.listSnapshots, CSIv1.Controller.listSnapshots)
        + controllerPair(.getSnapshot, CSIv1.Controller.getSnapshot)
        + controllerPair(.expandVolume, CSIv1.Controller.controllerExpandVolume)
        + controllerPair(.getVolume, CSIv1.Controller.controllerGetVolume)
        + controllerPair(.modifyVolume, CSIv1.Controller.controllerModifyVolume)
        + nodePair(.stageUnstageVolume, CSIv1.Node.nodeStageVolume)
        + nodePair(.stageUnstageVolume, CSIv1.Node.nodeUnstageVolume)
        + nodePair(.getVolumeStats, CSIv1.Node.nodeGetVolumeStats)
        + nodePair(.expandVolume, CSIv1.Node.nodeExpandVolume)
        + groupPair(CSIv1.GroupController.createVolumeGroupSnapshot)
        + groupPair(CSIv1.GroupController.getVolumeGroupSnapshot)
        + groupPair(CSIv1.GroupController.deleteVolumeGroupSnapshot)
        + metadataPair(CSIv1.SnapshotMetadata.getMetadataAllocated)
        + metadataPair(CSIv1.SnapshotMetadata.getMetadataDelta)

    private static func controllerPair<Request: ProtoMessage, Response: ProtoMessage>(
        _ type: CSIv1.ControllerServiceCapability.RPC.TypeEnum, _ method: RPCMethod<Request, Response>
    ) -> [ConformanceCase] {
        [serves(method, "\(type)", .controller(type)), lacks(method, "\(type)", .noController(type))]
    }

    private static func nodePair<Request: ProtoMessage, Response: ProtoMessage>(
        _ type: CSIv1.NodeServiceCapability.RPC.TypeEnum, _ method: RPCMethod<Request, Response>
    ) -> [ConformanceCase] {
        [serves(method, "\(type)", .node(type)), lacks(method, "\(type)", .noNode(type))]
    }

    private static func groupPair<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>
    ) -> [ConformanceCase] {
        [
            serves(method, "CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT", .groups),
            lacks(method, "GROUP_CONTROLLER_SERVICE", .noService(.groupControllerService)),
        ]
    }

    private static func metadataPair<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>
    ) -> [ConformanceCase] {
        let type = CSIv1.PluginCapability.Service.TypeEnum.snapshotMetadataService
        return [serves(method, "\(type)", .service(type)), lacks(method, "\(type)", .noService(type))]
    }

    private static func serves<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>, _ capability: String, _ need: ConformanceNeed
    ) -> ConformanceCase {
        ConformanceCase(
            "served/\(method.name)", "with \(capability), \(method.name) is not UNIMPLEMENTED", .knownDefect,
            needs: [need]
        ) {
            if case .failure(let error) = await $0.attempt(method, Request()) {
                try $0.expect(
                    error.code != .unimplemented, "\(method.name) {}", "any other code", saw: error.description)
            }
        }
    }

    private static func lacks<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>, _ capability: String, _ need: ConformanceNeed
    ) -> ConformanceCase {
        ConformanceCase(
            "unserved/\(method.name)", "without \(capability), \(method.name) is UNIMPLEMENTED", .knownDefect,
            needs: [need]
        ) {
            try await $0.refuse(method, Request(), .unimplemented)
        }
    }
}

extension ConformanceTrial {
    fileprivate func expectController(
        _ required: CSIv1.ControllerServiceCapability.RPC.TypeEnum,
        with type: CSIv1.ControllerServiceCapability.RPC.TypeEnum
    ) async throws {
        let list = try await call(CSIv1.Controller.controllerGetCapabilities, .init()).capabilities.compactMap(\.call)
        try expect(
            list.contains(required) || !list.contains(type), "ControllerGetCapabilities", "\(required) with \(type)",
            saw: "\(list)")
    }
}
