import CSIBlock
public import CSICore
import CSIHost
import CSIPool

extension LoopbackDriver: VolumeListing, VolumeHealthReporting, CapacityReporting {
    /// Pages without a limit of the caller's end here, so that an answer stays below the message limit of 4 MiB.
    static let pageLimit = 5000

    /// Moves the image into the trash and removes it there.
    public func delete(_ request: DeleteVolume) async throws(CSIError) {
        guard try await pool.record(request.id) != nil else { return }
        let lock = try await pool.lockImage(of: request.id)
        defer { lock.release() }
        try await devices.requireDetached(request.id)
        try await pool.remove(request.id)
    }

    /// One page in the order of the ids.
    public func list(_ request: ListVolumes) async throws(CSIError) -> VolumePage {
        let limit = min(request.maximumEntries ?? Self.pageLimit, Self.pageLimit)
        let (volumes, hasMore) = pool.page(after: request.after, limit: limit)
        let entries = zip(volumes, try await devices.conditions(of: volumes)).map { (summary, condition) in
            VolumeDetails(volume: volume(of: summary), condition: condition)
        }
        return VolumePage(entries: entries, next: hasMore ? volumes.last?.id.rawValue : nil)
    }

    /// The volume, and whether its image is there and can be written.
    public func read(_ request: GetVolume) async throws(CSIError) -> VolumeDetails? {
        guard let record = try await pool.record(request.id) else { return nil }
        let room = try await pool.capacity()
        let condition = await devices.condition(of: record.summary, poolFree: room.availableBytes)
        return VolumeDetails(volume: volume(of: record.summary), condition: condition)
    }

    /// What the pool has left for volumes of a class, on this node.
    public func capacity(_ request: GetCapacity) async throws(CSIError) -> Capacity {
        let wanted = try VolumeClass(request.parameters, request.capabilities)
        if let topology = request.topology, !self.topology.isAccessible(from: topology) { return .none }
        let available = try await pool.room().available(isThick: wanted.isThick)
        let largest = available - available % VolumeTraits.granularity
        let smallest = wanted.minimumCapacity
        return Capacity(
            available: available, largestVolume: largest < smallest ? 0 : largest, smallestVolume: smallest)
    }
}

extension LoopbackDriver: VolumeExpanding {
    /// Volumes grow while in use.
    public var expansionMode: ExpansionMode { .online }

    /// Grows the image; the node then grows the device and the file system.
    public func expand(_ request: ExpandVolume) async throws(CSIError) -> Expansion {
        guard let record = try await pool.record(request.id) else { throw .notFound(.volume(request.id)) }
        let traits = try VolumeTraits(record.attributes, of: .volume(record.id))
        if let capability = request.capability, let refusal = traits.volume(record).refusal(of: capability) {
            throw .invalid("volume_capability", "does not fit the volume: \(refusal)")
        }
        return Expansion(capacity: try await grow(record, to: request.capacity).capacity, needsNode: true)
    }

    /// Grows the image and its record; a volume that is large enough stays as it is.
    /// - Throws: OUT_OF_RANGE when it is larger than the range allows or the pool could never hold it, RESOURCE_EXHAUSTED when
    ///   the pool cannot hold it now.
    func grow(_ record: VolumeRecord, to range: CapacityRange) async throws(CSIError) -> VolumeRecord {
        let size = try range.size(fallback: record.capacity, granularity: VolumeTraits.granularity)
        guard size > record.capacity else {
            guard range.contains(record.capacity) else {
                throw .impossibleCapacity(
                    "volume \"\(record.id)\" has \(record.capacity) bytes, more than the limit, and volumes never shrink"
                )
            }
            return record
        }
        let lock = try await pool.lockImage(of: record.id)
        defer { lock.release() }
        let image = try await devices.usableImage(of: record)
        // A growth that was cut off after the image had grown has taken the room already.
        let taken = record.isThick ? min(size, max(record.capacity, image.allocatedBytes)) : record.capacity
        let reservation = try await pool.reserve(size - taken, isThick: record.isThick, size: size)
        defer { reservation.release() }
        try await pool.growImage(of: record.id, to: size, isThick: record.isThick)
        var grown = record
        grown.capacity = size
        try await pool.update(grown)
        return grown
    }
}
