import CSICore
import CSIHost
import CSIPool
import SystemPackage

/// Raw block volumes: the device itself is what a pod sees.
extension BlockNode {
    func stageRaw(
        _ request: StageVolume, _ volume: BlockVolume, _ existing: VolumeDevice?, _ table: MountTable
    ) async throws(CSIError) {
        let path = request.stagingPath.description
        let staged = try await staging.stagedBlock(of: volume.id)
        if existing != nil, let staged, staged.path != path {
            throw .preconditionFailed("volume \"\(volume.id)\" is staged at \(staged.path) already; unstage it there")
        }
        if let existing, let mount = table.mounts(of: existing).first {
            throw .preconditionFailed(
                "volume \"\(volume.id)\" is mounted at \(mount.mountPoint) already; unstage it there")
        }
        // The note comes first: a device without one is a leftover that the next start detaches.
        if staged != StagedBlock(path: path) {
            try await staging.setStagedBlock(StagedBlock(path: path), of: volume.id)
        }
        guard let existing else {
            let device = try await devices.attach(volume, isReadOnly: request.capability.mode.isReadOnly)
            try await requireUnpublished(device, volume.id, try await mountTable([], of: [device]))
            try requireSize(device, volume)
            _ = try await devices.configured(device, for: volume)
            return
        }
        let grown = try await devices.refreshed(existing, of: volume.id)
        try requireSize(grown, volume)
        _ = try await devices.configured(grown, for: volume)
    }

    func publishRaw(_ request: PublishVolume, _ volume: BlockVolume) async throws(CSIError) {
        guard let staged = try await staging.stagedBlock(of: volume.id),
            staged.path == request.stagingPath?.description
        else { throw notStaged(volume.id, request.stagingPath) }
        let existing = try await devices.device(of: volume.id)
        guard existing != nil || staged.isChanging else { throw notStaged(volume.id, request.stagingPath) }
        let table = try await mountTable([request.target.filePath], of: existing.map { [$0] } ?? [])
        let publications = existing.map { table.publications(of: $0) } ?? []
        if let mounted = table.topmost(at: request.target.filePath) {
            return try requireSame(mounted, existing, publications, request, isReadOnly: request.isReadOnly)
        }
        try requireSharable(publications, existing, volume, request, isReadOnly: request.isReadOnly)
        let device = try await device(existing, of: volume, staged, isReadOnly: request.isReadOnly)
        if !request.isReadOnly { try await removeMark(from: device, of: volume.id) }
        let held = try await devices.hold(device)
        defer { held?.release() }
        try await PublishTarget(request.target, on: host).bind(
            device.path, kind: .regular, options: request.isReadOnly ? .readOnly : [])
    }

    /// The device, exchanged for one that can or cannot be written where that is asked for; nobody sees it yet.
    private func device(
        _ existing: VolumeDevice?, of volume: BlockVolume, _ staged: StagedBlock, isReadOnly: Bool
    ) async throws(CSIError) -> VolumeDevice {
        if let existing, existing.isReadOnly == isReadOnly {
            if staged.isChanging { try await staging.setStagedBlock(StagedBlock(path: staged.path), of: volume.id) }
            return existing
        }
        let changing = StagedBlock(path: staged.path, isChanging: true)
        if staged != changing { try await staging.setStagedBlock(changing, of: volume.id) }
        let device: VolumeDevice
        if let existing {
            device = try await devices.reattached(existing, of: volume, isReadOnly: isReadOnly)
        } else {
            device = try await devices.attach(volume, isReadOnly: isReadOnly)
        }
        try await requireUnpublished(device, volume.id, try await mountTable([], of: [device]))
        try await staging.setStagedBlock(StagedBlock(path: staged.path), of: volume.id)
        return device
    }

    /// Whether another target may be added to those that there are.
    func requireSharable(
        _ publications: [MountEntry], _ existing: VolumeDevice?, _ volume: BlockVolume, _ request: PublishVolume,
        isReadOnly: Bool
    ) throws(CSIError) {
        guard let other = publications.first else { return }
        guard !request.capability.mode.allowsOneTargetOnly else {
            throw secondTarget(volume.id, other, request.capability.mode)
        }
        guard existing?.isReadOnly == isReadOnly else {
            throw .preconditionFailed(
                "volume \"\(volume.id)\" is published \(isReadOnly ? "writable" : "read-only") at "
                    + "\(other.mountPoint); a block device is read-only for all or for none")
        }
    }

    func requireSame(
        _ mounted: MountEntry, _ device: VolumeDevice?, _ publications: [MountEntry], _ request: PublishVolume,
        isReadOnly: Bool
    ) throws(CSIError) {
        let publication = Resource.publication(request.id, request.target)
        guard publications.contains(mounted) else {
            throw .alreadyExists(
                publication, differingIn: "source", existing: "\(mounted.origin)",
                requested: device?.path.string ?? "the device of the volume")
        }
        guard mounted.bindOptions.contains(.readOnly) == isReadOnly else {
            throw .alreadyExists(
                publication, differingIn: "readonly", existing: "\(!isReadOnly)", requested: "\(isReadOnly)")
        }
    }
}
