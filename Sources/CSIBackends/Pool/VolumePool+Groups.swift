public import CSICore
import CSIHost
import CSILock
import Logging
import SystemPackage

/// Groups of snapshots: each in one directory with its members, so that one rename makes all of them
/// and one takes them away.
extension VolumePool {
    /// The record of a group, read from disk; nil when there is no such group.
    /// - Throws: FAILED_PRECONDITION when the group is there but its record cannot be used.
    public func group(_ id: GroupSnapshotID) async throws(CSIError) -> GroupRecord? {
        guard let component = id.pathComponent else { return nil }
        return try await read(component, in: tree())
    }

    /// The members of a group, in the order of their ids.
    /// - Throws: FAILED_PRECONDITION when one is missing or its record cannot be used.
    public func members(of group: GroupRecord) async throws(CSIError) -> [SnapshotRecord] {
        guard let component = group.component else { return [] }
        let tree = try tree()
        let directory = PoolSection.groups.path(component)
        var members: [SnapshotRecord] = []
        for id in group.members {
            guard let name = id.pathComponent,
                let member: SnapshotRecord = try await read(name, at: directory.appending(name), in: tree)
            else {
                throw .preconditionFailed(
                    "group snapshot \"\(group.id)\" has lost its member \"\(id)\"; delete the group")
            }
            members.append(member)
        }
        return members
    }

    /// Takes a group of volumes: when it returns, all members survive a crash; when it throws, none is left.
    ///
    /// The caller holds the group's key, and the locks of the images, and nobody removes a source meanwhile.
    /// - Parameters:
    ///   - record: The new group.
    ///   - members: A snapshot of each volume, in the order of their ids.
    ///   - origins: How the images among the volumes must be copied now.
    /// - Throws: RESOURCE_EXHAUSTED when the pool has no room for all of them, among others.
    public func addGroup(
        _ record: GroupRecord, _ members: [SnapshotRecord], origins: [VolumeID: ImageOrigin] = [:]
    ) async throws(CSIError) {
        if openedQuotas?.hasSubvolumes != true, members.contains(where: { $0.content == .directory }) {
            // One turn for all members, which are copied one after the other.
            try await copies.turns.take { () async throws(CSIError) in try await makeGroup(record, members, origins) }
        } else {
            try await makeGroup(record, members, origins)
        }
        for member in members { remember(member, isReady: true) }
    }

    private func makeGroup(
        _ record: GroupRecord, _ members: [SnapshotRecord], _ origins: [VolumeID: ImageOrigin]
    ) async throws(CSIError) {
        let tree = try tree()
        let room = try await reserve(for: members)
        defer { room?.release() }
        try await commit(record, in: tree) { (partial) async throws(CSIError) in
            // The contents first, as near to each other in time as can be.
            for member in members {
                try await takeMember(member, origins[member.source], in: partial, of: tree)
            }
            try await withHostErrors { () async throws(HostError) in
                for member in members {
                    let directory = partial.appending(member.component ?? "")
                    try await tree.writeFileDurably(SnapshotRecord.section.record(in: directory), member.bytes)
                }
            }
        }
    }

    private func takeMember(
        _ member: SnapshotRecord, _ origin: ImageOrigin?, in partial: FilePath, of tree: any DirectoryTree
    ) async throws(CSIError) {
        guard let component = member.component, let source = member.source.pathComponent else {
            throw .notFound(.volume(member.source))
        }
        let directory = partial.appending(component)
        try await withHostErrors { () async throws(HostError) in
            try await tree.createDirectory(directory, permissions: .ownerReadWriteExecute)
        }
        let volume = PoolLayout.volume(source)
        switch member.content {
        case .directory: try await takeData(of: volume, into: directory, in: tree)
        case .image:
            try await copyImage(
                from: volume, to: directory, as: PoolLayout.image(in: directory),
                origin ?? ImageOrigin(.volume(member.source), sharing: .required), in: tree)
        }
    }

    /// Removes a group with its members: from the rename into the trash on all are gone for every caller.
    ///
    /// The absent is success.
    /// - Throws: ABORTED while a volume is made from a member.
    public func removeGroup(_ id: GroupSnapshotID) async throws(CSIError) {
        guard let component = id.pathComponent else { return }
        let members = state.withLock { $0.snapshots.all.filter { $0.group == id } }
        if let used = members.first(where: { copies.isRead($0.id) }) {
            throw .pendingElsewhere("a volume is being made from snapshot \"\(used.id)\" of the group; retry later")
        }
        try await discard(PoolSection.groups.path(component), as: component, in: tree())
        for member in members { forget(member.id) }
    }

    /// The members of all groups, read at a start; a group that cannot be read is set aside as a whole.
    func readGroups(in tree: any DirectoryTree, _ groups: [GroupRecord]) async -> (
        members: [SnapshotSummary], asideCount: Int
    ) {
        var found: [SnapshotSummary] = []
        var asideCount = 0
        for group in groups {
            do throws(CSIError) {
                found += try await members(of: group).map(\.summary)
            } catch {
                asideCount += 1
                logger.error(
                    "group set aside: a member cannot be used; the others are served",
                    metadata: ["group": "\(group.id)", "error": "\(error.message)"])
            }
        }
        return (found, asideCount)
    }
}
