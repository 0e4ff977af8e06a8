import CSIProto
import CSITransport
import Synchronization

extension MemoryDriver {
    func addController(_ router: inout RPCRouter, _ role: Role) {
        add(&router, role, CSIv1.Controller.controllerGetCapabilities) { [isFull] (_) throws(RPCError) in
            let types: [CSIv1.ControllerServiceCapability.RPC.TypeEnum] =
                isFull
                ? CSIv1.ControllerServiceCapability.RPC.TypeEnum.allKnown.filter { $0 != .unknown }
                : [.createDeleteVolume]
            return .init(capabilities: types.map { .init(type: .rpc(.init(type: $0))) })
        }
        add(&router, role, CSIv1.Controller.createVolume, create)
        add(&router, role, CSIv1.Controller.deleteVolume, delete)
        add(&router, role, CSIv1.Controller.validateVolumeCapabilities, validate)
        guard isFull else { return }
        add(&router, role, CSIv1.Controller.getCapacity) { (request) throws(RPCError) in
            for capability in request.volumeCapabilities { try Check.capability(capability) }
            try Check.map(request.parameters, "parameters")
            return .init(availableCapacity: 1 << 40, maximumVolumeSize: .init(value: 1 << 40))
        }
        add(&router, role, CSIv1.Controller.listVolumes, list)
        add(&router, role, CSIv1.Controller.controllerGetVolume) { [self] (request) throws(RPCError) in
            try Check.id(request.volumeID, "volume_id")
            let volume = try find(request.volumeID)
            return .init(
                volume: volume.message,
                status: .init(publishedNodeIDs: volume.attachments.keys.sorted(), volumeCondition: Self.healthy))
        }
        add(&router, role, CSIv1.Controller.controllerPublishVolume, attach)
        add(&router, role, CSIv1.Controller.controllerUnpublishVolume) { [self] (request) throws(RPCError) in
            try Check.id(request.volumeID, "volume_id")
            state.withLock { state in
                if request.nodeID.isEmpty {
                    state.volumes[request.volumeID]?.attachments = [:]
                } else {
                    state.volumes[request.volumeID]?.attachments[request.nodeID] = nil
                }
            }
            return .init()
        }
        add(&router, role, CSIv1.Controller.controllerExpandVolume) { [self] (request) throws(RPCError) in
            try Check.id(request.volumeID, "volume_id")
            guard let range = request.capacityRange else { throw .invalid("capacity_range is missing") }
            try Check.range(range)
            if let capability = request.volumeCapability { try Check.capability(capability) }
            let size = try grow(request.volumeID, range)
            return .init(capacityBytes: size)
        }
        add(&router, role, CSIv1.Controller.controllerModifyVolume) { [self] (request) throws(RPCError) in
            try Check.id(request.volumeID, "volume_id")
            try Check.keys(request.mutableParameters, ["iops"])
            _ = try find(request.volumeID)
            return .init()
        }
    }

    static let healthy = CSIv1.VolumeCondition(abnormal: false, message: "the volume is fine")

    func find(_ id: String) throws(RPCError) -> Volume {
        guard let volume = state.withLock({ $0.volumes[id] }) else { throw .missing(id) }
        return volume
    }

    func grow(_ id: String, _ range: CSIv1.CapacityRange?) throws(RPCError) -> Int64 {
        let size = max(try find(id).message.capacityBytes, range?.requiredBytes ?? 0)
        guard size <= 1 << 40 else { throw RPCError(code: .outOfRange, message: "the size is too large") }
        state.withLock { $0.volumes[id]?.message.capacityBytes = size }
        return size
    }

    private func create(_ request: CSIv1.CreateVolumeRequest) throws(RPCError) -> CSIv1.CreateVolumeResponse {
        try Check.name(request.name)
        try Check.capabilities(request.volumeCapabilities)
        try Check.range(request.capacityRange)
        try Check.map(request.parameters, "parameters")
        try Check.keys(request.parameters, ["kind"])
        try Check.keys(request.mutableParameters, ["iops"])
        if let requisite = request.accessibilityRequirements?.requisite, !requisite.isEmpty,
            !requisite.contains(Self.topology)
        {
            throw RPCError(code: .resourceExhausted, message: "no node is in that topology")
        }
        let required = request.capacityRange?.requiredBytes ?? 0
        let limit = request.capacityRange?.limitBytes ?? 0
        guard required <= 1 << 40 else { throw RPCError(code: .outOfRange, message: "the size is too large") }
        let source = try content(of: request.volumeContentSource)
        let size = required > 0 ? required : limit > 0 ? min(limit, 1 << 20) : 1 << 20
        let result = state.withLock { state -> Result<CSIv1.Volume, RPCError> in
            if let old = state.volumes.values.first(where: { $0.name == request.name }) {
                let capacity = old.message.capacityBytes
                let fits = capacity >= required && (limit == 0 || capacity <= limit)
                let isSame =
                    fits && old.capabilities == request.volumeCapabilities && old.parameters == request.parameters
                    && old.message.contentSource == request.volumeContentSource
                return isSame ? .success(old.message) : .failure(.exists(request.name))
            }
            state.serial += 1
            let volume = CSIv1.Volume(
                capacityBytes: size, volumeID: "volume-\(state.serial)", volumeContext: ["made": "in-memory"],
                contentSource: request.volumeContentSource, accessibleTopology: isFull ? [Self.topology] : [])
            state.volumes[volume.volumeID] = Volume(
                message: volume, name: request.name, capabilities: request.volumeCapabilities,
                parameters: request.parameters, content: source)
            return .success(volume)
        }
        return .init(volume: try result.get())
    }

