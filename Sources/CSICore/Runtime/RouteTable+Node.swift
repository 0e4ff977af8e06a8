import CSIProto

extension RouteTable {
    mutating func addPublishing(_ driver: any VolumePublishing) {
        let topology = enabled(.topologyAware, driver as? any TopologyAware)?.topology
        let stages = enabled(.volumeStaging, driver as? any VolumeStaging) != nil
        let acceptsGroup = acceptsMountGroup(driver)
        node(CSIv1.Node.nodePublishVolume) { (request: PublishVolume) async throws(CSIError) in
            try driver.support.requirePossible(
                request.capability, field: "volume_capability", acceptsGroup: acceptsGroup)
            guard !stages || request.stagingPath != nil else {
                throw .preconditionFailed("staging_target_path is required: volumes of this driver are staged first")
            }
            try await driver.publish(request)
            return CSIv1.NodePublishVolumeResponse()
        }
        node(CSIv1.Node.nodeUnpublishVolume) { (request: UnpublishVolume) async throws(CSIError) in
            try await driver.unpublish(request)
            return CSIv1.NodeUnpublishVolumeResponse()
        }
        node(CSIv1.Node.nodeGetVolumeStats) { (request: GetVolumeStats) async throws(CSIError) in
            try await driver.stats(request).wire
        }
        guard role.servesNode else { return }
        @Sendable func info(limit: Int64) -> CSIv1.NodeGetInfoResponse {
            CSIv1.NodeGetInfoResponse(
                nodeID: driver.nodeID.rawValue, maxVolumesPerNode: max(0, limit), accessibleTopology: topology?.wire)
        }
        guard let counting = driver as? any NodeLimitReporting else {
            immediate(CSIv1.Node.nodeGetInfo) { () throws(CSIError) in info(limit: driver.maximumVolumesPerNode) }
            return
        }
        node(CSIv1.Node.nodeGetInfo) { (_: GetNodeInfo) async throws(CSIError) in
            info(limit: try await counting.volumeLimit())
        }
    }
}

extension RouteTable {
    mutating func addStaging(_ driver: any VolumeStaging) {
        let acceptsGroup = acceptsMountGroup(driver)
        node(CSIv1.Node.nodeStageVolume) { (request: StageVolume) async throws(CSIError) in
            try driver.support.requirePossible(
                request.capability, field: "volume_capability", acceptsGroup: acceptsGroup)
            try await driver.stage(request)
            return CSIv1.NodeStageVolumeResponse()
        }
        node(CSIv1.Node.nodeUnstageVolume) { (request: UnstageVolume) async throws(CSIError) in
            try await driver.unstage(request)
            return CSIv1.NodeUnstageVolumeResponse()
        }
    }

    mutating func addNodeExpanding(_ driver: any NodeExpanding) {
        node(CSIv1.Node.nodeExpandVolume) { (request: ExpandVolumeOnNode) async throws(CSIError) in
            CSIv1.NodeExpandVolumeResponse(capacityBytes: max(0, try await driver.expandOnNode(request)))
        }
    }
}

extension VolumeStats {
    fileprivate var wire: CSIv1.NodeGetVolumeStatsResponse {
        var usage = [bytes.wire(.bytes)]
        if let inodes { usage.append(inodes.wire(.inodes)) }
        return .init(usage: usage, volumeCondition: condition?.wire)
    }
}

extension VolumeStats.Usage {
    fileprivate func wire(_ unit: CSIv1.VolumeUsage.Unit) -> CSIv1.VolumeUsage {
        .init(available: available, total: total, used: used, unit: unit)
    }
}
