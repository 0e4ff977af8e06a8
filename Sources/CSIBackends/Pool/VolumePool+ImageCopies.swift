import CSICore
import CSIHost
import SystemPackage

/// Images that begin as copies of others, of the same pool or of another one.
extension VolumePool {
    /// How long writers may be held back for a copy; sharing the blocks of a large image takes a fraction of it.
    private static let freezeLimit = Duration.seconds(10)

    /// Where the image lies that is copied; nil when none is.
    func directory(of origin: ImageOrigin) -> FilePath? {
        switch origin.source {
        case .zeros: nil
        case .volume(let id): id.pathComponent.map(PoolLayout.volume)
        case .snapshot(let id): directory(of: id)
        }
    }

    /// Copies when it is its turn, where each byte of a snapshot is copied.
    ///
    /// A copy of a volume waits for nobody: the volume is locked, or its writers are held back.
    func inTurn(
        _ record: VolumeRecord, _ origin: ImageOrigin, in tree: any DirectoryTree,
        _ copy: () async throws(CSIError) -> Void
    ) async throws(CSIError) {
        guard case .snapshot = origin.source else { return try await copy() }
        let isOfThisPool = origin.pool.map { $0 === self } ?? true
        let canShare = !record.isThick && origin.sharing != .never && isOfThisPool
        if canShare, await sharesBlocks(in: tree) { return try await copy() }
        try await copies.turns.take(copy)
    }

    /// Fills the new image of a volume.
    func fillImage(
        _ image: FilePath, from source: FilePath, in partial: FilePath, _ record: VolumeRecord, _ origin: ImageOrigin,
        in tree: any DirectoryTree
    ) async throws(CSIError) {
        guard record.isThick, origin.sharing == .required else {
            var origin = origin
            // Shared blocks would take room at the first write to them, which is what a thick volume must not.
            if record.isThick { origin.sharing = .never }
            try await copyImage(from: source, to: partial, as: image, origin, in: tree)
            return try await withHostErrors { () async throws(HostError) in
                try await tree.setFileSize(
                    image, to: record.capacity, allocation: record.isThick ? .allocated : .sparse)
            }
        }
        // The moment is kept by sharing, the room is taken by a second copy.
        let moment = partial.appending(PoolLayout.momentName)
        try await copyImage(from: source, to: partial, as: moment, origin, in: tree)
        origin.lock?.release()
        try await withHostErrors { () async throws(HostError) in
            try await tree.copyFile(from: moment, to: image, options: imageOptions(image, sharing: .never))
            try await tree.removeFile(moment)
            try await tree.setFileSize(image, to: record.capacity, allocation: .allocated)
        }
    }

    /// Copies an image and what is known of the file system in it.
    /// - Parameters:
    ///   - source: The directory of the volume or snapshot, in its own pool.
    ///   - directory: Where the copy belongs, in this pool.
    ///   - image: The name of the copy.
    ///   - origin: How it must be copied.
    ///   - tree: This pool.
    func copyImage(
        from source: FilePath, to directory: FilePath, as image: FilePath, _ origin: ImageOrigin,
        in tree: any DirectoryTree
    ) async throws(CSIError) {
        let pool = origin.pool ?? self
        let original = try pool.tree()
        // Taken before the image: a file system that is made meanwhile would be one that nobody knows of, which is refused
        // later; the other way round a blank image could claim to hold one.
        let format = try await withHostErrors { () async throws(HostError) in
            try await original.metadata(of: PoolLayout.format(in: source)) == nil
                ? nil : try await original.readFile(PoolLayout.format(in: source), limit: PoolLayout.recordLimit)
        }
        // Nobody's writers are held back to find out that it cannot be done.
        if let id = origin.volumeInUse, await pool.sharing(in: original) == false { throw pool.inUse(id) }
        let frozen = try await freeze(origin.freezing)
        let moment: FilePath?
        do throws(CSIError) {
            moment = try await takeImage(from: source, to: image, origin, in: tree)
        } catch {
            _ = try? await frozen?.thaw()
            throw error
        }
        do throws(HostError) {
            try await frozen?.thaw()
            if let moment {
                origin.lock?.release()
                try await tree.copyFile(
                    from: moment, in: original, to: image, options: imageOptions(image, sharing: .preferred))
            }
            if let format { try await tree.writeFileDurably(PoolLayout.format(in: directory), format) }
        } catch {
            if let moment { await pool.removeQuietly(moment.removingLastComponent(), in: original) }
            throw CSIError(error)
        }
        if let moment { await pool.removeQuietly(moment.removingLastComponent(), in: original) }
    }

    /// Copies an image as it is now.
    /// - Returns: nil when the copy is whole; otherwise what shares the blocks of the source, in its pool, and is still to be
    ///   copied: no blocks are shared between two file systems, and what is in use is of one moment only where they are.
    private func takeImage(
        from source: FilePath, to image: FilePath, _ origin: ImageOrigin, in tree: any DirectoryTree
    ) async throws(CSIError) -> FilePath? {
        let pool = origin.pool ?? self
        let original = try pool.tree()
        do throws(HostError) {
            try await tree.copyFile(
                from: PoolLayout.image(in: source), in: original, to: image,
                options: imageOptions(image, sharing: origin.sharing))
            return nil
        } catch {
            guard error.kind == .notSupported, let id = origin.volumeInUse else { throw CSIError(error) }
            guard pool !== self else { throw pool.inUse(id, error.description) }
        }
        // A start empties the trash, so a crash leaves nothing there for long.
        let place = PoolLayout.trash.appending(host.files.uniqueName(prefix: PoolLayout.momentName + "."))
        do throws(HostError) {
            try await original.createDirectory(place, permissions: .ownerReadWriteExecute)
            let moment = place.appending(PoolLayout.momentName)
            try await original.copyFile(
                from: PoolLayout.image(in: source), to: moment, options: imageOptions(moment, sharing: .required))
            return moment
        } catch {
            await pool.removeQuietly(place, in: original)
            guard error.kind == .notSupported, let id = origin.volumeInUse else { throw CSIError(error) }
            throw pool.inUse(id, error.description)
        }
    }

    /// How an image is copied, with what the log says of it now and then.
    func imageOptions(
        _ image: FilePath, sharing: CopyOptions.Sharing, _ copy: SnapshotCopy? = nil
    ) -> CopyOptions {
        let report = copyReport("image \(image)", copy)
        return CopyOptions(sharing: sharing, permissions: Self.imagePermissions) { progress in
            report(TreeCopyProgress(entries: 1, copiedBytes: progress.copiedBytes))
        }
    }

    private func freeze(_ mountPoint: FilePath?) async throws(CSIError) -> (any FrozenFileSystem)? {
        guard let mountPoint else { return nil }
        return try await withHostErrors { () async throws(HostError) in
            try await host.fileSystems.freeze(mountPoint, atMost: Self.freezeLimit)
        }
    }
}
