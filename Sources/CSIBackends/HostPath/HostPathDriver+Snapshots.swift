import CSIBlock
public import CSICore
import CSIHost
import CSIPool
import SystemPackage

extension HostPathDriver: SnapshotListing, SnapshotReading {
    /// Takes a snapshot of the volume as it is: at one moment where the pool lies on btrfs, and of an image where the pool can
    /// share blocks; else of a directory file by file, and of an image while nobody uses it.
    ///
    /// A copy that takes long goes on when this has answered that the snapshot is not ready.
    public func createSnapshot(_ request: CreateSnapshot) async throws(CSIError) -> Snapshot {
        try request.parameters.reader().finish()
        let id = SnapshotID(derivedFrom: request.name)
        if let (existing, member) = try await pools.findSnapshot(id) {
            try request.fingerprint.requireMatch(existing.fingerprint, of: .snapshotNamed(request.name))
            return snapshot(of: existing.summary, isReady: try await member.pool.finishTree(existing))
        }
        for member in pools.members {
            if let failure = member.pool.takeFailure(ofTree: id) { throw failure }
        }
        let (source, member) = try await usableVolume(request.source)
        func record(_ size: Int64) -> SnapshotRecord {
            SnapshotRecord(
                id: id, name: request.name, source: source.id, size: size, creationTime: now,
                fingerprint: request.fingerprint, content: source.content)
        }
        switch source.content {
        case .directory:
            let record = record(source.capacity)
            return snapshot(of: record.summary, isReady: try await member.pool.addTree(record))
        case .image:
            let (origin, lock, size) = try await lockedOrigin(of: source, in: member)
            let record = record(size)
            return snapshot(
                of: record.summary, isReady: try await member.pool.addImageSnapshot(record, from: origin, lock))
        }
    }

    /// Ends the copy of a snapshot that is not ready, moves the snapshot into the trash and takes it apart.
    public func deleteSnapshot(_ request: DeleteSnapshot) async throws(CSIError) {
        guard let (record, member) = try await pools.findSnapshot(request.id) else { return }
        if let group = record.group {
            throw .invalid("snapshot_id", "is a member of group snapshot \"\(group)\", which is deleted as a whole")
        }
        try await member.pool.removeTree(record.id)
    }

    /// One page of the snapshots of all pools, in the order of their ids.
    public func listSnapshots(_ request: ListSnapshots) async throws(CSIError) -> SnapshotPage {
        if let id = request.id {
            guard let (record, member) = try await pools.findSnapshot(id),
                request.source ?? record.source == record.source
            else { return SnapshotPage(snapshots: [], next: nil) }
            return SnapshotPage(snapshots: [snapshot(of: member.pool.summary(of: record))], next: nil)
        }
        let limit = min(request.maximumEntries ?? Self.pageLimit, Self.pageLimit)
        let (found, hasMore) = pools.snapshotPage(after: request.after, limit: limit, of: request.source)
        return SnapshotPage(
            snapshots: found.map { snapshot(of: $0) }, next: hasMore ? found.last?.id.rawValue : nil)
    }

    /// The snapshot of this id.
    public func readSnapshot(_ request: GetSnapshot) async throws(CSIError) -> Snapshot? {
        try await pools.findSnapshot(request.id).map { snapshot(of: $0.member.pool.summary(of: $0.record)) }
    }

    /// The moment, for records.
    var now: Timestamp {
        let now = host.clock.wallTime
        // A clock that was never set must not make a time that callers take for none.
        return Timestamp(seconds: max(1, now.seconds), nanoseconds: now.nanoseconds)
    }

