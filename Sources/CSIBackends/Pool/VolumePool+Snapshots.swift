public import CSICore
import CSIHost
import CSILock
import SystemPackage

/// Snapshots of image volumes.
extension VolumePool {
    /// The record of a snapshot, read from disk; nil when there is no such snapshot.
    /// - Throws: FAILED_PRECONDITION when the snapshot is there but its record cannot be used.
    public func snapshot(_ id: SnapshotID) async throws(CSIError) -> SnapshotRecord? {
        guard let component = id.pathComponent else { return nil }
        return try await read(component, at: directory(of: id), in: tree())
    }

    /// At most `limit` snapshots in the order of their ids, beginning after `last`.
    /// - Parameters:
    ///   - last: The id after which the page begins; nil for the first page.
    ///   - limit: The largest number of snapshots.
    ///   - source: Only those of this volume; nil for all.
    public func snapshotPage(
        after last: String?, limit: Int, of source: VolumeID? = nil
    ) -> (snapshots: [SnapshotSummary], hasMore: Bool) {
        state.withLock { state in
            guard let source else {
                let (entries, hasMore) = state.snapshots.page(after: last, limit: limit)
                return (Array(entries), hasMore)
            }
            let (entries, hasMore) = state.snapshots.page(after: last, limit: limit) { $0.source == source }
            return (entries, hasMore)
        }
    }

    /// Makes a snapshot durable: when it returns, the snapshot survives a crash; when it throws, nothing is left.
    ///
    /// The caller holds the snapshot's key, and nobody removes the source meanwhile.
    public func addSnapshot(_ record: SnapshotRecord, from origin: ImageOrigin) async throws(CSIError) {
        guard let source = record.source.pathComponent else { throw .notFound(.volume(record.source)) }
        let tree = try tree()
        try await commit(record, in: tree) { (partial) async throws(CSIError) in
            try await copyImage(
                from: PoolLayout.volume(source), to: partial, as: PoolLayout.image(in: partial), origin, in: tree)
        }
        remember(record, isReady: true)
    }

    /// Removes a snapshot: from the rename into the trash on it is gone for every caller.
    ///
    /// The absent is success.
    public func removeSnapshot(_ id: SnapshotID) async throws(CSIError) {
        guard let component = id.pathComponent else { return }
        try await discard(PoolLayout.snapshot(component), as: component, in: tree())
        forget(id)
    }
}
