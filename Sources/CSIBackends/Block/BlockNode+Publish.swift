public import CSICore
import CSIHost
import CSIPool
import SystemPackage

extension BlockNode {
    /// Bind-mounts what is staged at the target, if it is this volume's device that is staged; or the raw device's node.
    ///
    /// Read-only from its first moment where that is asked for. Where it can be written, the group that is asked for gets the root of
    /// the file system, as at a stage. The same volume with the same arguments at the target is
    /// success.
    /// - Throws: FAILED_PRECONDITION when the volume is not staged at the staging path, and for a second target of a volume
    ///   with a single writer; ALREADY_EXISTS naming what differs when something else is mounted at the target.
    public func publish(_ request: PublishVolume, _ volume: BlockVolume) async throws(CSIError) {
        guard let options = try volume.mountOptions(for: request.capability) else {
            return try await publishRaw(request, volume)
        }
        let target = request.target.filePath
        guard let staging = request.stagingPath?.filePath, let device = try await devices.device(of: volume.id) else {
            throw notStaged(volume.id, request.stagingPath)
        }
        let isExclusive = request.capability.mode.allowsOneTargetOnly
        let table = try await mountTable([staging, target], of: isExclusive ? [device] : [])
        guard let staged = table.topmost(at: staging), staged.shows(device) else {
            throw notStaged(volume.id, request.stagingPath)
        }
        var bind = options.flags
        if request.isReadOnly || options.access != .readWrite { bind.insert(.readOnly) }
        if let mounted = table.topmost(at: target) {
            return try request.requireSame(as: mounted, of: staged.origin, bind.inheriting(staged.bindOptions))
        }
        if isExclusive,
            let other = table.mounts(of: device).first(where: { $0.mountPoint != staging })
        {
            throw secondTarget(volume.id, other, request.capability.mode)
        }
        // Each pod may come with a group of its own; the volume was staged for the first of them.
        if !bind.contains(.readOnly), !staged.isReadOnly { try await applyGroup(of: request.capability, at: staging) }
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
        if try await mountTable([target]).topmost(at: target) != nil {
            let devices = try await devices.devices(of: request.id)
            let table = try await mountTable([target] + devices.map(\.path))
            let stack = table.entries(at: target)
            guard let top = stack.last else {
                return try await PublishTarget(request.target, on: host).remove(of: request.id)
            }
            var isOurs = stack.contains { table.belongs($0, to: devices) }
            if !isOurs { isOurs = try await isOrphan(top) }
            guard isOurs else {
                throw .preconditionFailed(
                    "\(target) is a mount of \(top.origin), not of volume \"\(request.id)\"; it is left alone")
            }
            try await PublishTarget(request.target, on: host).unmount()
        }
        try await PublishTarget(request.target, on: host).remove(of: request.id)
    }
}
