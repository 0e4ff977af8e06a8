public import CSICore
import CSIHost
import SystemPackage

/// What a Node service does with the volumes of a pool: each is a directory that is bind-mounted where a pod wants it.
///
/// Whether a target is published is read from the kernel's mount table, never remembered.
extension VolumePool {
    /// How long an unmount may take before the mount is detached.
    ///
    /// A bind mount of a local directory goes at once unless a process still holds a file in it; such a process keeps its
    /// file after the detach, and the volume's data stays where it is.
    private static let unmountPolicy = UnmountPolicy.detaching(after: .seconds(2))

    /// The mount point itself; what a pod sees is the mode of the volume's directory.
    private static let targetPermissions = FilePermissions(rawValue: 0o750)

    /// Bind-mounts the volume's directory at the target, read-only from its first moment where that is asked for.
    ///
    /// The same volume with the same arguments at the target is success.
    /// - Throws: NOT_FOUND for an unknown volume; ALREADY_EXISTS naming what differs when something else is mounted there;
    ///   FAILED_PRECONDITION for a second target of a volume with a single writer, and when the volume's directory or the
    ///   target's parent is missing; INVALID_ARGUMENT for a mount flag that a bind mount does not have.
    public func publish(_ request: PublishVolume) async throws(CSIError) {
        guard let record = try await record(request.id), let data = dataPath(of: record.id) else {
            throw .notFound(.volume(request.id))
        }
        guard try await hasData(record.id) else {
            throw .preconditionFailed("volume \"\(record.id)\" has lost its directory \"\(data)\"")
        }
        let options = try Self.options(of: request)
        let table = try await mountTable()
        guard let origin = table.origin(of: data), let poolMount = table.mountPoint(containing: data) else {
            throw .fault("the mount table does not show the mount that \"\(data)\" lies on")
        }
        let target = request.target.filePath
        if let mounted = table.topmost(at: target) {
            return try requireSame(mounted, origin, options.inheriting(poolMount.bindOptions), request)
        }
        if request.capability.mode.allowsOneTargetOnly,
            let other = table.mounts(showing: origin).first(where: { shows($0, dataOf: record.id) })
        {
            throw .preconditionFailed(
                "volume \"\(record.id)\" is published at \(other.mountPoint), and its access mode "
                    + "\(request.capability.mode) allows one target only")
        }
        try await mount(data, at: target, options)
    }

    /// Unmounts whatever shows the volume at the target and removes the mount point; the absent is success.
    /// - Throws: FAILED_PRECONDITION when something else is mounted there, or files lie under the mount point: both stay.
    public func unpublish(_ request: UnpublishVolume) async throws(CSIError) {
        let target = request.target.filePath
        let stack = try await mountTable().entries(at: target)
        if let top = stack.last {
            guard stack.contains(where: { shows($0, dataOf: request.id) }) else {
                throw .preconditionFailed(
                    "\(target) is a mount of \(top.origin), not of volume \"\(request.id)\"; it is left alone")
            }
            _ = try await withHostErrors { () async throws(HostError) in
                try await host.mounts.unmount(target, policy: Self.unmountPolicy)
            }
        }
        do throws(HostError) {
            try await host.files.removeMountPoint(target)
        } catch {
            guard error.kind == .notEmpty else { throw CSIError(error) }
            throw .preconditionFailed(
                "\(target) holds files that are not of volume \"\(request.id)\"; look at them and remove them")
        }
    }

    /// The figures of the file system that the volume shares, and whether the volume is well.
    /// - Throws: NOT_FOUND when the volume is unknown or not mounted at that path.
    public func stats(_ request: GetVolumeStats) async throws(CSIError) -> VolumeStats {
        guard let record = try await record(request.id) else { throw .notFound(.volume(request.id)) }
        let path = request.path.filePath
        guard let mounted = try await mountTable().topmost(at: path), shows(mounted, dataOf: record.id) else {
            throw .notFound(.publication(record.id, request.path), "nothing of it is mounted there")
        }
        let room = try await withHostErrors { () async throws(HostError) in try await host.files.capacity(of: path) }
        let condition: VolumeCondition =
            mounted.isRootDeleted
            ? .abnormal("the volume's directory was removed while it was published at \(path)")
            : try await condition(of: record.id)
        let inodes = VolumeStats.Usage(
            available: room.availableInodes, total: room.totalInodes, used: room.usedInodes)
        return VolumeStats(
            bytes: .init(available: room.availableBytes, total: room.totalBytes, used: room.usedBytes),
            inodes: room.totalInodes > 0 ? inodes : nil, condition: condition)
    }

    /// Whether the directory that pods see is there.
    public func condition(of id: VolumeID) async throws(CSIError) -> VolumeCondition {
        try await hasData(id)
            ? .normal : .abnormal("the directory \(dataPath(of: id)?.string ?? "of the volume") is gone")
    }

    /// Refuses while the volume is published anywhere, as far as this process's mount namespace can tell.
    /// - Throws: FAILED_PRECONDITION naming a target.
    public func requireUnpublished(_ id: VolumeID) async throws(CSIError) {
        let table = try await mountTable()
        guard let data = dataPath(of: id), let origin = table.origin(of: data) else { return }
        // The mount of the pool itself shows the directory too, when the pool's file system begins in it.
        let users = table.mounts(showing: origin).filter { shows($0, dataOf: id) }.map(\.mountPoint)
        guard let first = users.first else { return }
        throw .inUse(.volume(id), by: "published at \(first)\(users.count > 1 ? " and elsewhere" : "")")
    }

    private func mount(_ data: FilePath, at target: FilePath, _ options: BindOptions) async throws(CSIError) {
        let made: Bool
        do throws(HostError) {
            made = try await host.files.createMountPoint(
                target, kind: .directory, permissions: Self.targetPermissions)
        } catch {
            guard error.kind == .notFound else { throw CSIError(error) }
            throw .preconditionFailed("the directory that shall hold \(target) does not exist; the caller makes it")
        }
        do throws(HostError) {
            try await host.mounts.bindMount(source: data, at: target, options: options)
        } catch {
            // Nothing is mounted; the mount point goes as well, if it was not there before.
            if made { _ = try? await host.files.removeMountPoint(target) }
            throw CSIError(error)
        }
    }

    private func requireSame(
        _ mounted: MountEntry, _ origin: MountOrigin, _ options: BindOptions, _ request: PublishVolume
    ) throws(CSIError) {
        let publication = Resource.publication(request.id, request.target)
        guard mounted.origin == origin else {
            throw .alreadyExists(
                publication, differingIn: "source", existing: "\(mounted.origin)", requested: "\(origin)")
        }
        let existing = mounted.bindOptions
        guard existing != options else { return }
        let field = existing.contains(.readOnly) == options.contains(.readOnly) ? "mount_flags" : "readonly"
        throw .alreadyExists(
            publication, differingIn: field, existing: "options \(existing)", requested: "options \(options)")
    }

    private func mountTable() async throws(CSIError) -> MountTable {
        try await withHostErrors { () async throws(HostError) in try await host.mounts.mountTable() }
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

extension VolumeSupport.MountSupport {
    /// What bind-mounted directories accept: no file system by name, and the flags of a bind mount.
    public static let bindMounts = VolumeSupport.MountSupport(
        fileSystemTypes: [],
        flags: [
            "bind", "defaults", "noatime", "nodev", "nodiratime", "noexec", "nosuid", "nosymfollow", "relatime", "ro",
            "rw", "strictatime",
        ])
}
