public import CSICore
import CSIHost
import CSIPool
import Logging
import SystemPackage

extension BlockNode {
    /// Finds or attaches the device, makes a file system if there never was one, and mounts it; or notes where the raw device
    /// is staged.
    ///
    /// What is staged already with the same arguments is success; it grows where its device has grown.
    /// - Throws: ALREADY_EXISTS naming what differs when the volume is staged there in another way; FAILED_PRECONDITION when
    ///   what is on the device is not what must be there, or the volume is used elsewhere; INVALID_ARGUMENT for mount flags
    ///   that cannot be used.
    public func stage(_ request: StageVolume, _ volume: BlockVolume) async throws(CSIError) {
        let path = request.stagingPath.filePath
        let existing = try await devices.device(of: volume.id)
        let table = try await mountTable([path], of: existing.map { [$0] } ?? [])
        if let mounted = table.topmost(at: path) {
            return try await stageAgain(request, volume, mounted, existing)
        }
        if !request.capability.isBlock, existing != nil,
            try await staging.stagedBlock(of: volume.id)?.path == path.string
        {
            throw .alreadyExists(
                .publication(volume.id, request.stagingPath), differingIn: "access_type", existing: "block",
                requested: "mount")
        }
        guard let options = try volume.mountOptions(for: request.capability) else {
            return try await stageRaw(request, volume, existing, table)
        }
        try await stageMount(request, volume, options, existing)
    }

    /// Unmounts the file system and lets the device go; the absent is success.
    /// - Throws: FAILED_PRECONDITION while the volume is published, and when something else is mounted at the path: it stays.
    public func unstage(_ request: UnstageVolume) async throws(CSIError) {
        let path = request.stagingPath.filePath
        let devices = try await devices.devices(of: request.id)
        let table = try await mountTable([path], of: devices)
        for device in devices {
            let users = (table.mounts(of: device) + table.publications(of: device)).filter { $0.mountPoint != path }
            if let user = users.first {
                throw .inUse(.volume(request.id), by: "it is still published at \(user.mountPoint); unpublish it first")
            }
        }
        let stack = table.entries(at: path)
        if let top = stack.last {
            var isOurs = stack.contains { table.belongs($0, to: devices) }
            if !isOurs { isOurs = try await isOrphan(top) }
            guard isOurs else {
                throw .preconditionFailed(
                    "\(path) is a mount of \(top.origin), not of volume \"\(request.id)\"; it is left alone")
            }
            _ = try await withHostErrors { () async throws(HostError) in
                try await host.mounts.unmount(path, policy: Self.unmountPolicy)
            }
        }
        for device in devices { try await self.devices.detach(device, of: request.id, within: Self.detachLimit) }
        if try await staging.stagedBlock(of: request.id) != nil {
            try await staging.setStagedBlock(nil, of: request.id)
        }
        try await self.devices.forget(request.id)
    }

    /// A stage of what is staged.
    private func stageAgain(
        _ request: StageVolume, _ volume: BlockVolume, _ mounted: MountEntry, _ existing: VolumeDevice?
    ) async throws(CSIError) {
        guard let existing, mounted.shows(existing) else {
            throw .alreadyExists(
                .publication(volume.id, request.stagingPath), differingIn: "source",
                existing: "a mount of \(mounted.origin)", requested: "the device of the volume")
        }
        try requireSameAccess(request, mounted)
        guard let options = try volume.mountOptions(for: request.capability) else { return }
        try requireSame(mounted, options, request)
        let path = request.stagingPath.filePath
        try await grow(try await devices.refreshed(existing, of: volume.id), mountedAt: path, options)
        try await applyGroup(of: request.capability, at: path)
    }

    private func stageMount(
        _ request: StageVolume, _ volume: BlockVolume, _ options: FileSystemMountOptions, _ existing: VolumeDevice?
    ) async throws(CSIError) {
        let path = request.stagingPath.filePath
        let device: VolumeDevice
        var isNew = false
        if let existing {
            device = try await devices.refreshed(existing, of: volume.id)
        } else {
            isNew = try await formatImage(volume, options)
            device = try await devices.attach(volume, isReadOnly: false)
        }
        do throws(CSIError) {
            try await requireFit(device, volume, options, isAttached: existing != nil)
            let ready = try await prepared(device, volume, options, isNew: isNew)
            defer { ready.hold?.release() }
            try await mount(ready.device, of: volume.id, at: path, options)
            if !isNew { try await grow(ready.device, mountedAt: path, options) }
            try await applyGroup(of: request.capability, at: path)
        } catch {
            let isGone = await abandon(volume.id, path)
            guard isGone || !error.isFinal else {
                // Callers would forget what is still there.
                throw .pendingElsewhere("\(error.message); what was attached for it cannot be let go yet")
            }
            throw error
        }
    }

    private func requireFit(
        _ device: VolumeDevice, _ volume: BlockVolume, _ options: FileSystemMountOptions, isAttached: Bool
    ) async throws(CSIError) {
        try requireSize(device, volume)
        let table = try await mountTable([], of: [device])
        if !isAttached { try await requireUnpublished(device, volume.id, table) }
        if let other = table.mounts(of: device).first {
            throw .preconditionFailed(
                "volume \"\(volume.id)\" is mounted at \(other.mountPoint) already; unstage it there")
        }
        guard !device.isReadOnly || options.access != .readWrite else {
            throw .preconditionFailed(
                "volume \"\(volume.id)\" is attached read-only as \(device.path), and is to be written; detach it")
        }
    }

