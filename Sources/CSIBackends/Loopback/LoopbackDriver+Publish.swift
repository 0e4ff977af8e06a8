public import CSICore
import CSIHost
import CSIPool
import SystemPackage

extension LoopbackDriver: VolumePublishing {
    /// Bind-mounts what is staged at the target, if it is this volume's device that is staged; read-only from its first
    /// moment where that is asked for.
    public func publish(_ request: PublishVolume) async throws(CSIError) {
        guard let record = try await pool.record(request.id) else { throw .notFound(.volume(request.id)) }
        let traits = try VolumeTraits(record.attributes, of: .volume(record.id))
        let options = try traits.mountOptions(
            for: request.capability, of: record.id, isCopy: record.source != nil)
        let image = try await usableImage(of: record)
        guard let options else { return try await publishBlock(record, image, request) }
        let table = try await mountTable()
        guard let staging = request.stagingPath?.filePath, let staged = table.topmost(at: staging),
            let device = try await soleDevice(showing: image, of: record.id), staged.shows(device)
        else { throw notStaged(record.id, request.stagingPath) }
        var bind = options.flags
        if request.isReadOnly || options.access != .readWrite { bind.insert(.readOnly) }
        let target = request.target.filePath
        if let mounted = table.topmost(at: target) {
            return try request.requireSame(as: mounted, of: staged.origin, bind.inheriting(staged.bindOptions))
        }
        if request.capability.mode.allowsOneTargetOnly,
            let other = table.mounts(of: device).first(where: { $0.mountPoint != staging })
        {
            throw secondTarget(record.id, other, request.capability.mode)
        }
        let made = try await PublishTarget(request.target, on: host).bind(staging, options: bind)
        guard made.origin != staged.origin else { return }
        // Something else was mounted over the staging path in this moment.
        try? await PublishTarget(request.target, on: host).unmount()
        throw notStaged(record.id, request.stagingPath)
    }

    /// Unmounts whatever shows the volume at the target and removes the mount point.
    public func unpublish(_ request: UnpublishVolume) async throws(CSIError) {
        let target = request.target.filePath
        let table = try await mountTable()
        let stack = table.entries(at: target)
        if let top = stack.last {
            let devices = try await devices(of: request.id)
            var isOurs = stack.contains { belongs($0, to: devices, in: table) }
            if !isOurs { isOurs = try await isOrphan(top, in: table) }
            guard isOurs else {
                throw .preconditionFailed(
                    "\(target) is a mount of \(top.origin), not of volume \"\(request.id)\"; it is left alone")
            }
            try await PublishTarget(request.target, on: host).unmount()
        }
        try await PublishTarget(request.target, on: host).remove(of: request.id)
    }

    func notStaged(_ id: VolumeID, _ path: AbsolutePath?) -> CSIError {
        .preconditionFailed(
            "volume \"\(id)\" is not staged at \(path?.description ?? "any path"): what is there is not its device; stage it "
                + "first")
    }

    func secondTarget(_ id: VolumeID, _ other: MountEntry, _ mode: AccessMode) -> CSIError {
        .preconditionFailed(
            "volume \"\(id)\" is published at \(other.mountPoint), and its access mode \(mode) allows one target only")
    }
}

/// Whose a mount is.
extension LoopbackDriver {
    /// Whether a mount shows one of the devices, as a file system or as the device itself.
    func belongs(_ entry: MountEntry, to devices: [LoopDevice], in table: MountTable? = nil) -> Bool {
        devices.contains { device in
            entry.shows(device) || table?.origin(of: device.path) == entry.origin
        }
    }

    /// Whether a mount shows the node of a loop device that has no file any more, or that is gone altogether: nobody can say
    /// whose it was, and nobody can use it.
    func isOrphan(_ entry: MountEntry, in table: MountTable) async throws(CSIError) -> Bool {
        guard entry.device == table.mountPoint(containing: "/dev/loop-control")?.device else { return false }
        guard !entry.isRootDeleted else { return true }
        guard let name = entry.root.lastComponent, name.string.hasPrefix("loop"),
            table.origin(of: FilePath("/dev").appending(name)) == entry.origin
        else { return false }
        let devices = try await withHostErrors { () async throws(HostError) in try await host.loops.list() }
        return !devices.contains { $0.path.lastComponent == name }
    }
}
