public import CSICore
public import CSIHost
import CSILock
import Logging
public import SystemPackage

/// Snapshots of directory volumes, and volumes made from them; and what copies have in common that go on when the call has
/// been answered.
///
/// Where the pool lies on btrfs, both are subvolumes and are made at one moment. Elsewhere the tree is copied file by file,
/// sharing blocks where the file system can: the snapshot's record comes first, and the snapshot is ready when its `data`
/// has its name. A copy that a crash has cut off is begun again at the next start.
extension VolumePool {
    /// How long a call waits for a copy before it answers that the snapshot is not ready.
    private static let patience = Duration.seconds(2)

    /// How often the log says how far a copy has come.
    private static let progressInterval = Duration.seconds(30)

    /// Where a snapshot is: with its group, or by itself.
    func directory(of id: SnapshotID) -> FilePath? {
        guard let component = id.pathComponent else { return nil }
        let group = state.withLock { $0.snapshots[id.rawValue]?.group?.pathComponent }
        return group.map { PoolSection.groups.path($0).appending(component) } ?? PoolLayout.snapshot(component)
    }

    // MARK: Taking

    /// Takes a snapshot of a directory volume: when it returns, the snapshot survives a crash, ready or not; when it throws,
    /// nothing is left of it.
    ///
    /// The caller holds the snapshot's key, and nobody removes the source meanwhile.
    /// - Returns: Whether all of the content is there.
    public func addTree(_ record: SnapshotRecord) async throws(CSIError) -> Bool {
        let tree = try tree()
        guard let source = record.source.pathComponent else { throw .notFound(.volume(record.source)) }
        let data = PoolLayout.data(in: PoolLayout.volume(source))
        if try await canSnapshot(data, in: tree) {
            try await commit(record, in: tree, recordFirst: true) { (partial) async throws(CSIError) in
                try await withHostErrors { () async throws(HostError) in
                    try await tree.createSnapshot(of: data, at: PoolLayout.data(in: partial), isReadOnly: true)
                }
            }
            remember(record, isReady: true)
            return true
        }
        let room = try await reserve(for: [record])
        try await commit(record, in: tree) { (_) async throws(CSIError) in }
        remember(record, isReady: false)
        return try await finishTree(record, in: room)
    }

    /// Waits a moment for the copy of a snapshot, which is begun if nobody works on it.
    /// - Parameters:
    ///   - record: The snapshot.
    ///   - room: The room that was taken for the copy; nil to take it here.
    /// - Returns: Whether all of the content is there.
    /// - Throws: Why the copy failed: then the snapshot is gone, or not ready, and the caller takes it anew.
    public func finishTree(
        _ record: SnapshotRecord, in room: PoolReservation? = nil
    ) async throws(CSIError) -> Bool {
        if summary(of: record).isReady { return true }
        // Of a copy that failed and could not be thrown away; the next call begins it anew.
        if let failure = copies.takeFailure(of: record.id) { throw failure }
        var kept = room
        if kept == nil, copies[record.id] == nil { kept = try await reserve(for: [record]) }
        let copy = begin(record, in: kept)
        guard let outcome = await copy.wait(atMost: Self.patience, on: host.clock) else { return false }
        _ = copies.takeFailure(of: record.id)
        try outcome.get()
        return true
    }

    /// What a list shows of a snapshot, and whether it is ready.
    public func summary(of record: SnapshotRecord) -> SnapshotSummary {
        if let known = state.withLock({ $0.snapshots[record.id.rawValue] }) { return known }
        var summary = record.summary
        // Whoever manages the pool knows every snapshot that is whole.
        if isManaged { summary.isReady = false }
        return summary
    }

    /// Why the copy of a snapshot has failed since the last call asked; nil when it has not.
    public func takeFailure(ofTree id: SnapshotID) -> CSIError? { copies.takeFailure(of: id) }

    /// Begins what a crash has cut off again, and looks which snapshots are whole.
    func resumeTrees() async {
        for summary in state.withLock({ $0.snapshots.all }) where summary.group == nil {
            let cutOff: SnapshotRecord?
            do throws(CSIError) {
                cutOff = try await isWhole(summary) ? nil : try await snapshot(summary.id)
            } catch {
                setUnready(summary.id)
                logger.error(
                    "a snapshot cannot be looked at and is not ready; the others are served",
                    metadata: ["snapshot": "\(summary.id)", "error": "\(error.message)"])
                continue
            }
            guard let record = cutOff else { continue }
            remember(record, isReady: false)
            logger.notice("beginning the copy of a snapshot again", metadata: ["snapshot": "\(record.id)"])
            _ = begin(record, in: await reserveAgain(for: record))
        }
    }

