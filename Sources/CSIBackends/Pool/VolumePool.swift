public import CSICore
public import CSIHost
public import Logging
import Synchronization
public import SystemPackage

/// Volumes as self-describing directories below one directory of this node, safe against a crash at any moment.
///
/// A volume is made under a name that ends in `.partial`, synced, and renamed: the rename is the commit. It is removed by
/// a rename into the trash, and only then taken apart. Nothing else is remembered: a start rebuilds everything from disk,
/// throws leftovers away, and sets a volume whose record cannot be read aside without touching it.
///
/// One process manages a pool (it holds the pool's lock and lists volumes); any number of others may look volumes up,
/// which always reads the disk.
public final class VolumePool: Sendable {
    /// What a process does with a pool.
    public enum Access: Sendable, Hashable {
        /// Makes, removes and lists volumes; one process at a time.
        case manage
        /// Looks volumes up by id.
        case lookUp
    }

    /// The directory of the pool, absolute, without symbolic links once ``open()`` has returned.
    public var path: FilePath { opened.withLock { $0?.tree.path } ?? configuredPath }

    private struct Opened {
        let tree: any DirectoryTree
        let lock: (any HeldLock)?
    }

    private struct State {
        var index = VolumeIndex()
    }

    private let configuredPath: FilePath
    private let access: Access
    let host: any Host
    private let logger: Logger
    private let opened = Mutex<Opened?>(nil)
    private let state = Mutex(State())

    /// Creates a pool; nothing is read before ``open()``.
    public init(path: FilePath, access: Access, host: any Host, logger: Logger) {
        self.configuredPath = path
        self.access = access
        self.host = host
        self.logger = logger
    }

    // MARK: Start

    /// Opens the pool and, to manage it, takes its lock.
    /// - Throws: FAILED_PRECONDITION with what to do when the directory is missing, not writable or managed by another
    ///   process.
    public func open() async throws(CSIError) {
        let tree = try await openTree()
        try await withHostErrors { () async throws(HostError) in
            for directory in [PoolLayout.volumes, PoolLayout.trash] {
                do throws(HostError) {
                    try await tree.createDirectory(directory, permissions: .ownerReadWriteExecute)
                } catch  where error.kind == .alreadyExists {
                    // Made by an earlier start, or by the other process just now.
                }
            }
            try await tree.syncDirectory("")
        }
        let lock = access == .manage ? try await takeLock(in: tree) : nil
        opened.withLock { $0 = Opened(tree: tree, lock: lock) }
    }

    private func openTree() async throws(CSIError) -> any DirectoryTree {
        do throws(HostError) {
            let path = try await host.files.canonicalPath(of: configuredPath)
            return try await host.files.openDirectory(path)
        } catch {
            let fix =
                switch error.kind {
                case .notFound: "create it, or name another directory"
                case .notDirectory: "it must be a directory"
                default: error.description
                }
            throw .preconditionFailed("the pool \"\(configuredPath)\" cannot be used: \(error.kind); \(fix)")
        }
    }

    private func takeLock(in tree: any DirectoryTree) async throws(CSIError) -> any HeldLock {
        do throws(HostError) {
            return try await tree.lock(PoolLayout.lock)
        } catch {
            guard error.kind == .lockHeld else { throw CSIError(error) }
            throw .preconditionFailed(
                "the pool \"\(configuredPath)\" is managed by another running controller; stop it, or name another pool"
            )
        }
    }

