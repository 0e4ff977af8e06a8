public import CSICore
import CSIHost
import CSIPool

extension HostPathDriver: GroupSnapshotCapable {
    /// Takes snapshots of all the volumes, or of none; they lie in one pool.
    public func createGroupSnapshot(_ request: CreateGroupSnapshot) async throws(CSIError) -> GroupSnapshot {
        try request.parameters.reader().finish()
        let id = GroupSnapshotID(derivedFrom: request.name)
        if let (existing, member) = try await pools.findGroup(id) {
            try request.fingerprint.requireMatch(existing.fingerprint, of: .groupSnapshotNamed(request.name))
            return try await groupSnapshot(existing, in: member)
        }
        var sources: [VolumeRecord] = []
        var place: PoolSet.Member?
        for source in request.sources {
            let (record, member) = try await usableVolume(source)
            if let place, place.pool !== member.pool {
                throw .preconditionFailed(
                    "volume \"\(source)\" lies in the pool \(member.pool.path) and others in \(place.pool.path): the "
                        + "volumes of a group lie in one pool")
            }
            place = member
            sources.append(record)
        }
        guard let place else { throw .missing("source_volume_ids") }
        var origins: [VolumeID: ImageOrigin] = [:]
        var sizes: [VolumeID: Int64] = [:]
        var locks: [any HeldLock] = []
        defer { for lock in locks { lock.release() } }
        for source in sources where source.content == .image {
            let (origin, lock, size) = try await lockedOrigin(of: source, in: place)
            locks.append(lock)
            (origins[source.id], sizes[source.id]) = (origin, size)
        }
        let time = now
        var members: [SnapshotRecord] = []
        for source in sources {
            let name = try SnapshotName("\(id)/\(source.id)")
            let fingerprint = Fingerprint([
                .init("group_snapshot_id", id.rawValue), .init("source_volume_id", source.id.rawValue),
            ])
            members.append(
                SnapshotRecord(
                    id: SnapshotID(derivedFrom: name), name: name, source: source.id,
                    size: sizes[source.id] ?? source.capacity, creationTime: time, fingerprint: fingerprint,
                    content: source.content, group: id))
        }
        members.sort { $0.id < $1.id }
        let record = GroupRecord(
            id: id, name: request.name, members: members.map(\.id), creationTime: time,
            fingerprint: request.fingerprint)
        try await place.pool.addGroup(record, members, origins: origins)
        return GroupSnapshot(
            id: id, snapshots: members.map { snapshot(of: $0.summary) }, creationTime: record.creationTime)
    }

    /// Moves the group into the trash with all its members and takes it apart.
    public func deleteGroupSnapshot(_ request: DeleteGroupSnapshot) async throws(CSIError) {
        guard let (record, member) = try await pools.findGroup(request.id) else { return }
        try await member.pool.removeGroup(record.id)
    }

    /// The group of this id.
    public func groupSnapshot(_ id: GroupSnapshotID) async throws(CSIError) -> GroupSnapshot? {
        guard let (record, member) = try await pools.findGroup(id) else { return nil }
        return try await groupSnapshot(record, in: member)
    }

    private func groupSnapshot(
        _ record: GroupRecord, in member: PoolSet.Member
    ) async throws(CSIError) -> GroupSnapshot {
        let members = try await member.pool.members(of: record)
        return GroupSnapshot(
            id: record.id, snapshots: members.map { snapshot(of: $0.summary) }, creationTime: record.creationTime)
    }
}

extension PoolSet {
    /// The group of an id with the pool that holds it; nil when there is no such group.
    /// - Throws: FAILED_PRECONDITION when its record cannot be used.
    func findGroup(_ id: GroupSnapshotID) async throws(CSIError) -> (record: GroupRecord, member: Member)? {
        for member in members {
            if let record = try await member.pool.group(id) { return (record, member) }
        }
        return nil
    }
}
