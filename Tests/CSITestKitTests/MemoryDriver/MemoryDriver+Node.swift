import CSIProto
import CSITransport
import Synchronization

extension MemoryDriver {
    func addNode(_ router: inout RPCRouter, _ role: Role) {
        add(&router, role, CSIv1.Node.nodeGetInfo) { [isFull] (_) throws(RPCError) in
            .init(
                nodeID: Self.nodes[0], maxVolumesPerNode: Int64(Self.attachLimit),
                accessibleTopology: isFull ? Self.topology : nil)
        }
        add(&router, role, CSIv1.Node.nodeGetCapabilities) { [isFull] (_) throws(RPCError) in
            let types = isFull ? CSIv1.NodeServiceCapability.RPC.TypeEnum.allKnown.filter { $0 != .unknown } : []
            return .init(capabilities: types.map { .init(type: .rpc(.init(type: $0))) })
        }
        add(&router, role, CSIv1.Node.nodePublishVolume, publish)
        add(&router, role, CSIv1.Node.nodeUnpublishVolume) { [self] (request) throws(RPCError) in
            try Check.id(request.volumeID, "volume_id")
            try Check.path(request.targetPath, "target_path")
            state.withLock { state in
                state.volumes[request.volumeID]?.published[request.targetPath] = nil
                state.stacked.remove(request.targetPath)
            }
            return .init()
        }
        guard isFull else { return }
        add(&router, role, CSIv1.Node.nodeStageVolume, stage)
        add(&router, role, CSIv1.Node.nodeUnstageVolume) { [self] (request) throws(RPCError) in
            try Check.id(request.volumeID, "volume_id")
            try Check.path(request.stagingTargetPath, "staging_target_path")
            state.withLock { $0.volumes[request.volumeID]?.staged[request.stagingTargetPath] = nil }
            return .init()
        }
        add(&router, role, CSIv1.Node.nodeGetVolumeStats) { [self] (request) throws(RPCError) in
            try Check.id(request.volumeID, "volume_id")
            try Check.id(request.volumePath, "volume_path")
            let volume = try find(request.volumeID)
            guard volume.published[request.volumePath] != nil else { throw .missing(request.volumePath) }
            let total = volume.message.capacityBytes
            return .init(
                usage: [
                    .init(available: total, total: total, used: 0, unit: .bytes),
                    .init(available: 100, total: 100, used: 0, unit: .inodes),
                ],
                volumeCondition: Self.healthy)
        }
        add(&router, role, CSIv1.Node.nodeExpandVolume) { [self] (request) throws(RPCError) in
            try Check.id(request.volumeID, "volume_id")
            try Check.path(request.volumePath, "volume_path")
            try Check.range(request.capacityRange)
            guard try find(request.volumeID).published[request.volumePath] != nil else {
                throw .missing(request.volumePath)
            }
            let size = try grow(request.volumeID, request.capacityRange)
            return .init(capacityBytes: size)
        }
    }

    private func stage(_ request: CSIv1.NodeStageVolumeRequest) throws(RPCError) -> CSIv1.NodeStageVolumeResponse {
        try Check.id(request.volumeID, "volume_id")
        try Check.path(request.stagingTargetPath, "staging_target_path")
        try Check.capability(request.volumeCapability)
        if let old = try find(request.volumeID).staged[request.stagingTargetPath] {
            guard old == request.volumeCapability else { throw .exists(request.stagingTargetPath) }
        }
        state.withLock {
            $0.volumes[request.volumeID]?.staged[request.stagingTargetPath] = request.volumeCapability
        }
        return .init()
    }

    private func publish(
        _ request: CSIv1.NodePublishVolumeRequest
    ) throws(RPCError) -> CSIv1.NodePublishVolumeResponse {
        try Check.id(request.volumeID, "volume_id")
        try Check.path(request.targetPath, "target_path")
        try Check.capability(request.volumeCapability)
        try Check.map(request.volumeContext, "volume_context")
        let volume = try find(request.volumeID)
        if isFull && volume.staged[request.stagingTargetPath] == nil {
            throw RPCError(code: .failedPrecondition, message: "\(request.volumeID) is not staged")
        }
        let use = Use(capability: request.volumeCapability, readonly: request.readonly)
        let result = state.withLock { state -> Result<Void, RPCError> in
            for other in state.volumes.values {
                guard let old = other.published[request.targetPath] else { continue }
                let isSame = other.message.volumeID == request.volumeID && old == use
                return isSame ? .success(()) : .failure(.exists(request.targetPath))
            }
            let mode = request.volumeCapability?.accessMode?.mode
            let isSingle = mode == .singleNodeSingleWriter || (mode == .singleNodeWriter && !isFull)
            let isUsed = state.volumes[request.volumeID]?.published.isEmpty == false
            guard !isSingle || !isUsed else {
                return .failure(RPCError(code: .failedPrecondition, message: "\(request.volumeID) has a writer"))
            }
            state.volumes[request.volumeID]?.published[request.targetPath] = use
            return .success(())
        }
        try result.get()
        return .init()
    }
}
