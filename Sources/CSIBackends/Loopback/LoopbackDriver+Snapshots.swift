public import CSICore
import CSIHost
import CSIPool

extension LoopbackDriver: SnapshotListing, SnapshotReading {
    /// Copies the image, by sharing its blocks where the pool can; of a mounted volume with its writers held back.
    public func createSnapshot(_ request: CreateSnapshot) async throws(CSIError) -> Snapshot {
        try request.parameters.reader().finish()
        let id = SnapshotID(derivedFrom: request.name)
        if let existing = try await pool.snapshot(id) {
            try request.fingerprint.requireMatch(existing.fingerprint, of: .snapshotNamed(request.name))
            return snapshot(of: existing.summary)
        }
        let content = try await content(of: request.source)
        defer { content.lock?.release() }
        let allocated = try await pool.image(of: request.source)?.allocatedBytes ?? 0
        // What the volume overwrites from now on takes new room, while the snapshot keeps the old.
        let reservation = try await pool.reserveCopy(allocated)
        defer { reservation.release() }
        let now = host.clock.wallTime
        let record = SnapshotRecord(
            id: id, name: request.name, source: request.source, size: content.size,
            // A clock that was never set must not make a time that callers take for none.
            creationTime: Timestamp(seconds: max(1, now.seconds), nanoseconds: now.nanoseconds),
            fingerprint: request.fingerprint, content: .image, attributes: content.traits.attributes)
        try await pool.addSnapshot(record, from: content.origin)
        return snapshot(of: record.summary)
    }

    /// Moves the snapshot into the trash and removes it there; volumes that were made from it keep their content.
    public func deleteSnapshot(_ request: DeleteSnapshot) async throws(CSIError) {
        guard try await pool.snapshot(request.id) != nil else { return }
        try await pool.removeSnapshot(request.id)
    }

    /// One page in the order of the ids.
    public func listSnapshots(_ request: ListSnapshots) async throws(CSIError) -> SnapshotPage {
        if let id = request.id {
            guard let record = try await pool.snapshot(id), request.source ?? record.source == record.source else {
                return SnapshotPage(snapshots: [], next: nil)
            }
            return SnapshotPage(snapshots: [snapshot(of: record.summary)], next: nil)
        }
        let limit = min(request.maximumEntries ?? Self.pageLimit, Self.pageLimit)
        let (snapshots, hasMore) = pool.snapshotPage(after: request.after, limit: limit, of: request.source)
        return SnapshotPage(
            snapshots: snapshots.map { snapshot(of: $0) }, next: hasMore ? snapshots.last?.id.rawValue : nil)
    }

    /// The snapshot of this id.
    public func readSnapshot(_ request: GetSnapshot) async throws(CSIError) -> Snapshot? {
        try await pool.snapshot(request.id).map { snapshot(of: $0.summary) }
    }

    private func snapshot(of summary: SnapshotSummary) -> Snapshot {
        Snapshot(
            id: summary.id, source: summary.source, size: summary.size, creationTime: summary.creationTime,
            isReady: true)
    }
}
