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
            try requireCompatible(existing, request)
            return volume(of: existing.summary)
        }
        let room = try await pool.capacity()
        let fallback = max(1, min(Self.defaultCapacity, room.availableBytes))
        let size = try request.capacity?.size(fallback: fallback) ?? fallback
        guard size <= room.totalBytes else {
            throw .impossibleCapacity("the pool has \(room.totalBytes) bytes in all, and \(size) were asked for")
        }
        guard size <= room.availableBytes else {
            throw .noSpace("the pool has \(room.availableBytes) bytes left, and \(size) were asked for")
        }
        let record = VolumeRecord(id: id, name: request.name, capacity: size, fingerprint: request.fingerprint)
        try await pool.add(record, dataPermissions: Self.dataPermissions)
        return volume(of: record.summary)
    }

    /// Moves the directory into the trash and takes it apart.
    public func delete(_ request: DeleteVolume) async throws(CSIError) {
        guard let record = try await pool.record(request.id) else { return }
        let users = try await publications(of: record.id)
        if let first = users.first {
            throw .inUse(.volume(record.id), by: "published at \(first)\(users.count > 1 ? " and elsewhere" : "")")
        }
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
            entries.append(VolumeDetails(volume: volume(of: summary), condition: try await condition(of: summary.id)))
        }
        return VolumePage(entries: entries, next: hasMore ? volumes.last?.id.rawValue : nil)
    }

    /// The volume, and whether its directory is there.
    public func read(_ request: GetVolume) async throws(CSIError) -> VolumeDetails? {
        guard let record = try await pool.record(request.id) else { return nil }
        return VolumeDetails(volume: volume(of: record.summary), condition: try await condition(of: record.id))
    }

    /// What the pool's file system has left, on this node.
    public func capacity(_ request: GetCapacity) async throws(CSIError) -> Capacity {
        try request.parameters.reader().finish()
        if let wanted = request.topology, !topology.isAccessible(from: wanted) { return .none }
        let room = try await pool.capacity()
        return Capacity(available: room.availableBytes, largestVolume: room.availableBytes)
    }

    func condition(of id: VolumeID) async throws(CSIError) -> VolumeCondition {
        try await pool.hasData(id)
            ? .normal : .abnormal("the directory \(pool.dataPath(of: id)?.string ?? "of the volume") is gone")
    }

    /// Where the kernel shows the volume's directory, as far as this process's mount namespace can tell.
    private func publications(of id: VolumeID) async throws(CSIError) -> [FilePath] {
        let table = try await withHostErrors { () async throws(HostError) in try await host.mounts.mountTable() }
        guard let data = pool.dataPath(of: id), let origin = table.origin(of: data) else { return [] }
        // The mount of the pool itself shows the directory too, when the pool's file system begins in it.
        return table.mounts(showing: origin).filter { pool.shows($0, dataOf: id) }.map(\.mountPoint)
    }

    private func requireCompatible(_ existing: VolumeRecord, _ request: CreateVolume) throws(CSIError) {
        try request.fingerprint.requireMatch(existing.fingerprint, of: .volumeNamed(request.name))
        guard let range = request.capacity, !range.contains(existing.capacity) else { return }
        throw .alreadyExists(
            .volumeNamed(request.name), differingIn: "capacity_range", existing: "\(existing.capacity) bytes",
            requested: "\(range)")
    }
}