    /// Begins the copy of a snapshot, or finds the one that is going on; the room is given back when it ends.
    private func begin(_ record: SnapshotRecord, in room: PoolReservation?) -> SnapshotCopy {
        copies.begin(record.id, from: record.source) { (copy) async throws(CSIError) in
            defer { room?.release() }
            try await self.copyTree(record, copy)
        }
    }

    /// Whether all of the content of a snapshot is there: then it has its name.
    private func isWhole(_ snapshot: SnapshotSummary) async throws(CSIError) -> Bool {
        guard let directory = directory(of: snapshot.id) else { return true }
        let content = snapshot.content == .image ? PoolLayout.imageName : PoolLayout.dataName
        let tree = try tree()
        return try await withHostErrors { () async throws(HostError) in
            try await tree.exists(directory.appending(content))
        }
    }

    /// Copies the content of a snapshot whose record is there already.
    private func copyTree(_ record: SnapshotRecord, _ copy: SnapshotCopy) async throws(CSIError) {
        // What is whole is never replaced, and what cannot be looked at is never thrown away.
        guard try await !isWhole(record.summary) else { return remember(record, isReady: true) }
        do throws(CSIError) {
            switch record.content {
            case .directory: try await copyData(of: record, copy)
            case .image: try await copyImage(of: record, copy)
            }
        } catch {
            guard !Task.isCancelled else { throw error }
            logger.error(
                "a snapshot could not be copied and is thrown away",
                metadata: ["snapshot": "\(record.id)", "volume": "\(record.source)", "error": "\(error.message)"])
            // Its caller asks again, hears why, and takes it anew.
            await throwAway(record)
            throw error
        }
        remember(record, isReady: true)
    }

    /// Removes what a copy that failed leaves; what cannot be removed stays known as not ready.
    private func throwAway(_ record: SnapshotRecord) async {
        guard let component = record.component else { return }
        do throws(CSIError) {
            try await discard(PoolLayout.snapshot(component), as: component, in: tree())
            forget(record.id)
        } catch {
            logger.error(
                "a snapshot that could not be copied cannot be thrown away either and stays, not ready",
                metadata: ["snapshot": "\(record.id)", "error": "\(error.message)"])
        }
    }

    private func copyData(of record: SnapshotRecord, _ copy: SnapshotCopy) async throws(CSIError) {
        guard let component = record.component, let source = record.source.pathComponent else { return }
        let tree = try tree()
        let directory = PoolLayout.snapshot(component)
        let partial = PoolLayout.partialData(in: directory)
        let options = copyOptions("snapshot \(record.id)", copy)
        let started = host.clock.now
        let result = try await withHostErrors { () async throws(HostError) -> TreeCopyProgress in
            try await tree.removeTree(partial)
            let original = try await tree.openDirectory(PoolLayout.data(in: PoolLayout.volume(source)))
            let result = try await tree.copyTree(from: original, to: partial, options: options)
            try await tree.renameDurably(from: partial, to: PoolLayout.data(in: directory))
            return result
        }
        logger.info(
            "snapshot copied",
            metadata: [
                "snapshot": "\(record.id)", "volume": "\(record.source)", "entries": "\(result.entries)",
                "copied_bytes": "\(result.copiedBytes)", "shared_bytes": "\(result.sharedBytes)",
                "duration": "\(host.clock.now - started)",
            ])
    }

    private func copyOptions(_ what: String, _ copy: SnapshotCopy?) -> TreeCopyOptions {
        TreeCopyOptions(progress: copyReport(what, copy))
    }

    /// Notes how far a copy has come, and says so in the log now and then.
    func copyReport(_ what: String, _ copy: SnapshotCopy?) -> @Sendable (TreeCopyProgress) -> Void {
        let clock = host.clock
        let lastReport = Guarded(clock.now)
        let logger = logger
        return { progress in
            copy?.note(progress)
            let now = clock.now
            let isDue = lastReport.withLock { last in
                guard now - last >= Self.progressInterval else { return false }
                last = now
                return true
            }
            guard isDue else { return }
            logger.info(
                "copying",
                metadata: [
                    "what": "\(what)", "entries": "\(progress.entries)", "copied_bytes": "\(progress.copiedBytes)",
                ])
        }
    }

    /// Takes what a volume holds now, for a member of a group.
    func takeData(
        of volume: FilePath, into directory: FilePath, in tree: any DirectoryTree
    ) async throws(CSIError) {
        let data = PoolLayout.data(in: volume)
        let canSnapshot = try await canSnapshot(data, in: tree)
        let options = copyOptions("member \(directory)", nil)
        try await withHostErrors { () async throws(HostError) in
            let copy = PoolLayout.data(in: directory)
            guard !canSnapshot else { return try await tree.createSnapshot(of: data, at: copy, isReadOnly: true) }
            try await tree.copyTree(from: tree.openDirectory(data), to: copy, options: options)
        }
    }

