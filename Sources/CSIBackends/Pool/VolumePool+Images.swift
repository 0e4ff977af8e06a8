public import CSICore
public import CSIHost
public import SystemPackage

/// What a new image is filled with.
public struct ImageOrigin: Sendable {
    /// Whose image is copied.
    public enum Source: Sendable, Hashable {
        /// Nobody's: zeros.
        case zeros
        /// A volume's.
        case volume(VolumeID)
        /// A snapshot's.
        case snapshot(SnapshotID)
    }

    /// Whose image is copied.
    public var source: Source

    /// Whether the copy may share the blocks of the source.
    public var sharing: CopyOptions.Sharing

    /// Where the file system in the source is mounted, whose writers are held back for the copy; nil for nowhere.
    public var freezing: FilePath?

    /// The pool that the source lies in; nil for the one that the copy is made in.
    public var pool: VolumePool?

    /// The lock of the source, released as soon as the copy needs it no more; nil when the caller alone releases it.
    public var lock: (any HeldLock)?

    /// Creates an origin.
    public init(
        _ source: Source, in pool: VolumePool? = nil, sharing: CopyOptions.Sharing = .preferred,
        freezing: FilePath? = nil
    ) {
        self.source = source
        self.pool = pool
        self.sharing = sharing
        self.freezing = freezing
    }

    /// The volume that is in use, so that its image is copied in one moment or not at all; nil for anything else.
    var volumeInUse: VolumeID? {
        if case .volume(let id) = source, sharing == .required { id } else { nil }
    }
}

/// Volumes that are images, and what belongs to an image.
extension VolumePool {
    /// Images are read and written by the kernel alone.
    static let imagePermissions = FilePermissions(rawValue: 0o600)

    /// The sector size of the devices that show images.
    private static let sector: Int64 = 4096

    /// Makes an image volume durable: when it returns, the volume survives a crash; when it throws, nothing is left.
    ///
    /// The caller holds the volume's key, and nobody removes the source meanwhile.
    public func addImage(_ record: VolumeRecord, from origin: ImageOrigin) async throws(CSIError) {
        let tree = try tree()
        let allocation: FileAllocation = record.isThick ? .allocated : .sparse
        try await commit(record, in: tree) { (partial) async throws(CSIError) in
            let image = PoolLayout.image(in: partial)
            if let source = (origin.pool ?? self).directory(of: origin) {
                try await inTurn(record, origin, in: tree) { () async throws(CSIError) in
                    try await fillImage(image, from: source, in: partial, record, origin, in: tree)
                }
            } else {
                try await withHostErrors { () async throws(HostError) in
                    try await tree.createFile(
                        image, size: record.capacity, allocation: allocation, permissions: Self.imagePermissions)
                }
            }
            try await withHostErrors { () async throws(HostError) in
                try await tree.createFile(
                    PoolLayout.volumeLock(in: partial), size: 0, allocation: .sparse,
                    permissions: Self.imagePermissions)
            }
        }
        remember(record)
    }

    /// What the image of a volume is; nil when the file is gone.
    public func image(of id: VolumeID) async throws(CSIError) -> FileMetadata? {
        guard let component = id.pathComponent else { return nil }
        let tree = try tree()
        return try await withHostErrors { () async throws(HostError) in
            try await tree.metadata(of: PoolLayout.image(in: PoolLayout.volume(component)))
        }
    }

    /// What the images of many volumes are, which costs a fraction of asking for each; nil for each whose file is gone, and
    /// a failure for each that cannot be looked at.
    public func images(
        of volumes: [VolumeSummary]
    ) async throws(CSIError) -> [Result<FileMetadata?, HostError>] {
        try await metadata(of: PoolLayout.imageName, inEachOf: volumes)
    }

    /// The image of a volume, relative to the pool, with the pool's directory: for attaching it.
    public func imageFile(of id: VolumeID) throws(CSIError) -> (path: FilePath, tree: any DirectoryTree) {
        guard let component = id.pathComponent else { throw .notFound(.volume(id)) }
        return (PoolLayout.image(in: PoolLayout.volume(component)), try tree())
    }

    /// The image of a volume, absolute, for messages.
    public func imagePath(of id: VolumeID) -> FilePath {
        path.pushing(PoolLayout.image(in: PoolLayout.volume(id.pathComponent ?? "?")))
    }

    /// Makes the image at least as large, durably; one that is larger, as growth can leave it that a crash cut off, stays as it
    /// is.
    public func growImage(of id: VolumeID, to size: Int64, isThick: Bool) async throws(CSIError) {
        let (image, tree) = try imageFile(of: id)
        try await withHostErrors { () async throws(HostError) in
            let present = try await tree.metadata(of: image)?.size ?? 0
            try await tree.setFileSize(image, to: max(size, present), allocation: isThick ? .allocated : .sparse)
        }
    }

    /// The size of a volume that holds what another one holds: an image can be larger than its record says, where growth was
    /// cut off between the two.
    ///
    /// The caller holds the lock of the image.
    public func contentSize(of volume: VolumeRecord) async throws(CSIError) -> Int64 {
        guard volume.content == .image else { return volume.capacity }
        return Self.size(of: try await image(of: volume.id), atLeast: volume.capacity)
    }

    /// The size of a volume that holds what a snapshot holds.
    public func contentSize(of snapshot: SnapshotRecord) async throws(CSIError) -> Int64 {
        guard snapshot.content == .image, let directory = directory(of: snapshot.id) else { return snapshot.size }
        let tree = try tree()
        let image = try await withHostErrors { () async throws(HostError) in
            try await tree.metadata(of: PoolLayout.image(in: directory))
        }
        return Self.size(of: image, atLeast: snapshot.size)
    }

