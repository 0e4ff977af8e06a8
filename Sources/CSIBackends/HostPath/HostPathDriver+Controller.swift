public import CSICore
import CSIHost
import CSIPool
import SystemPackage

extension HostPathDriver: VolumeListing, VolumeHealthReporting, CapacityReporting {
    /// The size of a volume when the caller does not ask for one, in bytes; less where the pool has less room.
    static let defaultCapacity: Int64 = 1 << 30

    /// Pages without a limit of the caller's end here, so that an answer stays below the message limit of 4 MiB.
    static let pageLimit = 5000

    /// Pods run as any user; only the way to the directory, below the pool, is closed to others.
    static let dataPermissions = FilePermissions(rawValue: 0o777)

    /// Makes a directory, durably, or finds the one that an earlier attempt made.
    public func create(_ request: CreateVolume) async throws(CSIError) -> Volume {
        try request.parameters.reader().finish()
        try request.mutableParameters.reader().finish()
        if let accessibility = request.accessibility, !accessibility.isMet(by: topology) {
            throw .notOnThisNode("this node is \(topology), and the volume must be reachable from elsewhere")
        }
        let id = VolumeID(derivedFrom: request.name)
        if let existing = try await pool.record(id) {
            try existing.requireMatch(request)
            return volume(of: existing.summary)
        }
        let size = try await pool.size(for: request.capacity, fallback: Self.defaultCapacity)
        let record = VolumeRecord(request, capacity: size)
        try await pool.add(record, dataPermissions: Self.dataPermissions)
        return volume(of: record.summary)
    }

    /// Moves the directory into the trash and takes it apart.
    public func delete(_ request: DeleteVolume) async throws(CSIError) {
        guard let record = try await pool.record(request.id) else { return }
        try await pool.requireUnpublished(record.id)
        try await pool.remove(record.id)
    }

    /// The volume of this id.
    public func volume(_ id: VolumeID) async throws(CSIError) -> Volume? {
        try await pool.record(id).map { volume(of: $0.summary) }
    }

    /// One page in the order of the ids.
    public func list(_ request: ListVolumes) async throws(CSIError) -> VolumePage {
        let limit = min(request.maximumEntries ?? Self.pageLimit, Self.pageLimit)
        let (volumes, hasMore) = pool.page(after: request.after, limit: limit)
        var entries: [VolumeDetails] = []
        entries.reserveCapacity(volumes.count)
        for summary in volumes {
            entries.append(
                VolumeDetails(volume: volume(of: summary), condition: try await pool.condition(of: summary.id)))
        }
        return VolumePage(entries: entries, next: hasMore ? volumes.last?.id.rawValue : nil)
    }

    /// The volume, and whether its directory is there.
    public func read(_ request: GetVolume) async throws(CSIError) -> VolumeDetails? {
        guard let record = try await pool.record(request.id) else { return nil }
        return VolumeDetails(volume: volume(of: record.summary), condition: try await pool.condition(of: record.id))
    }

    /// What the pool's file system has left, on this node.
    public func capacity(_ request: GetCapacity) async throws(CSIError) -> Capacity {
        try request.parameters.reader().finish()
        if let wanted = request.topology, !topology.isAccessible(from: wanted) { return .none }
        let room = try await pool.capacity()
        return Capacity(available: room.availableBytes, largestVolume: room.availableBytes)
    }
}
