public import CSICore
import CSIHost
import SystemPackage

/// What a Node service does with the volumes of a pool: each is a directory that is bind-mounted where a pod wants it.
///
/// Whether a target is published is read from the kernel's mount table, never remembered.
extension VolumePool {
    /// Bind-mounts the volume's directory at the target, read-only from its first moment where that is asked for.
    ///
    /// The same volume with the same arguments at the target is success.
    /// - Throws: NOT_FOUND for an unknown volume; ALREADY_EXISTS naming what differs when something else is mounted there;
    ///   FAILED_PRECONDITION for a second target of a volume with a single writer, and when the volume's directory or the
    ///   target's parent is missing; INVALID_ARGUMENT for a mount flag that a bind mount does not have.
    /// - Parameters:
    ///   - request: The checked request.
    ///   - id: What the pool calls the volume, where the caller calls it otherwise.
    public func publish(_ request: PublishVolume, as id: VolumeID? = nil) async throws(CSIError) {
        guard let record = try await record(id ?? request.id), let data = dataPath(of: record.id) else {
            throw .notFound(.volume(request.id))
        }
        guard try await hasData(record.id) else {
            throw .preconditionFailed("volume \"\(record.id)\" has lost its directory \"\(data)\"")
        }
        if !request.isReadOnly {
            try await applyLimits(of: record)
            if let group = try request.capability.mount?.groupID() { try await give(data: record.id, toGroup: group) }
        }
        let options = try Self.options(of: request)
        let target = request.target.filePath
        let isExclusive = request.capability.mode.allowsOneTargetOnly
        let table = try await mountTable(at: [data, target], showing: isExclusive ? [data] : [])
        guard let origin = table.origin(of: data), let poolMount = table.mountPoint(containing: data) else {
            throw .fault("the mount table does not show the mount that \"\(data)\" lies on")
        }
        if let mounted = table.topmost(at: target) {
            return try request.requireSame(as: mounted, of: origin, options.inheriting(poolMount.bindOptions))
        }
        if isExclusive,
            let other = table.mounts(showing: origin).first(where: { shows($0, dataOf: record.id) })
        {
            throw .preconditionFailed(
                "volume \"\(record.id)\" is published at \(other.mountPoint), and its access mode "
                    + "\(request.capability.mode) allows one target only")
        }
        try await PublishTarget(request.target, on: host).bind(data, options: options)
    }

    /// Unmounts whatever shows the volume at the target and removes the mount point; the absent is success.
    /// - Throws: FAILED_PRECONDITION when something else is mounted there, or files lie under the mount point: both stay.
    /// - Parameters:
    ///   - request: The checked request.
    ///   - id: What the pool calls the volume, where the caller calls it otherwise.
    public func unpublish(_ request: UnpublishVolume, as id: VolumeID? = nil) async throws(CSIError) {
        let id = id ?? request.id
        let target = request.target.filePath
        let stack = try await mountTable(at: [target]).entries(at: target)
        if let top = stack.last {
            guard stack.contains(where: { shows($0, dataOf: id) }) else {
                throw .preconditionFailed(
                    "\(target) is a mount of \(top.origin), not of volume \"\(request.id)\"; it is left alone")
            }
            try await PublishTarget(request.target, on: host).unmount()
        }
        try await PublishTarget(request.target, on: host).remove(of: request.id)
    }

    /// The figures of the volume where its size is counted, else those of the file system that it shares, and whether
    /// the volume is well.
    /// - Throws: NOT_FOUND when the volume is unknown or not mounted at that path.
    /// - Parameters:
    ///   - request: The checked request.
    ///   - id: What the pool calls the volume, where the caller calls it otherwise.
    public func stats(_ request: GetVolumeStats, as id: VolumeID? = nil) async throws(CSIError) -> VolumeStats {
        guard let record = try await record(id ?? request.id) else { throw .notFound(.volume(request.id)) }
        let path = request.path.filePath
        guard let mounted = try await mountTable(at: [path]).topmost(at: path), shows(mounted, dataOf: record.id) else {
            throw .notFound(.publication(record.id, request.path), "nothing of it is mounted there")
        }
        let health = try await health()
        let held = try await quota(of: record.id, record.quota)
        let condition: VolumeCondition =
            mounted.isRootDeleted
            ? .abnormal("the volume's directory was removed while it was published at \(path)")
            : health.condition(hasData: try await hasData(record.id), dataPath(of: record.id), held)
        let room = try await withHostErrors { () async throws(HostError) in try await host.files.capacity(of: path) }
        return VolumeStats(
            bytes: VolumeStats.Usage(
                used: held?.usedBytes ?? room.usedBytes, of: held?.limits.bytes ?? room.totalBytes,
                left: held == nil ? room.availableBytes : health.availableBytes, isOwn: held?.limits.bytes != nil),
            inodes: Self.inodes(room, held), condition: condition)
    }