    private static func size(of image: FileMetadata?, atLeast size: Int64) -> Int64 {
        guard let image, image.size > size else { return size }
        let (sectors, rest) = image.size.quotientAndRemainder(dividingBy: sector)
        let (whole, overflows) = (sectors + (rest == 0 ? 0 : 1)).multipliedReportingOverflow(by: sector)
        return overflows ? image.size : whole
    }

    /// Takes the room again that a thick image has given back.
    /// - Throws: RESOURCE_EXHAUSTED when the pool no longer has it.
    public func refillImage(of id: VolumeID) async throws(CSIError) {
        let (image, tree) = try imageFile(of: id)
        var missing: Int64 = 0
        do throws(HostError) {
            guard let metadata = try await tree.metadata(of: image) else { return }
            missing = metadata.size - metadata.allocatedBytes
            guard missing > 0 else { return }
            try await tree.setFileSize(image, to: metadata.size, allocation: .allocated)
        } catch {
            guard error.kind == .noSpace else { throw CSIError(error) }
            throw .noSpace(
                "volume \"\(id)\" is thick and has given back \(missing) bytes of its room, which the pool does not have any more: "
                    + "\(error.description); free room in the pool")
        }
    }

    /// Makes all of the image read as zero, and takes its room again where the volume is thick.
    ///
    /// The caller has made sure that nothing in it is anybody's.
    public func eraseImage(of id: VolumeID, isThick: Bool) async throws(CSIError) {
        let (image, tree) = try imageFile(of: id)
        try await withHostErrors { () async throws(HostError) in
            guard let size = try await tree.metadata(of: image)?.size, size > 0 else { return }
            try await tree.punchHole(in: image, at: 0, length: size)
            if isThick { try await tree.setFileSize(image, to: size, allocation: .allocated) }
        }
    }

    /// Keeps other processes from working on the image of a volume, until the lock is released.
    /// - Throws: ABORTED while another process does, NOT_FOUND when the volume is gone.
    public func lockImage(of id: VolumeID) async throws(CSIError) -> any HeldLock {
        guard let component = id.pathComponent else { throw .notFound(.volume(id)) }
        let tree = try tree()
        do throws(HostError) {
            return try await tree.lock(PoolLayout.volumeLock(in: PoolLayout.volume(component)))
        } catch {
            switch error.kind {
            case .lockHeld:
                throw .pendingElsewhere("another call or process of this driver works on volume \"\(id)\"; retry later")
            case .notFound: throw .notFound(.volume(id))
            default: throw CSIError(error)
            }
        }
    }
}

/// What a node keeps beside an image.
extension VolumePool {
    /// What is known of the file system in the image; nil when there never was one.
    /// - Throws: FAILED_PRECONDITION when the file is there and cannot be used: nobody knows what may be lost then.
    public func formatState(of id: VolumeID) async throws(CSIError) -> FormatState? {
        guard let (bytes, file) = try await nodeFile(PoolLayout.formatName, of: id) else { return nil }
        do throws(RecordFailure) {
            return try FormatState(parsing: bytes)
        } catch {
            throw .preconditionFailed(
                "the file \"\(file)\", which says what is in volume \"\(id)\", cannot be used: \(error.reason); restore it"
            )
        }
    }

    /// Keeps what is known of the file system, durably; nil for that there never was one.
    public func setFormatState(_ state: FormatState?, of id: VolumeID) async throws(CSIError) {
        try await setNodeFile(PoolLayout.formatName, of: id, state?.bytes)
    }

    /// How the raw block volume is staged; nil when it is not, or not known to be.
    public func stagedBlock(of id: VolumeID) async throws(CSIError) -> StagedBlock? {
        guard let (bytes, _) = try await nodeFile(PoolLayout.stagedName, of: id) else { return nil }
        return StagedBlock(parsing: bytes)
    }

    /// Keeps how the raw block volume is staged, durably; nil for not at all.
    public func setStagedBlock(_ staged: StagedBlock?, of id: VolumeID) async throws(CSIError) {
        try await setNodeFile(PoolLayout.stagedName, of: id, staged?.bytes)
    }

    private func nodeFile(
        _ name: String, of id: VolumeID
    ) async throws(CSIError) -> (bytes: [UInt8], file: FilePath)? {
        guard let component = id.pathComponent else { return nil }
        let tree = try tree()
        let file = PoolLayout.volume(component).appending(name)
        return try await withHostErrors { () async throws(HostError) in
            guard try await tree.metadata(of: file) != nil else { return nil }
            return (try await tree.readFile(file, limit: PoolLayout.recordLimit), tree.path.pushing(file))
        }
    }

    private func setNodeFile(_ name: String, of id: VolumeID, _ bytes: [UInt8]?) async throws(CSIError) {
        guard let component = id.pathComponent else {
            guard bytes == nil else { throw .notFound(.volume(id)) }
            return
        }
        let tree = try tree()
        let directory = PoolLayout.volume(component)
        try await withHostErrors { () async throws(HostError) in
            if let bytes {
                try await sweep(directory, in: tree)
                return try await tree.writeFileDurably(directory.appending(name), bytes)
            }
            do throws(HostError) {
                if try await tree.removeFile(directory.appending(name)) { try await tree.syncDirectory(directory) }
            } catch  where error.kind == .notFound {
                // The volume is gone, and with it the file.
            }
        }
    }

    /// Removes what a durable write left behind that was cut off by a crash.
    ///
    /// The caller holds the lock of the image, so nobody writes there now.
    func sweep(_ directory: FilePath, in tree: any DirectoryTree) async throws(HostError) {
        for entry in try await tree.list(directory, limit: .max) where entry.name.string.hasPrefix(".new-") {
            try await tree.removeFile(directory.appending(entry.name))
        }
    }
}
