public import CSICore
import CSIHost
import CSIPool
import SystemPackage

/// Raw block volumes of drivers without a staging step: the device comes with the first target and goes with the last.
///
/// Nothing is noted: a device that is published nowhere is a leftover, and the next call or start takes it away.
extension BlockNode {
    /// Attaches the device where it is not, and binds its node at the target; the same volume with the same arguments there is
    /// success.
    /// - Throws: ALREADY_EXISTS naming what differs when something else is mounted at the target; FAILED_PRECONDITION for a
    ///   second target of a volume with a single writer, or one that is read-only where the first is not.
    public func publishUnstaged(_ request: PublishVolume, _ volume: BlockVolume) async throws(CSIError) {
        if let refusal = volume.refusal(of: request.capability) {
            throw .preconditionFailed("volume \"\(volume.id)\" cannot be used that way: \(refusal)")
        }
        let isReadOnly = request.isReadOnly || request.capability.mode.isReadOnly
        let existing = try await devices.device(of: volume.id)
        let table = try await mountTable([request.target.filePath], of: existing.map { [$0] } ?? [])
        let publications = existing.map { table.publications(of: $0) } ?? []
        if let mounted = table.topmost(at: request.target.filePath) {
            return try requireSame(mounted, existing, publications, request, isReadOnly: isReadOnly)
        }
        try requireSharable(publications, existing, volume, request, isReadOnly: isReadOnly)
        let device: VolumeDevice
        if let existing, existing.isReadOnly == isReadOnly {
            device = try await devices.refreshed(existing, of: volume.id)
        } else if let existing {
            device = try await devices.reattached(existing, of: volume, isReadOnly: isReadOnly)
        } else {
            device = try await devices.attach(volume, isReadOnly: isReadOnly)
        }
        do throws(CSIError) {
            try requireSize(device, volume)
            if !isReadOnly { try await removeMark(from: device, of: volume.id) }
            let device = try await devices.configured(device, for: volume)
            let held = try await devices.hold(device)
            defer { held?.release() }
            try await PublishTarget(request.target, on: host).bind(
                device.path, kind: .regular, options: isReadOnly ? .readOnly : [])
        } catch {
            if publications.isEmpty { try? await devices.detach(device, of: volume.id, within: .seconds(1)) }
            throw error
        }
    }

    /// Unmounts the volume at the target, removes the mount point, and lets the device go that is published nowhere else.
    /// - Throws: FAILED_PRECONDITION when something else is mounted there: it stays.
    public func unpublishUnstaged(_ request: UnpublishVolume) async throws(CSIError) {
        try await unpublish(request)
        let found = try await devices.devices(of: request.id)
        let table = try await mountTable([], of: found)
        for device in found {
            guard table.publications(of: device).isEmpty, table.mounts(of: device).isEmpty else { return }
            try await devices.detach(device, of: request.id, within: Self.detachLimit)
        }
        try await devices.forget(request.id)
    }
}