    private func content(of source: CSIv1.VolumeContentSource?) throws(RPCError) -> String? {
        guard let source else { return nil }
        guard isFull else { throw .invalid("content sources are not supported") }
        switch source.type {
        case .volume(let volume):
            try Check.id(volume.volumeID, "the source's id")
            return try find(volume.volumeID).content
        case .snapshot(let snapshot):
            try Check.id(snapshot.snapshotID, "the source's id")
            guard let found = state.withLock({ $0.snapshots[snapshot.snapshotID] }) else {
                throw .missing(snapshot.snapshotID)
            }
            return found.content
        case nil: throw .invalid("the content source is empty")
        }
    }

    private func delete(_ request: CSIv1.DeleteVolumeRequest) throws(RPCError) -> CSIv1.DeleteVolumeResponse {
        try Check.id(request.volumeID, "volume_id")
        let isFree = state.withLock { state in
            guard let volume = state.volumes[request.volumeID] else { return true }
            guard volume.attachments.isEmpty, volume.published.isEmpty else { return false }
            state.volumes[request.volumeID] = nil
            return true
        }
        guard isFree else {
            throw RPCError(code: .failedPrecondition, message: "the volume \(request.volumeID) is in use")
        }
        return .init()
    }

    private func validate(
        _ request: CSIv1.ValidateVolumeCapabilitiesRequest
    ) throws(RPCError) -> CSIv1.ValidateVolumeCapabilitiesResponse {
        try Check.id(request.volumeID, "volume_id")
        try Check.capabilities(request.volumeCapabilities)
        _ = try find(request.volumeID)
        return .init(confirmed: .init(volumeCapabilities: request.volumeCapabilities))
    }

    private func list(_ request: CSIv1.ListVolumesRequest) throws(RPCError) -> CSIv1.ListVolumesResponse {
        let volumes = state.withLock { $0.volumes.values.sorted { $0.message.volumeID < $1.message.volumeID } }
        let page = try Check.page(volumes, request.maxEntries, request.startingToken)
        let entries = page.items.map { volume in
            CSIv1.ListVolumesResponse.Entry(
                volume: volume.message,
                status: .init(publishedNodeIDs: volume.attachments.keys.sorted(), volumeCondition: Self.healthy))
        }
        return .init(entries: entries, nextToken: page.next)
    }

    private func attach(
        _ request: CSIv1.ControllerPublishVolumeRequest
    ) throws(RPCError) -> CSIv1.ControllerPublishVolumeResponse {
        try Check.id(request.volumeID, "volume_id")
        try Check.id(request.nodeID, "node_id")
        try Check.capability(request.volumeCapability)
        let volume = try find(request.volumeID)
        guard Self.nodes.contains(request.nodeID) else { throw .missing(request.nodeID) }
        let use = Use(capability: request.volumeCapability, readonly: request.readonly)
        if let old = volume.attachments[request.nodeID] {
            guard old == use else { throw .exists("the attachment of \(request.volumeID)") }
            return .init(publishContext: ["device": request.volumeID])
        }
        guard volume.attachments.isEmpty else {
            throw RPCError(code: .failedPrecondition, message: "\(request.volumeID) is attached to another node")
        }
        let count = state.withLock { $0.volumes.values.count { $0.attachments[request.nodeID] != nil } }
        guard count < Self.attachLimit else {
            throw RPCError(code: .resourceExhausted, message: "the node \(request.nodeID) takes no more volumes")
        }
        state.withLock { $0.volumes[request.volumeID]?.attachments[request.nodeID] = use }
        return .init(publishContext: ["device": request.volumeID])
    }
}