    /// Refuses a device that has just been made, and whose number pods have: another program took away the device that they were given, and
    /// what they have would now be this volume's.
    func requireUnpublished(_ device: VolumeDevice, _ id: VolumeID, _ table: MountTable) async throws(CSIError) {
        guard let stale = table.publications(of: device).first else { return }
        try await devices.detach(device, of: id, within: Self.detachLimit)
        throw .preconditionFailed(
            "\(device.path), the device for volume \"\(id)\", is still published at \(stale.mountPoint) for another volume, whose device "
                + "another program took away; unpublish it there")
    }

    func requireSize(_ device: VolumeDevice, _ volume: BlockVolume) throws(CSIError) {
        guard device.size >= volume.capacity else {
            throw .preconditionFailed(
                "\(device.path), the device of volume \"\(volume.id)\", has \(device.size) bytes, and the volume has "
                    + "\(volume.capacity): it is not the volume's device, or not yet as large")
        }
    }

    private func mount(
        _ device: VolumeDevice, of id: VolumeID, at path: FilePath, _ options: FileSystemMountOptions
    ) async throws(CSIError) {
        let entry: MountEntry
        do throws(HostError) {
            entry = try await host.fileSystems.mount(device.path, at: path, options: options, within: Self.mountLimit)
        } catch {
            if error.kind == .notFound {
                throw .preconditionFailed("the staging path \(path) does not exist; the caller makes it")
            }
            if error.kind == .alreadyExists, options.kind == .btrfs {
                throw .preconditionFailed(
                    "a Btrfs with the UUID of the one in volume \"\(id)\" is mounted already, its source or another copy, and "
                        + "Linux before 6.7 does not mount both: unstage the other one, or run a later kernel")
            }
            throw Self.stageError(error, of: id)
        }
        // Where nothing holds a device, it could have gone and come back as another one meanwhile.
        let isSame = device.loop != nil ? true : try await devices.device(of: id)?.isSame(as: device) == true
        guard !entry.shows(device) || !isSame else { return }
        _ = try? await host.mounts.unmount(path, policy: Self.unmountPolicy)
        throw .fault(
            "the kernel mounted \(entry.source) at \(path) where \(device.path) was asked for; it was unmounted")
    }

    /// Takes back what a stage that failed has attached and mounted; what does not go now goes with the next unstage.
    /// - Returns: Whether nothing of it is left. What is used elsewhere is not its own.
    private func abandon(_ id: VolumeID, _ path: FilePath) async -> Bool {
        do throws(CSIError) {
            for device in try await devices.devices(of: id) {
                let table = try await mountTable([path], of: [device])
                if table.topmost(at: path)?.shows(device) == true {
                    _ = try await withHostErrors { () async throws(HostError) in
                        try await host.mounts.unmount(path, policy: Self.unmountPolicy)
                    }
                } else if !(table.mounts(of: device) + table.publications(of: device)).isEmpty {
                    return true
                }
                try await devices.detach(device, of: id, within: .seconds(1))
            }
            try await devices.forget(id)
            return true
        } catch {
            logger.warning(
                "a volume that could not be staged is still attached",
                metadata: ["volume": "\(id)", "error": "\(error.message)"])
            return false
        }
    }

    /// Gives the root of the file system to a group, which then may write there; what is below keeps its owners.
    func applyGroup(of capability: VolumeCapability, at path: FilePath) async throws(CSIError) {
        guard !capability.mode.isReadOnly, let id = try capability.mount?.groupID() else { return }
        try await withHostErrors { () async throws(HostError) in
            let root = try await host.files.openDirectory(path)
            guard let metadata = try await root.metadata(of: "") else { return }
            let wanted = metadata.permissions.union([.groupReadWriteExecute, .setGroupID])
            if metadata.groupID != id { try await root.setOwner("", userID: nil, groupID: id) }
            if metadata.groupID != id || metadata.permissions != wanted { try await root.setPermissions("", wanted) }
        }
    }
}

/// What a repeated stage must have in common with the first.
extension BlockNode {
    private func requireSameAccess(_ request: StageVolume, _ mounted: MountEntry) throws(CSIError) {
        let publication = Resource.publication(request.id, request.stagingPath)
        guard let mount = request.capability.mount else {
            throw .alreadyExists(
                publication, differingIn: "access_type", existing: "mount of \(mounted.filesystemType)",
                requested: "block")
        }
        guard mount.fileSystemType.isEmpty || mount.fileSystemType == mounted.filesystemType else {
            throw .alreadyExists(
                publication, differingIn: "fs_type", existing: mounted.filesystemType, requested: mount.fileSystemType)
        }
    }

    private func requireSame(
        _ mounted: MountEntry, _ options: FileSystemMountOptions, _ request: StageVolume
    ) throws(CSIError) {
        var wanted = options.flags
        if options.access != .readWrite { wanted.insert(.readOnly) }
        let existing = mounted.bindOptions
        let publication = Resource.publication(request.id, request.stagingPath)
        guard existing == wanted else {
            let field = existing.contains(.readOnly) == wanted.contains(.readOnly) ? "mount_flags" : "access_mode"
            throw .alreadyExists(
                publication, differingIn: field, existing: "options \(existing)", requested: "options \(wanted)")
        }
        guard let option = options.difference(from: mounted) else { return }
        let isThere = mounted.superOptions.contains(option)
        throw .alreadyExists(
            publication, differingIn: "mount_flags", existing: isThere ? "with \(option)" : "without \(option)",
            requested: isThere ? "without it" : "with it")
    }
}

extension VolumeDevice {
    /// Whether it is the same attachment, whatever its size is by now.
    func isSame(as other: VolumeDevice) -> Bool { number == other.number && sequence == other.sequence }
}