    /// A volume whose content is there, with its pool.
    /// - Throws: NOT_FOUND; FAILED_PRECONDITION when its directory is gone, or its image is or was cut short.
    func usableVolume(_ id: VolumeID) async throws(CSIError) -> (record: VolumeRecord, member: PoolSet.Member) {
        guard let (record, member) = try await pools.find(id) else { throw .notFound(.volume(id)) }
        guard record.content == .directory else {
            _ = try await member.images.usableImage(of: record)
            return (record, member)
        }
        guard try await member.pool.hasData(id) else {
            let path = member.pool.dataPath(of: id)?.string ?? ""
            throw .preconditionFailed("volume \"\(id)\" has lost its directory \"\(path)\"")
        }
        return (record, member)
    }

    /// How an image must be copied now, with its lock, which the caller releases when the copy is made, and its size.
    ///
    /// What was written to its device so far is in the copy.
    func lockedOrigin(
        of record: VolumeRecord, in member: PoolSet.Member
    ) async throws(CSIError) -> (origin: ImageOrigin, lock: any HeldLock, size: Int64) {
        let lock = try await member.pool.lockImage(of: record.id)
        do throws(CSIError) {
            let origin = try await member.images.origin(of: record, freezes: false)
            return (origin, lock, try await member.pool.contentSize(of: record))
        } catch {
            lock.release()
            throw error
        }
    }

    func snapshot(of summary: SnapshotSummary, isReady: Bool? = nil) -> Snapshot {
        Snapshot(
            id: summary.id, source: summary.source, size: summary.size, creationTime: summary.creationTime,
            isReady: isReady ?? summary.isReady, group: summary.group)
    }
}

extension HostPathDriver: VolumeCloning {
    /// Makes a volume with the content of a snapshot; of the same size or larger.
    public func restore(_ request: CreateVolume, from snapshot: SnapshotID) async throws(CSIError) -> Volume {
        try await make(request) { () async throws(CSIError) in
            guard let (record, member) = try await pools.findSnapshot(snapshot) else {
                throw request.missing(.snapshot(snapshot))
            }
            return Content(
                size: try await member.pool.contentSize(of: record), kind: record.content, member: member,
                source: try member.pool.source(record),
                origin: ImageOrigin(.snapshot(record.id), in: member.pool))
        }
    }

    /// Makes a volume with the present content of another one, which may be in use; of the same size or larger.
    ///
    /// Elsewhere than on btrfs each file is copied as it is when its turn comes.
    public func clone(_ request: CreateVolume, from volume: VolumeID) async throws(CSIError) -> Volume {
        try await make(request) { () async throws(CSIError) in
            guard try await pools.find(volume) != nil else { throw request.missing(.volume(volume)) }
            let (record, member) = try await usableVolume(volume)
            let source = try member.pool.source(record)
            guard record.content == .image else {
                return Content(size: record.capacity, kind: .directory, member: member, source: source)
            }
            var (origin, lock, size) = try await lockedOrigin(of: record, in: member)
            (origin.pool, origin.lock) = (member.pool, lock)
            return Content(
                size: size, kind: .image, member: member, source: source, origin: origin, lock: lock)
        }
    }

    /// What a new volume is filled with.
    struct Content: Sendable {
        /// The size of the volume that it comes from.
        let size: Int64
        let kind: VolumeContent
        /// The pool that it lies in.
        let member: PoolSet.Member
        let source: TreeSource
        /// How an image is copied.
        var origin = ImageOrigin(.zeros)
        /// Keeps the node from working on the image meanwhile; nil for a snapshot, on which nobody works.
        var lock: (any HeldLock)?
    }

