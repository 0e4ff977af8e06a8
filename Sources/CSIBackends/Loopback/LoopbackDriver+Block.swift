import CSICore
import CSIHost
import CSIPool
import SystemPackage

/// Raw block volumes: the device itself is what a pod sees.
extension LoopbackDriver {
    func stageBlock(_ record: VolumeRecord, _ image: FileMetadata, _ request: StageVolume) async throws(CSIError) {
        let path = request.stagingPath.description
        let existing = try await soleDevice(showing: image, of: record.id)
        let staged = try await pool.stagedBlock(of: record.id)
        if existing != nil, let staged, staged.path != path {
            throw .preconditionFailed("volume \"\(record.id)\" is staged at \(staged.path) already; unstage it there")
        }
        // The note comes first: a device without one is a leftover that the next start detaches.
        if staged != StagedBlock(path: path) { try await pool.setStagedBlock(StagedBlock(path: path), of: record.id) }
        if let existing {
            _ = try await refreshed(existing, image)
        } else {
            _ = try await attach(record.id, isReadOnly: request.capability.mode.isReadOnly)
        }
    }

    func publishBlock(_ record: VolumeRecord, _ image: FileMetadata, _ request: PublishVolume) async throws(CSIError) {
        let lock = try await pool.lockImage(of: record.id)
        defer { lock.release() }
        guard let staged = try await pool.stagedBlock(of: record.id),
            staged.path == request.stagingPath?.description
        else { throw notStaged(record.id, request.stagingPath) }
        let existing = try await soleDevice(showing: image, of: record.id)
        guard existing != nil || staged.isChanging else { throw notStaged(record.id, request.stagingPath) }
        let table = try await mountTable()
        let publications = existing.map { table.publications(of: $0) } ?? []
        let target = request.target.filePath
        if let mounted = table.topmost(at: target) {
            return try requireSame(mounted, existing, publications, request)
        }
        if let other = publications.first {
            guard !request.capability.mode.allowsOneTargetOnly else {
                throw secondTarget(record.id, other, request.capability.mode)
            }
            guard existing?.isReadOnly == request.isReadOnly else {
                throw .preconditionFailed(
                    "volume \"\(record.id)\" is published \(request.isReadOnly ? "writable" : "read-only") at "
                        + "\(other.mountPoint); a block device is read-only for all or for none")
            }
        }
        let device = try await device(existing, of: record.id, staged, isReadOnly: request.isReadOnly)
        let held = try await hold(device)
        defer { held.release() }
        try await PublishTarget(request.target, on: host).bind(
            device.path, kind: .regular, options: request.isReadOnly ? .readOnly : [])
    }

    /// The device, exchanged for one that can or cannot be written where that is asked for; nobody sees it yet.
    private func device(
        _ existing: LoopDevice?, of id: VolumeID, _ staged: StagedBlock, isReadOnly: Bool
    ) async throws(CSIError) -> LoopDevice {
        if let existing, existing.isReadOnly == isReadOnly {
            if staged.isChanging { try await pool.setStagedBlock(StagedBlock(path: staged.path), of: id) }
            return existing
        }
        let changing = StagedBlock(path: staged.path, isChanging: true)
        if staged != changing { try await pool.setStagedBlock(changing, of: id) }
        if let existing { try await detach(existing) }
        let device = try await attach(id, isReadOnly: isReadOnly)
        try await pool.setStagedBlock(StagedBlock(path: staged.path), of: id)
        return device
    }

    private func requireSame(
        _ mounted: MountEntry, _ device: LoopDevice?, _ publications: [MountEntry], _ request: PublishVolume
    ) throws(CSIError) {
        let publication = Resource.publication(request.id, request.target)
        guard publications.contains(mounted) else {
            throw .alreadyExists(
                publication, differingIn: "source", existing: "\(mounted.origin)",
                requested: device?.path.string ?? "the device of the volume")
        }
        guard mounted.bindOptions.contains(.readOnly) == request.isReadOnly else {
            throw .alreadyExists(
                publication, differingIn: "readonly", existing: "\(!request.isReadOnly)",
                requested: "\(request.isReadOnly)")
        }
    }
}