    private static func inodes(_ room: FileSystemCapacity, _ held: TreeQuota?) -> VolumeStats.Usage? {
        if let used = held?.usedInodes, let limit = held?.limits.inodes {
            return VolumeStats.Usage(used: used, of: limit, left: limit, isOwn: true)
        }
        guard room.totalInodes > 0 else { return nil }
        return VolumeStats.Usage(available: room.availableInodes, total: room.totalInodes, used: room.usedInodes)
    }

    /// Whether the directory that pods see is there.
    public func condition(of id: VolumeID) async throws(CSIError) -> VolumeCondition {
        try await hasData(id)
            ? .normal : .abnormal("the directory \(dataPath(of: id)?.string ?? "of the volume") is gone")
    }

    /// Refuses unless the volume is published at a path.
    /// - Throws: NOT_FOUND when nothing of it is mounted there.
    public func requirePublished(_ id: VolumeID, at path: AbsolutePath) async throws(CSIError) {
        guard let mounted = try await mountTable(at: [path.filePath]).topmost(at: path.filePath),
            shows(mounted, dataOf: id)
        else {
            throw .notFound(.publication(id, path), "nothing of it is mounted there")
        }
    }

    /// Refuses while the volume is published anywhere, as far as this process's mount namespace can tell.
    /// - Throws: FAILED_PRECONDITION naming a target.
    public func requireUnpublished(_ id: VolumeID) async throws(CSIError) {
        guard let data = dataPath(of: id) else { return }
        let table = try await mountTable(at: [], showing: [data])
        guard let origin = table.origin(of: data) else { return }
        // The mount of the pool itself shows the directory too, when the pool's file system begins in it.
        let users = table.mounts(showing: origin).filter { shows($0, dataOf: id) }.map(\.mountPoint)
        guard let first = users.first else { return }
        throw .inUse(.volume(id), by: "published at \(first)\(users.count > 1 ? " and elsewhere" : "")")
    }

    /// The mounts on the way to the paths, and those that show the directories wherever they are.
    private func mountTable(
        at paths: [FilePath], showing sources: [FilePath] = []
    ) async throws(CSIError) -> MountTable {
        try await withHostErrors { () async throws(HostError) in
            try await host.mounts.mountTable(of: MountSelection(paths: paths, sources: sources))
        }
    }

    private static func options(of request: PublishVolume) throws(CSIError) -> BindOptions {
        var options: BindOptions
        do throws(UnknownMountFlag) {
            options = try BindOptions(mountFlags: request.capability.mount?.flags ?? [])
        } catch {
            throw .invalid("volume_capability.mount.mount_flags", "cannot be used: \(error)")
        }
        if request.isReadOnly { options.insert(.readOnly) }
        return options
    }
}

extension VolumeStats.Usage {
    /// Figures that fit each other, from numbers that were read one after the other.
    /// - Parameters:
    ///   - used: What is taken.
    ///   - total: All there is.
    ///   - left: What the file system has left for everybody.
    ///   - isOwn: Whether the total is the volume's own.
    fileprivate init(used: Int64, of total: Int64, left: Int64, isOwn: Bool) {
        let free = isOwn ? max(0, total - used) : left
        self.init(available: max(0, min(free, left)), total: total, used: used)
    }
}

extension VolumeSupport.MountSupport {
    /// What bind-mounted directories accept: no file system by name, and the flags of a bind mount.
    public static let bindMounts = VolumeSupport.MountSupport(
        fileSystemTypes: [],
        flags: [
            "bind", "defaults", "noatime", "nodev", "nodiratime", "noexec", "nosuid", "nosymfollow", "relatime", "ro",
            "rw", "strictatime",
        ])
}