    /// Makes a volume, durably, or finds the one that an earlier attempt made.
    /// - Parameter content: Finds what it is filled with; called only when the volume does not exist yet.
    func make(
        _ request: CreateVolume, content: () async throws(CSIError) -> Content?
    ) async throws(CSIError) -> Volume {
        let wanted = try VolumeClass(request.parameters, mutable: request.mutableParameters)
        if let accessibility = request.accessibility, !accessibility.isMet(by: topology) {
            throw .notOnThisNode("this node is \(topology), and the volume must be reachable from elsewhere")
        }
        if let (existing, member) = try await pools.find(VolumeID(derivedFrom: request.name)) {
            try existing.requireMatch(request)
            return volume(of: existing.summary, in: member)
        }
        let isBlock = request.capabilities.first?.isBlock ?? false
        let place = try pool(of: wanted)
        try wanted.settings.check(isBlock: isBlock, limitsInodes: place.pool.limitsInodes, request.parameters)
        let content = try await content()
        defer { content?.lock?.release() }
        if let content { try requireKind(isBlock ? .image : .directory, of: content, request) }
        if isBlock {
            // An image shares its blocks within a file system, so its source's pool is the one that a class without a pool
            // means.
            let place = wanted.pool == nil ? content?.member ?? place : place
            return try await createImage(request, wanted, from: content, in: place)
        }
        let member = place
        let size = try await size(for: request.capacity, in: member.pool, atLeast: content?.size)
        let reservation = try await member.pool.reserve(size, isThick: false)
        defer { reservation.release() }
        let record = VolumeRecord(
            id: VolumeID(derivedFrom: request.name), name: request.name, capacity: size,
            fingerprint: request.fingerprint, source: request.source, attributes: wanted.settings.attributes)
        let limits = record.limits
        let made = try await member.pool.add(record, wanted.data) { (path, tree) async throws(CSIError) in
            guard let content else { return }
            try await member.pool.fill(path, in: tree, from: content.source, limits: limits)
        }
        return volume(of: made.summary, in: member)
    }

    private func requireKind(
        _ kind: VolumeContent, of content: Content, _ request: CreateVolume
    ) throws(CSIError) {
        guard content.kind != kind else { return }
        let (has, wanted) = kind == .image ? ("files", "raw block device") : ("a raw block device", "volume with files")
        throw .invalid(
            "volume_content_source",
            "\(request.source?.description ?? "the source") is of a volume with \(has), and a \(wanted) was asked for; ask for "
                + "one of the same kind")
    }

    /// The size of a new volume: what is required and its content needs, else the usual one or as much of it as there is
    /// room for.
    private func size(
        for range: CapacityRange?, in pool: VolumePool, atLeast content: Int64?
    ) async throws(CSIError) -> Int64 {
        guard let content else { return try await size(for: range, in: pool) }
        let size = max(content, try range?.size(fallback: content) ?? content)
        guard range?.contains(size) ?? true else {
            throw .impossibleCapacity(
                "at most \(range?.limit ?? 0) bytes were asked for, and its source has \(content)")
        }
        return size
    }
}

extension PoolSet {
    /// The snapshot of an id with the pool that holds it; nil when there is no such snapshot.
    /// - Throws: FAILED_PRECONDITION when its record cannot be used, or two pools hold such a snapshot.
    func findSnapshot(_ id: SnapshotID) async throws(CSIError) -> (record: SnapshotRecord, member: Member)? {
        var found: (record: SnapshotRecord, member: Member)?
        for member in members {
            guard let record = try await member.pool.snapshot(id) else { continue }
            if let found {
                throw .preconditionFailed(
                    "the pools \(found.member.pool.path) and \(member.pool.path) both hold a snapshot \"\(id)\"; move one "
                        + "of the two directories out of its pool")
            }
            found = (record, member)
        }
        return found
    }

    /// At most `limit` snapshots of all pools in the order of their ids, beginning after `last`.
    func snapshotPage(
        after last: String?, limit: Int, of source: VolumeID?
    ) -> (snapshots: [SnapshotSummary], hasMore: Bool) {
        var snapshots: [SnapshotSummary] = []
        var hasMore = false
        for member in members {
            let page = member.pool.snapshotPage(after: last, limit: limit, of: source)
            snapshots += page.snapshots
            hasMore = hasMore || page.hasMore
        }
        guard members.count > 1 else { return (snapshots, hasMore) }
        snapshots.sort { $0.id < $1.id }
        return (Array(snapshots.prefix(max(0, limit))), hasMore || snapshots.count > limit)
    }
}
