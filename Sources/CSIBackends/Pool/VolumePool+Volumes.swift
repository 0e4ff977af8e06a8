public import CSICore
public import CSIHost
import CSILock
public import SystemPackage

/// Volumes of any content.
extension VolumePool {
    /// The record of a volume, read from disk; nil when there is no such volume.
    /// - Throws: FAILED_PRECONDITION when the volume is there but its record cannot be used.
    public func record(_ id: VolumeID) async throws(CSIError) -> VolumeRecord? {
        // An id that is no name of a directory was never given out by this pool.
        guard let component = id.pathComponent else { return nil }
        return try await read(component, in: tree())
    }

    /// At most `limit` volumes in the order of their ids, beginning after `last`.
    public func page(after last: String?, limit: Int) -> (volumes: [VolumeSummary], hasMore: Bool) {
        state.withLock { state in
            let (entries, hasMore) = state.volumes.page(after: last, limit: limit)
            return (Array(entries), hasMore)
        }
    }

    /// Whether any volume is an image; nil when this process does not know the volumes.
    public var hasImages: Bool? {
        access == .manage ? state.withLock { $0.volumes.all.contains { $0.content == .image } } : nil
    }

    /// The room on the pool's file system.
    public func capacity() async throws(CSIError) -> FileSystemCapacity {
        let tree = try tree()
        return try await withHostErrors { () async throws(HostError) in try await tree.capacity() }
    }

    /// The size of a new volume, in bytes: what is required, else `fallback` or as much of it as there is room for.
    /// - Parameters:
    ///   - range: What the caller wants; nil leaves it to the driver.
    ///   - fallback: The size when nothing is required.
    /// - Throws: OUT_OF_RANGE when the pool can never hold it, RESOURCE_EXHAUSTED when there is no room for it now.
    public func size(for range: CapacityRange?, fallback: Int64) async throws(CSIError) -> Int64 {
        let room = try await capacity()
        let fallback = max(1, min(fallback, room.availableBytes))
        let size = try range?.size(fallback: fallback) ?? fallback
        guard size <= room.totalBytes else {
            throw .impossibleCapacity("the pool has \(room.totalBytes) bytes in all, and \(size) were asked for")
        }
        guard size <= room.availableBytes else {
            throw .noSpace("the pool has \(room.availableBytes) bytes left, and \(size) were asked for")
        }
        return size
    }

    /// Writes a record anew, durably, for example with another capacity.
    ///
    /// The caller holds the volume's key and the lock of its image, so nobody else works on it.
    public func update(_ record: VolumeRecord) async throws(CSIError) {
        guard let component = record.component else { return }
        let tree = try tree()
        let directory = VolumeRecord.section.path(component)
        try await withHostErrors { () async throws(HostError) in
            try await sweep(directory, in: tree)
            try await tree.writeFileDurably(VolumeRecord.section.record(in: directory), record.bytes)
        }
        remember(record)
    }

    /// Removes a volume: from the rename into the trash on it is gone for every caller.
    ///
    /// The absent is success.
    public func remove(_ id: VolumeID) async throws(CSIError) {
        guard let component = id.pathComponent else { return }
        // From now on the limit is nobody's, and goes; as long as it is there, nobody else takes the project.
        let quota = state.withLock { $0.volumes[id.rawValue]?.quota }
        giveBack(quota)
        do throws(CSIError) {
            try await discard(PoolLayout.volume(component), as: component, in: tree())
        } catch {
            if case .project(let project)? = quota { state.withLock { $0.projects.note(project) } }
            throw error
        }
        forget(id)
    }

