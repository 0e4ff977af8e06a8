import CSIProto
import CSITransport

extension ConformanceCase {
    static let nodeInfo: [ConformanceCase] = [
        ConformanceCase("node-info/id", "the node has an id of 1 to 256 bytes", .sanity, needs: [.nodeService]) {
            let id = try await $0.call(CSIv1.Node.nodeGetInfo, .init()).nodeID
            try $0.expect((1...256).contains(id.utf8.count), "NodeGetInfo", "1 to 256 bytes", saw: "\"\(id)\"")
        },
        ConformanceCase("node-info/limit", "max_volumes_per_node is not negative", .sanity, needs: [.nodeService]) {
            let limit = try await $0.call(CSIv1.Node.nodeGetInfo, .init()).maxVolumesPerNode
            try $0.expect(limit >= 0, "NodeGetInfo", "0 or more", saw: "\(limit)")
        },
        ConformanceCase(
            "node-info/topology", "with VOLUME_ACCESSIBILITY_CONSTRAINTS, the node says where it is", .sanity,
            needs: [.nodeService, .service(.volumeAccessibilityConstraints)]
        ) {
            let topology = try await $0.call(CSIv1.Node.nodeGetInfo, .init()).accessibleTopology
            try $0.expect(
                topology?.segments.isEmpty == false, "NodeGetInfo", "an accessible topology",
                saw: "\(topology?.description ?? "none")")
        },
        ConformanceCase("node-info/repeated", "NodeGetInfo says the same again", needs: [.nodeService]) {
            let info = try await $0.call(CSIv1.Node.nodeGetInfo, .init())
            for _ in 0..<$0.configuration.repeats {
                try $0.expect("NodeGetInfo again", try await $0.call(CSIv1.Node.nodeGetInfo, .init()), equals: info)
            }
        },
    ]

    private static let statsNeeds: [ConformanceNeed] = [.usableVolumes, .node(.getVolumeStats)]

    private static let readings = Refusals(
        group: "node-stats", method: CSIv1.Node.nodeGetVolumeStats, needs: statsNeeds,
        request: {
            let prepared = try await $0.prepare()
            let target = try await $0.publish(prepared)
            return .init(
                volumeID: target.volumeID, volumePath: target.targetPath, stagingTargetPath: prepared.stagingPath)
        })

    static let nodeStats: [ConformanceCase] = [
        readings.row("no-id", "NodeGetVolumeStats without an id", origin: .sanity) { $0.volumeID = "" },
        readings.row("no-path", "NodeGetVolumeStats without a path", origin: .sanity) { $0.volumePath = "" },
        readings.row("unknown-volume", "a volume that does not exist", [.notFound], origin: .sanity) {
            $0.volumeID = absentID
            $0.volumePath = "some/path"
        },
        readings.row("other-path", "a path where the volume is not", [.notFound], origin: .sanity) {
            $0.volumePath = "some/path"
        },
        ConformanceCase("node-stats/usage", "a published volume has usage in known units", .sanity, needs: statsNeeds) {
            let prepared = try await $0.prepare()
            let target = try await $0.publish(prepared)
            let reply = try await $0.call(
                CSIv1.Node.nodeGetVolumeStats,
                .init(volumeID: target.volumeID, volumePath: target.targetPath, stagingTargetPath: prepared.stagingPath)
            )
            try $0.expect(!reply.usage.isEmpty, "NodeGetVolumeStats", "usage", saw: "none")
            for usage in reply.usage {
                try $0.expect(
                    usage.unit == .bytes || usage.unit == .inodes, "NodeGetVolumeStats", "BYTES or INODES",
                    saw: "\(usage.unit)")
                try $0.expect(
                    min(usage.total, usage.used, usage.available) >= 0, "NodeGetVolumeStats",
                    "figures that are not negative", saw: "\(usage)")
            }
        },
        ConformanceCase("node-stats/unpublished", "an unpublished path is NOT_FOUND", needs: statsNeeds) {
            let prepared = try await $0.prepare()
            let target = try await $0.publish(prepared)
            try await $0.unpublish(target)
            try await $0.refuse(
                CSIv1.Node.nodeGetVolumeStats,
                .init(
                    volumeID: target.volumeID, volumePath: target.targetPath, stagingTargetPath: prepared.stagingPath),
                .notFound)
        },
        ConformanceCase(
            "node-stats/condition", "with VOLUME_CONDITION, a published volume has one, with a message",
            needs: statsNeeds + [.node(.volumeCondition)]
        ) {
            let prepared = try await $0.prepare()
            let target = try await $0.publish(prepared)
            let reply = try await $0.call(
                CSIv1.Node.nodeGetVolumeStats,
                .init(volumeID: target.volumeID, volumePath: target.targetPath, stagingTargetPath: prepared.stagingPath)
            )
            try $0.expect(
                reply.volumeCondition?.message.isEmpty == false, "NodeGetVolumeStats", "a condition with a message",
                saw: "\(reply)")
        },
    ]

