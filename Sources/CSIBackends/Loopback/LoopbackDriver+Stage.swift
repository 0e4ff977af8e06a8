public import CSICore
import CSIHost
import CSIPool
import Logging
import SystemPackage

extension LoopbackDriver: VolumeStaging, NodeHealthReporting, MountGroupApplying {
    /// How many volumes the node can publish, as the operator says.
    public var maximumVolumesPerNode: Int64 { configuration.maximumVolumesPerNode }

    /// How long the kernel may take to mount, the replay of a long journal included.
    private static let mountLimit = Duration.seconds(300)

    /// How long a device that is detached may still be held.
    static let detachLimit = Duration.seconds(10)

    /// How long the unmount of a staging path may take; its pods are gone by then.
    private static let unmountPolicy = UnmountPolicy.orderly(deadline: .seconds(10))

    /// Attaches the image, makes a file system if there never was one, and mounts it; or only attaches it, for raw block.
    public func stage(_ request: StageVolume) async throws(CSIError) {
        let lock = try await pool.lockImage(of: request.id)
        defer { lock.release() }
        // Read under the lock: a delete that was faster has taken the record away.
        guard let record = try await pool.record(request.id) else { throw .notFound(.volume(request.id)) }
        let traits = try VolumeTraits(record.attributes, of: .volume(record.id))
        let options = try traits.mountOptions(
            for: request.capability, of: record.id, isCopy: record.source != nil)
        let image = try await usableImage(of: record)
        guard let options else { return try await stageBlock(record, image, request) }
        try await stageMount(record, traits, image, options, request)
    }

    /// Unmounts the file system and detaches the device.
    public func unstage(_ request: UnstageVolume) async throws(CSIError) {
        let lock: (any HeldLock)? =
            try await pool.image(of: request.id) == nil ? nil : try await pool.lockImage(of: request.id)
        defer { lock?.release() }
        let path = request.stagingPath.filePath
        let devices = try await devices(of: request.id)
        let table = try await mountTable()
        for device in devices {
            let users = (table.mounts(of: device) + table.publications(of: device)).filter { $0.mountPoint != path }
            if let user = users.first {
                throw .inUse(.volume(request.id), by: "it is still published at \(user.mountPoint); unpublish it first")
            }
        }
        let stack = table.entries(at: path)
        if let top = stack.last {
            guard stack.contains(where: { belongs($0, to: devices) }) else {
                throw .preconditionFailed(
                    "\(path) is a mount of \(top.origin), not of volume \"\(request.id)\"; it is left alone")
            }
            _ = try await withHostErrors { () async throws(HostError) in
                try await host.mounts.unmount(path, policy: Self.unmountPolicy)
            }
        }
        for device in devices { try await detach(device) }
        if try await pool.stagedBlock(of: request.id) != nil { try await pool.setStagedBlock(nil, of: request.id) }
    }

    func detach(_ device: LoopDevice, within limit: Duration = Self.detachLimit) async throws(CSIError) {
        _ = try await withHostErrors { () async throws(HostError) in
            try await host.loops.detach(device, within: limit)
        }
    }

    func attach(_ id: VolumeID, isReadOnly: Bool) async throws(CSIError) -> LoopDevice {
        let (file, tree) = try pool.imageFile(of: id)
        do throws(HostError) {
            return try await host.loops.attach(
                file, in: tree, options: LoopOptions(name: id.rawValue, isReadOnly: isReadOnly))
        } catch {
            guard error.kind == .lockHeld else { throw CSIError(error) }
            throw .preconditionFailed("the image of volume \"\(id)\" is used by another program: \(error.description)")
        }
    }

