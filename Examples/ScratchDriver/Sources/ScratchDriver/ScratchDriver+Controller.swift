import CSICore
import CSIPool
import SystemPackage

extension ScratchDriver: VolumeProvisioning {
    func create(_ request: CreateVolume) async throws(CSIError) -> Volume {
        let permissions = try Self.permissions(request.parameters)
        if let wanted = request.accessibility, !wanted.isMet(by: topology) {
            throw .notOnThisNode("scratch space of \(nodeID) cannot be reached from where the volume is wanted")
        }
        if let existing = try await pool.record(VolumeID(derivedFrom: request.name)) {
            try existing.requireMatch(request)
            return volume(of: existing.summary)
        }
        let size = try await pool.size(for: request.capacity, fallback: 1 << 30)
        let record = VolumeRecord(request, capacity: size)
        try await pool.add(record, dataPermissions: permissions)
        return volume(of: record.summary)
    }

    func delete(_ request: DeleteVolume) async throws(CSIError) {
        try await pool.requireUnpublished(request.id)
        try await pool.remove(request.id)
    }

    func volume(_ id: VolumeID) async throws(CSIError) -> Volume? {
        try await pool.record(id).map { volume(of: $0.summary) }
    }

    private func volume(of summary: VolumeSummary) -> Volume {
        Volume(id: summary.id, capacity: summary.capacity, accessibleTopology: [topology])
    }

    /// The class's parameter `access`: `private` to the first user, or `shared` with every user of the pod.
    private static func permissions(_ parameters: Parameters) throws(CSIError) -> FilePermissions {
        var reader = parameters.reader()
        let access = reader.take("access") ?? "shared"
        try reader.finish()
        switch access {
        case "private": return FilePermissions(rawValue: 0o700)
        case "shared": return FilePermissions(rawValue: 0o777)
        default: throw .invalid("parameters[\"access\"]", "must be private or shared, and is \"\(access)\"")
        }
    }
}

extension ScratchDriver: TopologyAware {
    var topology: Topology { Topology(["topology.scratch.example.com/node": nodeID.rawValue]) }
}

extension ScratchDriver: VolumeListing {
    func list(_ request: ListVolumes) async throws(CSIError) -> VolumePage {
        let (volumes, hasMore) = pool.page(after: request.after, limit: min(request.maximumEntries ?? 1000, 1000))
        return VolumePage(
            entries: volumes.map { VolumeDetails(volume: volume(of: $0)) },
            next: hasMore ? volumes.last?.id.rawValue : nil)
    }
}

extension ScratchDriver: CapacityReporting {
    func capacity(_ request: GetCapacity) async throws(CSIError) -> Capacity {
        _ = try Self.permissions(request.parameters)
        if let wanted = request.topology, !topology.isAccessible(from: wanted) { return .none }
        let room = try await pool.capacity()
        return Capacity(available: room.availableBytes, largestVolume: room.availableBytes)
    }
}