    private static let growing: [ConformanceNeed] = [.usableVolumes, .node(.expandVolume)]

    private static let expansions = Refusals(
        group: "node-expand", method: CSIv1.Node.nodeExpandVolume, needs: growing,
        request: { try await $0.expandedOnController() })

    static let nodeExpand: [ConformanceCase] = [
        expansions.row("no-id", "NodeExpandVolume without an id", origin: .sanity) { $0.volumeID = "" },
        expansions.row("no-path", "NodeExpandVolume without a path", origin: .sanity) { $0.volumePath = "" },
        expansions.row("unknown", "a volume that does not exist", [.notFound], origin: .sanity) {
            $0.volumeID = absentID
            $0.capacityRange = nil
        },
        expansions.row("negative-size", "a negative required_bytes", [.invalidArgument, .outOfRange]) {
            $0.capacityRange = .init(requiredBytes: -1)
        },
        expansions.row("inverted-range", "a limit below the required size", [.invalidArgument, .outOfRange]) {
            $0.capacityRange = .init(requiredBytes: 2 << 20, limitBytes: 1 << 20)
        },
        ConformanceCase(
            "node-expand/expanded", "a published volume grows without capability and staging path", .sanity,
            needs: growing
        ) {
            var request = try await $0.expandedOnController()
            request.volumeCapability = nil
            request.stagingTargetPath = ""
            let size = try await $0.call(CSIv1.Node.nodeExpandVolume, request).capacityBytes
            try $0.expect(
                size == 0 || size >= $0.configuration.expandedSize, "NodeExpandVolume",
                "at least \($0.configuration.expandedSize), or 0", saw: "\(size)")
        },
        ConformanceCase("node-expand/repeated", "the same expansion gets the same answer", needs: growing) {
            let request = try await $0.expandedOnController()
            let first = try await $0.call(CSIv1.Node.nodeExpandVolume, request)
            for _ in 0..<$0.configuration.repeats {
                try $0.expect(
                    "NodeExpandVolume again", try await $0.call(CSIv1.Node.nodeExpandVolume, request).capacityBytes,
                    equals: first.capacityBytes)
            }
        },
        ConformanceCase("node-expand/no-range", "without a range, a volume grows to what it has", needs: growing) {
            var request = try await $0.expandedOnController()
            request.capacityRange = nil
            try await $0.call(CSIv1.Node.nodeExpandVolume, request)
        },
    ]
}

extension ConformanceTrial {
    /// A published volume that has grown on the controller, ready for the node.
    fileprivate func expandedOnController() async throws -> CSIv1.NodeExpandVolumeRequest {
        let prepared = try await prepare()
        let target = try await publish(prepared)
        if subject.controller.contains(.expandVolume) {
            try await allow(
                CSIv1.Controller.controllerExpandVolume, expandRequest(prepared.id), or: .failedPrecondition)
        }
        return .init(
            volumeID: prepared.id, volumePath: target.targetPath,
            capacityRange: .init(requiredBytes: configuration.expandedSize), stagingTargetPath: prepared.stagingPath,
            volumeCapability: prepared.capability, secrets: secrets)
    }
}
