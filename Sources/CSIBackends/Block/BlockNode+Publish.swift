public import CSICore
import CSIHost
import CSIPool
import SystemPackage

extension BlockNode {
    /// Bind-mounts what is staged at the target, if it is this volume's device that is staged; or the raw device's node.
    ///
    /// Read-only from its first moment where that is asked for. The same volume with the same arguments at the target is
    /// success.
    /// - Throws: FAILED_PRECONDITION when the volume is not staged at the staging path, and for a second target of a volume
    ///   with a single writer; ALREADY_EXISTS naming what differs when something else is mounted at the target.
    public func publish(_ request: PublishVolume, _ volume: BlockVolume) async throws(CSIError) {
        guard let options = try volume.mountOptions(for: request.capability) else {
            return try await publishRaw(request, volume)
        }
        let table = try await mountTable()
        guard let staging = request.stagingPath?.filePath, let staged = table.topmost(at: staging),
            let device = try await devices.device(of: volume.id), staged.shows(device)
        else { throw notStaged(volume.id, request.stagingPath) }
        var bind = options.flags
        if request.isReadOnly || options.access != .readWrite { bind.insert(.readOnly) }
        let target = request.target.filePath
        if let mounted = table.topmost(at: target) {
            return try request.requireSame(as: mounted, of: staged.origin, bind.inheriting(staged.bindOptions))
        }
        if request.capability.mode.allowsOneTargetOnly,
            let other = table.mounts(of: device).first(where: { $0.mountPoint != staging })
        {
            throw secondTarget(volume.id, other, request.capability.mode)
        }
        let made = try await PublishTarget(request.target, on: host).bind(staging, options: bind)
        guard made.origin != staged.origin else { return }
        // Something else was mounted over the staging path in this moment.
        try? await PublishTarget(request.target, on: host).unmount()
        throw notStaged(volume.id, request.stagingPath)
    }

    /// Unmounts whatever shows the volume at the target and removes the mount point; the absent is success.
    /// - Throws: FAILED_PRECONDITION when something else is mounted there, or files lie under the mount point: both stay.
    public func unpublish(_ request: UnpublishVolume) async throws(CSIError) {
        let target = request.target.filePath
        let table = try await mountTable()
        let stack = table.entries(at: target)
        if let top = stack.last {
            let devices = try await devices.devices(of: request.id)
            var isOurs = stack.contains { table.belongs($0, to: devices) }
            if !isOurs { isOurs = try await isOrphan(top, in: table) }
            guard isOurs else {
                throw .preconditionFailed(
                    "\(target) is a mount of \(top.origin), not of volume \"\(request.id)\"; it is left alone")
            }
            try await PublishTarget(request.target, on: host).unmount()
        }
        try await PublishTarget(request.target, on: host).remove(of: request.id)
    }
}
