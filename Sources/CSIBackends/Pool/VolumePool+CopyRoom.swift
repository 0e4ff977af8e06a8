import CSICore
import CSIHost
import CSILock
import SystemPackage

/// Room for snapshots, which take it from what is promised to volumes unless it is kept for them.
extension VolumePool {
    /// Takes room for snapshots that are about to be taken, until the reservation is given back; nil when they need none.
    /// - Throws: RESOURCE_EXHAUSTED when there is not enough.
    func reserve(for snapshots: [SnapshotRecord]) async throws(CSIError) -> PoolReservation? {
        var bytes: Int64 = 0
        for snapshot in snapshots {
            let (sum, overflows) = bytes.addingReportingOverflow(try await copiedBytes(of: snapshot))
            bytes = overflows ? .max : sum
        }
        return bytes > 0 ? try await reserveCopy(bytes) : nil
    }

    /// Takes room for a copy that an earlier process has begun, whether it is there or not.
    func reserveAgain(for snapshot: SnapshotRecord) async -> PoolReservation {
        // Nobody knows how much it is when the volume cannot be looked at.
        reserveAnyway((try? await copiedBytes(of: snapshot)) ?? snapshot.size)
    }

    /// What a snapshot takes of the pool at most.
    private func copiedBytes(of snapshot: SnapshotRecord) async throws(CSIError) -> Int64 {
        guard snapshot.content == .directory else {
            // Also where the blocks are shared at first: what the volume then overwrites takes new room.
            return try await image(of: snapshot.source)?.allocatedBytes ?? 0
        }
        guard let source = snapshot.source.pathComponent else { return 0 }
        let tree = try tree()
        if try await canSnapshot(PoolLayout.data(in: PoolLayout.volume(source)), in: tree) { return 0 }
        if await sharesBlocks(in: tree) { return 0 }
        // What nobody counts can be as much as was promised.
        return try await quota(of: snapshot.source, knownQuota(of: snapshot.source))?.usedBytes ?? snapshot.size
    }

    // What locks is never inlined into a function that awaits: see the look at images.

    @inline(never)
    private func knownQuota(of id: VolumeID) -> VolumeQuota? { state.withLock { $0.volumes[id.rawValue]?.quota } }

    @inline(never)
    private func knownSharing() -> Bool? { state.withLock { $0.sharesBlocks } }

    @inline(never)
    private func noteSharing(_ sharesBlocks: Bool?) { state.withLock { $0.sharesBlocks = sharesBlocks } }

    /// Whether files of the pool can share their blocks; false, too, where nobody knows.
    func sharesBlocks(in tree: any DirectoryTree) async -> Bool {
        await sharing(in: tree) ?? false
    }

    /// Whether files of the pool can share their blocks, which is tried out once; nil when that failed for another reason.
    func sharing(in tree: any DirectoryTree) async -> Bool? {
        if let known = knownSharing() { return known }
        // A start empties the trash.
        let place = PoolLayout.trash.appending(host.files.uniqueName(prefix: "sharing."))
        var shares: Bool?
        do throws(HostError) {
            try await tree.createDirectory(place, permissions: .ownerReadWriteExecute)
            let (file, copy) = (place.appending("file"), place.appending("copy"))
            try await tree.writeNewFile(
                file, [UInt8](repeating: 1, count: 4096), permissions: Self.imagePermissions)
            _ = try await tree.copyFile(
                from: file, to: copy, options: CopyOptions(sharing: .required, permissions: Self.imagePermissions))
            shares = true
        } catch {
            // After any other failure nobody knows.
            if error.kind == .notSupported { shares = false }
        }
        await removeQuietly(place, in: tree)
        noteSharing(shares)
        return shares
    }
}
