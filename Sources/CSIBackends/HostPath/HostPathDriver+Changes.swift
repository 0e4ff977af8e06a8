public import CSICore
import CSIHost
import CSIPool

extension HostPathDriver: VolumeExpanding, VolumeModifying {
    /// Volumes grow while in use: of a directory the limit is all that changes.
    public var expansionMode: ExpansionMode { .online }

    /// The parameters that can change.
    public var mutableKeys: Set<String> { VolumeSettings.Key.all }

    /// Raises the limit of a directory, which is all, or makes an image larger, whose device the node then grows.
    public func expand(_ request: ExpandVolume) async throws(CSIError) -> Expansion {
        guard let (record, member) = try await pools.find(request.id) else { throw .notFound(.volume(request.id)) }
        if let capability = request.capability, let refusal = record.refusal(of: capability) {
            throw .invalid("volume_capability", "does not fit the volume: \(refusal)")
        }
        return Expansion(
            capacity: try await grow(record, to: request.capacity, in: member), needsNode: record.content == .image)
    }

    /// Makes a volume at least as large as a range says.
    /// - Returns: Its size, in bytes.
    func grow(
        _ record: VolumeRecord, to range: CapacityRange, in member: PoolSet.Member
    ) async throws(CSIError) -> Int64 {
        var record = record
        let isImage = record.content == .image
        let size = try range.size(fallback: record.capacity, granularity: isImage ? Self.sector : 1)
        guard size > record.capacity else {
            guard range.contains(record.capacity) else {
                throw .impossibleCapacity(
                    "volume \"\(record.id)\" has \(record.capacity) bytes, more than the limit, and volumes never shrink"
                )
            }
            // An earlier attempt may have ended between the record and here.
            if !isImage { try await member.pool.applyLimits(of: record) }
            return record.capacity
        }
        guard !isImage else { return try await growImage(record, to: size, in: member) }
        let reservation = try await member.pool.reserve(size - record.capacity, isThick: false, size: size)
        defer { reservation.release() }
        try await change(&record, in: member.pool) { $0.capacity = size }
        return size
    }

    /// Changes settings, all or none.
    public func modify(_ request: ModifyVolume) async throws(CSIError) {
        guard let (found, member) = try await pools.find(request.id) else { throw .notFound(.volume(request.id)) }
        var record = found
        var asked = VolumeSettings()
        try asked.apply(request.parameters)
        try asked.check(
            isBlock: record.content == .image, limitsInodes: member.pool.limitsInodes && record.quota != nil,
            request.parameters)
        var settings = try VolumeSettings(of: record)
        try settings.apply(request.parameters)
        guard record.content == .directory else { return try await modifyImage(record, settings, in: member) }
        let changed = settings.attributes(replacingThoseIn: record.attributes)
        guard changed != record.attributes else { return try await member.pool.applyLimits(of: record) }
        try await change(&record, in: member.pool) { $0.attributes = changed }
    }

    /// Writes a record anew, with the limits that it says.
    ///
    /// The limits come first: a volume that has been promised more must be able to take it. When the record cannot be
    /// written, the old limits come back; after a crash, with the next publish or the caller's next attempt.
    private func change(
        _ record: inout VolumeRecord, in pool: VolumePool, _ body: (inout VolumeRecord) -> Void
    ) async throws(CSIError) {
        let old = record
        body(&record)
        try await pool.applyLimits(of: old, record.limits)
        do throws(CSIError) {
            try await pool.update(record)
        } catch {
            _ = try? await pool.applyLimits(of: old)
            throw error
        }
        // A node that had read the old record may have set the old limits meanwhile.
        try await pool.applyLimits(of: record)
    }
}