    private func stageMount(
        _ record: VolumeRecord, _ traits: VolumeTraits, _ image: FileMetadata, _ options: FileSystemMountOptions,
        _ request: StageVolume
    ) async throws(CSIError) {
        let path = request.stagingPath.filePath
        let table = try await mountTable()
        let existing = try await soleDevice(showing: image, of: record.id)
        if let mounted = table.topmost(at: path) {
            guard let existing, mounted.shows(existing) else {
                throw .alreadyExists(
                    .publication(record.id, request.stagingPath), differingIn: "source",
                    existing: "a mount of \(mounted.origin)", requested: "the device of the volume")
            }
            try requireSame(mounted, options, request)
            try await grow(traits, try await refreshed(existing, image), mountedAt: path, options)
            return try await applyGroup(of: request.capability, at: path)
        }
        if let existing, let other = table.mounts(of: existing).first {
            throw .preconditionFailed(
                "volume \"\(record.id)\" is mounted at \(other.mountPoint) already; unstage it there")
        }
        if let existing, existing.isReadOnly {
            throw .preconditionFailed("volume \"\(record.id)\" is attached read-only as \(existing.path); detach it")
        }
        let device = try await attached(record, image, existing)
        do throws(CSIError) {
            let ready = try await prepared(device, record, traits, options)
            defer { ready.hold.release() }
            try await mount(ready.device, at: path, options)
            try await grow(traits, ready.device, mountedAt: path, options)
            try await applyGroup(of: request.capability, at: path)
        } catch {
            await abandon(record, image, path)
            throw error
        }
    }

    /// The device with the size that the image has now.
    private func attached(
        _ record: VolumeRecord, _ image: FileMetadata, _ existing: LoopDevice?
    ) async throws(CSIError) -> LoopDevice {
        guard let existing else { return try await attach(record.id, isReadOnly: false) }
        return try await refreshed(existing, image)
    }

    func refreshed(_ device: LoopDevice, _ image: FileMetadata) async throws(CSIError) -> LoopDevice {
        guard device.size < image.size else { return device }
        return try await withHostErrors { () async throws(HostError) in try await host.loops.refreshSize(of: device) }
    }

    private func mount(
        _ device: LoopDevice, at path: FilePath, _ options: FileSystemMountOptions
    ) async throws(CSIError) {
        let entry: MountEntry
        do throws(HostError) {
            entry = try await host.fileSystems.mount(device.path, at: path, options: options, within: Self.mountLimit)
        } catch {
            guard error.kind == .notFound else { throw CSIError(error) }
            throw .preconditionFailed("the staging path \(path) does not exist; the caller makes it")
        }
        guard !entry.shows(device) else { return }
        _ = try? await host.mounts.unmount(path, policy: Self.unmountPolicy)
        throw .fault(
            "the kernel mounted \(entry.source) at \(path) where \(device.path) was asked for; it was unmounted")
    }

    /// Takes back what a stage that failed has attached and mounted; what does not go now goes with the next unstage.
    private func abandon(_ record: VolumeRecord, _ image: FileMetadata, _ path: FilePath) async {
        do throws(CSIError) {
            for device in try await devices(showing: image) {
                if try await mountTable().topmost(at: path)?.shows(device) == true {
                    _ = try await withHostErrors { () async throws(HostError) in
                        try await host.mounts.unmount(path, policy: Self.unmountPolicy)
                    }
                }
                try await detach(device, within: .seconds(1))
            }
        } catch {
            logger.warning(
                "a volume that could not be staged is still attached",
                metadata: ["volume": "\(record.id)", "error": "\(error.message)"])
        }
    }

    private func requireSame(
        _ mounted: MountEntry, _ options: FileSystemMountOptions, _ request: StageVolume
    ) throws(CSIError) {
        var wanted = options.flags
        if options.access != .readWrite { wanted.insert(.readOnly) }
        guard mounted.bindOptions != wanted else { return }
        throw .alreadyExists(
            .publication(request.id, request.stagingPath), differingIn: "mount_flags",
            existing: "options \(mounted.bindOptions)", requested: "options \(wanted)")
    }

    /// Gives the root of the file system to a group, which then may write there; what is below keeps its owners.
    private func applyGroup(of capability: VolumeCapability, at path: FilePath) async throws(CSIError) {
        guard let group = capability.mount?.group, !group.isEmpty, !capability.mode.isReadOnly else { return }
        guard let id = UInt32(group), id != .max else {
            throw .invalid("volume_capability.mount.volume_mount_group", "must be a number, and is \"\(group)\"")
        }
        try await withHostErrors { () async throws(HostError) in
            let root = try await host.files.openDirectory(path)
            guard let metadata = try await root.metadata(of: "") else { return }
            let wanted = metadata.permissions.union([.groupReadWriteExecute, .setGroupID])
            if metadata.groupID != id { try await root.setOwner("", userID: nil, groupID: id) }
            if metadata.groupID != id || metadata.permissions != wanted { try await root.setPermissions("", wanted) }
        }
    }
}