    /// Takes a volume out of the pool and keeps all of it, with its limits, in the folder `retained`, for a human.
    ///
    /// The absent is success.
    /// - Returns: Where it is now; nil when it was absent.
    @discardableResult
    public func retain(_ id: VolumeID) async throws(CSIError) -> FilePath? {
        guard let component = id.pathComponent else { return nil }
        let tree = try tree()
        let kept = PoolLayout.retained.appending(host.files.uniqueName(prefix: component + "."))
        do throws(HostError) {
            do throws(HostError) {
                try await tree.createDirectory(PoolLayout.retained, permissions: .ownerReadWriteExecute)
                try await tree.syncDirectory("")
            } catch  where error.kind == .alreadyExists {
                // Made for an earlier volume.
            }
            try await tree.renameDurably(from: PoolLayout.volume(component), to: kept)
        } catch {
            if error.kind == .notFound {
                forget(id)
                return nil
            }
            throw CSIError(error)
        }
        forget(id)
        return path.pushing(kept)
    }

    private func forget(_ id: VolumeID) {
        state.withLock { state in
            if let old = state.volumes.remove(id.rawValue) { state.forget(old) }
        }
    }

    @inline(never)
    func remember(_ record: VolumeRecord) {
        let summary = record.summary
        state.withLock { state in
            if let old = state.volumes.insert(summary) { state.forget(old) }
            state.promises.add(summary)
            if (policy ?? directories) != nil { state.usage.newVolumes.append(summary.id.rawValue) }
        }
    }
}

/// Volumes that are directories.
extension VolumePool {
    /// Makes a volume durable: when it returns, the volume survives a crash; when it throws, nothing is left of it.
    ///
    /// The caller holds the volume's key, so nobody else works on it.
    /// - Parameters:
    ///   - record: The new volume.
    ///   - dataPermissions: The mode of the directory that pods see.
    public func add(_ record: VolumeRecord, dataPermissions: FilePermissions) async throws(CSIError) {
        _ = try await add(record, DataDirectory(permissions: dataPermissions))
    }

    /// Makes a volume durable: when it returns, the volume survives a crash; when it throws, nothing is left of it.
    ///
    /// The caller holds the volume's key, so nobody else works on it.
    /// - Parameters:
    ///   - record: The new volume, with the limits that it shall have.
    ///   - data: The directory that pods see.
    ///   - fill: Puts content into that directory, which is limited already, each file durable, and the names in it; it is
    ///     given the directory's path in the tree of the pool.
    /// - Returns: The record as it was written, with what limits the volume.
    public func add(
        _ record: VolumeRecord, _ data: DataDirectory,
        fill: (FilePath, any DirectoryTree) async throws(CSIError) -> Void = VolumePool.leaveEmpty
    ) async throws(CSIError) -> VolumeRecord {
        let tree = try tree()
        var quota: VolumeQuota?
        // What fails leaves a project that is nobody's, and its limit goes with the directory.
        let written = try await commit(
            VolumeRecord.section, record.component, in: tree, givingUp: { giveBack(quota) },
            fill: { (partial) async throws(CSIError) -> VolumeRecord in
                quota = try await makeData(data, record.limits, in: partial, of: tree)
                try await fill(PoolLayout.data(in: partial), tree)
                var record = record
                record.quota = quota
                return record
            })
        remember(written)
        return written
    }

    /// Fills a volume with nothing.
    public static func leaveEmpty(_: FilePath, _: any DirectoryTree) async throws(CSIError) {}

    /// Whether the directory that pods see is there.
    public func hasData(_ id: VolumeID) async throws(CSIError) -> Bool {
        guard let component = id.pathComponent else { return false }
        let tree = try tree()
        return try await withHostErrors { () async throws(HostError) in
            try await tree.metadata(of: PoolLayout.data(in: PoolLayout.volume(component)))?.kind == .directory
        }
    }

    /// The directory that pods see, absolute; nil for an id that this pool never gives out.
    public func dataPath(of id: VolumeID) -> FilePath? {
        id.pathComponent.map { path.pushing(PoolLayout.data(in: PoolLayout.volume($0))) }
    }

    /// Whether a mount shows the data of the volume, also when the pool has moved or the volume is being removed.
    public func shows(_ entry: MountEntry, dataOf id: VolumeID) -> Bool {
        id.pathComponent.map { PoolLayout.isData(entry.root, of: $0) } ?? false
    }
}
