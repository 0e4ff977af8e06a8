import CSIBlock
public import CSICore
import CSIHost
import CSIPool
import SystemPackage

extension HostPathDriver: VolumeListing, VolumeHealthReporting, CapacityReporting {
    /// The size of a volume when the caller does not ask for one, in bytes; less where the pool has less room.
    static let defaultCapacity: Int64 = 1 << 30

    /// Pages without a limit of the caller's end here, so that an answer stays below the message limit of 4 MiB.
    static let pageLimit = 5000

    /// Makes a directory or an image, durably, or finds the one that an earlier attempt made.
    public func create(_ request: CreateVolume) async throws(CSIError) -> Volume {
        try await make(request) { () async throws(CSIError) in nil }
    }

    /// The pool that a class means.
    /// - Throws: RESOURCE_EXHAUSTED when this node does not have it: another one may.
    func pool(of wanted: VolumeClass) throws(CSIError) -> PoolSet.Member {
        guard let member = pools[wanted.pool] else {
            let names = pools.members.compactMap(\.name).joined(separator: ", ")
            throw .notOnThisNode(
                "this node has no pool \"\(wanted.pool ?? "")\"; it has \(names.isEmpty ? "one without a name" : names)"
            )
        }
        return member
    }

    /// The size of a new volume: what is required, else the usual one or as much of it as there is room for.
    /// - Parameter fallback: The size when none is required; nil for the usual one.
    func size(
        for range: CapacityRange?, in pool: VolumePool, fallback: Int64? = nil
    ) async throws(CSIError) -> Int64 {
        if let fallback, range == nil { return fallback }
        let room = try await pool.room().available(isThick: false)
        let fallback = max(1, min(Self.defaultCapacity, room))
        return try range?.size(fallback: fallback) ?? fallback
    }

    /// Whether the single volume is of the kind that is asked for.
    public func refusal(
        of request: ValidateVolumeCapabilities, for volume: Volume
    ) async throws(CSIError) -> String? {
        guard let (record, _) = try await pools.find(request.id) else { throw .notFound(.volume(request.id)) }
        return request.capabilities.lazy.compactMap { record.refusal(of: $0) }.first
    }

    /// Moves the volume into the trash and takes it apart, or keeps it for a human where the volume asks for that.
    public func delete(_ request: DeleteVolume) async throws(CSIError) {
        guard let (record, member) = try await pools.find(request.id) else { return }
        guard record.content == .directory else { return try await deleteImage(record, in: member) }
        try await member.pool.requireUnpublished(record.id)
        try member.pool.requireUncopied(record.id)
        guard try VolumeSettings(of: record).onDelete == .retain else { return try await member.pool.remove(record.id) }
        try await member.pool.retain(record.id)
    }

    /// The volume of this id.
    public func volume(_ id: VolumeID) async throws(CSIError) -> Volume? {
        try await pools.find(id).map { volume(of: $0.record.summary, in: $0.member) }
    }

    /// One page of the volumes of all pools, in the order of their ids.
    public func list(_ request: ListVolumes) async throws(CSIError) -> VolumePage {
        let limit = min(request.maximumEntries ?? Self.pageLimit, Self.pageLimit)
        let (volumes, hasMore) = pools.page(after: request.after, limit: limit)
        var directories: [ArraySlice<VolumeCondition>] = []
        var images: [ArraySlice<VolumeCondition>] = []
        for (index, member) in pools.members.enumerated() {
            let own = volumes.compactMap { $0.member == index ? $0.summary : nil }
            directories.append(
                try await conditions(ofDirectories: own.filter { $0.content == .directory }, in: member)[...])
            images.append(try await member.images.conditions(of: own.filter { $0.content == .image })[...])
        }
        var entries: [VolumeDetails] = []
        entries.reserveCapacity(volumes.count)
        for (summary, index) in volumes {
            let condition = summary.content == .image ? images[index].popFirst() : directories[index].popFirst()
            // An inline volume is its pod's, and nobody deletes it but the pod.
            if summary.attributes[EphemeralKey.handle] != nil { continue }
            entries.append(VolumeDetails(volume: volume(of: summary, in: pools.members[index]), condition: condition))
        }
        return VolumePage(entries: entries, next: hasMore ? volumes.last?.summary.id.rawValue : nil)
    }

    private func conditions(
        ofDirectories volumes: [VolumeSummary], in member: PoolSet.Member
    ) async throws(CSIError) -> [VolumeCondition] {
        guard !volumes.isEmpty else { return [] }
        return try await member.pool.conditions(of: volumes, in: try await member.pool.health())
    }

    /// The volume, and whether its directory or image is there, writable, and has room.
    public func read(_ request: GetVolume) async throws(CSIError) -> VolumeDetails? {
        guard let (record, member) = try await pools.find(request.id) else { return nil }
        let condition: VolumeCondition
        if record.content == .image {
            let free = try await member.pool.capacity().availableBytes
            condition = await member.images.condition(of: record.summary, poolFree: free)
        } else {
            condition = await member.pool.condition(
                of: record.id, record.quota, in: try await member.pool.health())
        }
        return VolumeDetails(volume: volume(of: record.summary, in: member), condition: condition)
    }

    /// What the pool that a class means has left when all promises are kept, on this node.
    public func capacity(_ request: GetCapacity) async throws(CSIError) -> Capacity {
        let wanted = try VolumeClass(request.parameters)
        if let place = request.topology, !topology.isAccessible(from: place) { return .none }
        guard let member = pools[wanted.pool] else { return .none }
        let room = try await member.pool.room().available(isThick: false)
        return Capacity(available: room, largestVolume: room)
    }
}

extension VolumePool {
    /// Whether a number of files can be held.
    var limitsInodes: Bool { quotaSupport.limitsInodes && quotaSupport.enforcement == .enforcing }
}