    /// Reads the disk, to manage the pool: leftovers go, whole volumes come into the index, the rest is set aside.
    public func rebuild() async throws(CSIError) {
        guard access == .manage else { return }
        let tree = try tree()
        await emptyTrash(tree)
        let entries = try await withHostErrors { () async throws(HostError) in
            try await tree.list(PoolLayout.volumes, limit: .max)
        }
        var records: [VolumeRecord] = []
        var asideCount = 0
        for entry in entries {
            let name = entry.name.string
            if name.hasSuffix(PoolLayout.partialSuffix) {
                logger.notice("throwing away a volume that was never finished", metadata: ["directory": "\(name)"])
                try await discard(PoolLayout.volumes.appending(entry.name), as: name, in: tree)
                continue
            }
            guard let id = try? VolumeID(name), id.pathComponent == name else {
                logger.warning("not a volume of this pool, left alone", metadata: ["entry": "\(name)"])
                continue
            }
            switch await readRecord(id, name, in: tree) {
            case .success(let record?): records.append(record)
            case .success(nil): break
            case .failure(let error):
                logger.error(
                    "volume set aside: its record cannot be used; the others are served",
                    metadata: ["volume": "\(id)", "error": "\(error.message)"])
                asideCount += 1
            }
        }
        let count = records.count
        state.withLock { $0 = State(index: VolumeIndex(records)) }
        logger.info("pool read", metadata: ["volumes": "\(count)", "set_aside": "\(asideCount)"])
    }

    // MARK: Looking up

    /// The record of a volume, read from disk; nil when there is no such volume.
    /// - Throws: FAILED_PRECONDITION when the volume is there but its record cannot be used.
    public func record(_ id: VolumeID) async throws(CSIError) -> VolumeRecord? {
        // An id that is no name of a directory was never given out by this pool.
        guard let component = id.pathComponent else { return nil }
        return try await readRecord(id, component, in: tree()).get()
    }

    /// Whether the directory that pods see is there.
    public func hasData(_ id: VolumeID) async throws(CSIError) -> Bool {
        guard let component = id.pathComponent else { return false }
        let tree = try tree()
        return try await withHostErrors { () async throws(HostError) in
            try await tree.metadata(of: PoolLayout.data(in: PoolLayout.volume(component)))?.kind == .directory
        }
    }

    /// The directory that pods see, absolute; nil for an id that this pool never gives out.
    public func dataPath(of id: VolumeID) -> FilePath? {
        id.pathComponent.map { path.pushing(PoolLayout.data(in: PoolLayout.volume($0))) }
    }

    /// Whether a mount shows the data of the volume, also when the pool has moved or the volume is being removed.
    public func shows(_ entry: MountEntry, dataOf id: VolumeID) -> Bool {
        id.pathComponent.map { PoolLayout.isData(entry.root, of: $0) } ?? false
    }

    /// At most `limit` volumes in the order of their ids, beginning after `last`.
    public func page(after last: String?, limit: Int) -> (records: [VolumeRecord], hasMore: Bool) {
        state.withLock { state in
            let (records, hasMore) = state.index.page(after: last, limit: limit)
            return (Array(records), hasMore)
        }
    }

    /// The room on the pool's file system.
    public func capacity() async throws(CSIError) -> FileSystemCapacity {
        let tree = try tree()
        return try await withHostErrors { () async throws(HostError) in try await tree.capacity() }
    }

    /// The size of a new volume, in bytes: what is required, else `fallback` or as much of it as there is room for.
    /// - Parameters:
    ///   - range: What the caller wants; nil leaves it to the driver.
    ///   - fallback: The size when nothing is required.
    /// - Throws: OUT_OF_RANGE when the pool can never hold it, RESOURCE_EXHAUSTED when there is no room for it now.
    public func size(for range: CapacityRange?, fallback: Int64) async throws(CSIError) -> Int64 {
        let room = try await capacity()
        let fallback = max(1, min(fallback, room.availableBytes))
        let size = try range?.size(fallback: fallback) ?? fallback
        guard size <= room.totalBytes else {
            throw .impossibleCapacity("the pool has \(room.totalBytes) bytes in all, and \(size) were asked for")
        }
        guard size <= room.availableBytes else {
            throw .noSpace("the pool has \(room.availableBytes) bytes left, and \(size) were asked for")
        }
        return size
    }

    // MARK: Changing