    func canSnapshot(_ data: FilePath, in tree: any DirectoryTree) async throws(CSIError) -> Bool {
        guard openedQuotas?.hasSubvolumes == true else { return false }
        return try await withHostErrors { () async throws(HostError) in try await tree.subvolume(at: data) != nil }
    }

    // MARK: Removing

    /// Removes a snapshot of a directory volume, and ends the copy of one that is not ready; the absent is success.
    public func removeTree(_ id: SnapshotID) async throws(CSIError) {
        if let copy = copies[id] {
            copy.cancel()
            _ = await copy.wait(on: host.clock)
        }
        _ = copies.takeFailure(of: id)
        try await removeSnapshot(id)
    }

    /// Refuses while a snapshot is still being copied from a volume.
    /// - Throws: FAILED_PRECONDITION naming a snapshot.
    public func requireUncopied(_ id: VolumeID) throws(CSIError) {
        guard let snapshot = copies.copies(from: id).first else { return }
        throw .inUse(.volume(id), by: "snapshot \"\(snapshot)\" is still being copied from it; delete it or wait")
    }

    // MARK: Volumes from snapshots and volumes

    /// Fills the new directory of a volume with what a snapshot or another volume holds.
    /// - Parameters:
    ///   - path: The directory, empty, with its limits, in the tree of this pool.
    ///   - tree: The tree of this pool.
    ///   - source: What to copy.
    ///   - limits: What the volume may hold.
    public func fill(
        _ path: FilePath, in tree: any DirectoryTree, from source: TreeSource, limits: QuotaLimits
    ) async throws(CSIError) {
        let original = try source.pool.tree()
        let data = PoolLayout.data(in: source.directory)
        let options = copyOptions("volume from \(source.directory)", nil)
        var canSnapshot = source.pool === self ? try await canSnapshot(data, in: tree) : false
        if canSnapshot {
            canSnapshot = try await withHostErrors { () async throws(HostError) in
                try await tree.subvolume(at: path) != nil
            }
        }
        if canSnapshot {
            let quotas = openedQuotas?.support
            try await withHostErrors { () async throws(HostError) in
                try await tree.removeTree(path)
                try await tree.createSnapshot(of: data, at: path, isReadOnly: false)
                if quotas?.mechanism == .subvolume, quotas?.enforcement ?? .none > .none {
                    try await tree.setQuota(limits, of: path)
                }
            }
        } else {
            try await copies.turns.take { () async throws(CSIError) in
                try await withHostErrors { () async throws(HostError) in
                    _ = try await tree.copyTree(from: original.openDirectory(data), to: path, options: options)
                }
            }
        }
        // The snapshot must stay until here.
        withExtendedLifetime(source) {}
    }

    /// The content of a snapshot, kept for as long as the answer is.
    /// - Throws: UNAVAILABLE while it is being copied.
    public func source(_ record: SnapshotRecord) throws(CSIError) -> TreeSource {
        guard let directory = directory(of: record.id) else { throw .notFound(.snapshot(record.id)) }
        guard summary(of: record).isReady else {
            throw .unavailable("snapshot \"\(record.id)\" is still being copied; retry later")
        }
        return TreeSource(pool: self, directory: directory, snapshot: record.id)
    }

    /// The present content of a volume, which nobody removes meanwhile.
    public func source(_ record: VolumeRecord) throws(CSIError) -> TreeSource {
        guard let component = record.component else { throw .notFound(.volume(record.id)) }
        return TreeSource(pool: self, directory: PoolLayout.volume(component), snapshot: nil)
    }

    // MARK: Index

    func remember(_ record: SnapshotRecord, isReady: Bool) {
        var summary = record.summary
        summary.isReady = isReady
        let new = summary
        state.withLock { state in
            if let old = state.snapshots.insert(new) { state.usage.snapshots -= Int128(old.allocated) }
            if isReady, policy != nil || new.content == .image { state.usage.newSnapshots.append(new.id) }
        }
    }

    private func setUnready(_ id: SnapshotID) {
        state.withLock { state in
            _ = state.snapshots.update(id.rawValue) { $0.isReady = false }
        }
    }

    func forget(_ id: SnapshotID) {
        state.withLock { state in
            if let old = state.snapshots.remove(id.rawValue) { state.usage.snapshots -= Int128(old.allocated) }
        }
    }
}

/// A tree that volumes are made from; a snapshot stays for as long as this does.
public final class TreeSource: Sendable {
    let pool: VolumePool
    /// The directory of the volume or snapshot, relative to the pool.
    let directory: FilePath
    private let snapshot: SnapshotID?

    init(pool: VolumePool, directory: FilePath, snapshot: SnapshotID?) {
        self.pool = pool
        self.directory = directory
        self.snapshot = snapshot
        if let snapshot { pool.copies.addReader(of: snapshot) }
    }

    deinit {
        if let snapshot { pool.copies.removeReader(of: snapshot) }
    }
}