    /// Makes a volume durable: when it returns, the volume survives a crash; when it throws, nothing is left of it.
    ///
    /// The caller holds the volume's key, so nobody else works on it.
    /// - Parameters:
    ///   - record: The new volume.
    ///   - dataPermissions: The mode of the directory that pods see.
    public func add(_ record: VolumeRecord, dataPermissions: FilePermissions) async throws(CSIError) {
        guard let component = record.id.pathComponent else {
            throw .fault("the volume id \"\(record.id)\" cannot be the name of a directory")
        }
        let tree = try tree()
        let partial = PoolLayout.partial(component)
        do throws(HostError) {
            do throws(HostError) {
                try await tree.createDirectory(partial, permissions: .ownerReadWriteExecute)
            } catch  where error.kind == .alreadyExists {
                // An attempt that failed and could not be cleaned up; nobody else works on this volume.
                try await tree.removeTree(partial)
                try await tree.createDirectory(partial, permissions: .ownerReadWriteExecute)
            }
            try await tree.createDirectory(PoolLayout.data(in: partial), permissions: dataPermissions)
            try await tree.syncDirectory(PoolLayout.data(in: partial))
            try await tree.writeFileDurably(PoolLayout.record(in: partial), record.bytes)
            try await tree.renameDurably(from: partial, to: PoolLayout.volume(component))
        } catch {
            await removeQuietly(partial, in: tree)
            throw CSIError(error)
        }
        state.withLock { $0.index.insert(record) }
    }

    /// Removes a volume: from the rename into the trash on it is gone for every caller.
    ///
    /// The absent is success.
    public func remove(_ id: VolumeID) async throws(CSIError) {
        guard let component = id.pathComponent else { return }
        let tree = try tree()
        try await discard(PoolLayout.volume(component), as: component, in: tree)
        state.withLock { $0.index.remove(id) }
    }

    // MARK: Steps

    private func tree() throws(CSIError) -> any DirectoryTree {
        guard let tree = opened.withLock({ $0?.tree }) else {
            throw .unavailable("the pool \"\(configuredPath)\" is not open yet")
        }
        return tree
    }

    private func readRecord(
        _ id: VolumeID, _ component: String, in tree: any DirectoryTree
    ) async -> Result<VolumeRecord?, CSIError> {
        let directory = PoolLayout.volume(component)
        do throws(HostError) {
            let bytes = try await tree.readFile(PoolLayout.record(in: directory), limit: PoolLayout.recordLimit)
            do throws(RecordFailure) {
                return .success(try VolumeRecord(parsing: bytes, expecting: id))
            } catch {
                return .failure(unusable(id, directory, error.reason))
            }
        } catch  where error.kind == .notFound {
            // Without its record a directory is a damaged volume; without the directory there is no volume.
            do throws(HostError) {
                guard try await tree.exists(directory) else { return .success(nil) }
            } catch {
                return .failure(CSIError(error))
            }
            return .failure(unusable(id, directory, "the file is missing"))
        } catch {
            return .failure(unusable(id, directory, error.description))
        }
    }

    private func unusable(_ id: VolumeID, _ directory: FilePath, _ reason: String) -> CSIError {
        let file = path.pushing(PoolLayout.record(in: directory))
        return .preconditionFailed(
            "volume \"\(id)\" is set aside: its record \"\(file)\" cannot be used: \(reason); "
                + "restore the file, or move the directory out of the pool")
    }

    /// Moves something into the trash, durably, and takes it apart there.
    private func discard(_ path: FilePath, as name: String, in tree: any DirectoryTree) async throws(CSIError) {
        let doomed = PoolLayout.trash.appending(host.files.uniqueName(prefix: name + "."))
        do throws(HostError) {
            try await tree.renameDurably(from: path, to: doomed)
        } catch {
            if error.kind == .notFound { return }
            throw CSIError(error)
        }
        await removeQuietly(doomed, in: tree)
    }

    private func emptyTrash(_ tree: any DirectoryTree) async {
        do throws(HostError) {
            for entry in try await tree.list(PoolLayout.trash, limit: .max) {
                await removeQuietly(PoolLayout.trash.appending(entry.name), in: tree)
            }
        } catch {
            logger.warning("the trash cannot be read", metadata: ["error": "\(error.description)"])
        }
    }

    /// What cannot be removed now is tried again at the next start; nobody needs it meanwhile.
    private func removeQuietly(_ path: FilePath, in tree: any DirectoryTree) async {
        do throws(HostError) {
            try await tree.removeTree(path)
        } catch {
            logger.warning(
                "leftovers stay until the next start", metadata: ["path": "\(path)", "error": "\(error.description)"])
        }
    }
}
