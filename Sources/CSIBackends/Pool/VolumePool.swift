public import CSICore
public import CSIHost
import CSILock
public import Logging
public import SystemPackage

/// Volumes as self-describing directories below one directory of this node, safe against a crash at any moment.
///
/// A volume is made under a name that ends in `.partial`, synced, and renamed: the rename is the commit. It is removed by
/// a rename into the trash, and only then taken apart. Nothing else is remembered: a start rebuilds everything from disk,
/// throws leftovers away, and sets a volume whose record cannot be read aside without touching it. Snapshots, where the
/// pool keeps some, go the same way.
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
        /// Nil for a pool that is only looked at.
        let quotas: PoolQuotas?
        /// What makes the directory the same one, whatever it is called.
        let identity: FileIdentity?
    }

    struct State {
        var volumes = OrderedIndex<VolumeSummary>()
        var snapshots = OrderedIndex<SnapshotSummary>()
        var promises = PoolPromises()
        var usage = ImageUsage()
        /// What the start found with a record that cannot be used.
        var setAside = (volumes: 0, snapshots: 0)
        /// The projects that limit volumes.
        var projects = ProjectTable()
        /// Whether files of the pool can share their blocks; nil when nobody has tried.
        var sharesBlocks: Bool?
    }

    let configuredPath: FilePath
    let policy: PoolPolicy?
    let directories: PoolPolicy?
    let host: any Host
    let logger: Logger
    let state = Guarded(State())
    let copies = SnapshotCopies()
    /// The other pools on the same file system; nil when this process has none.
    let shared = Guarded<SharedRoom?>(nil)
    let access: Access
    private let opened = Guarded<Opened?>(nil)

    /// Creates a pool; nothing is read before ``open()``.
    /// - Parameters:
    ///   - path: The directory.
    ///   - access: What this process does with it.
    ///   - images: How room is given out to image volumes and their snapshots; nil for a pool of directories.
    ///   - directories: How room is given out to directory volumes; nil gives out all there is.
    ///   - host: The machine.
    ///   - logger: Receives what happens outside of calls.
    public init(
        path: FilePath, access: Access, images: PoolPolicy? = nil, directories: PoolPolicy? = nil, host: any Host,
        logger: Logger
    ) {
        self.configuredPath = path
        self.access = access
        self.policy = images
        self.directories = directories
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
            for directory in sections.map(\.directory) + [PoolLayout.trash] {
                do throws(HostError) {
                    try await tree.createDirectory(directory, permissions: .ownerReadWriteExecute)
                } catch  where error.kind == .alreadyExists {
                    // Made by an earlier start, or by the other process just now.
                }
            }
            try await tree.syncDirectory("")
        }
        let lock = access == .manage ? try await takeLock(in: tree) : nil
        let (quotas, identity) = try await withHostErrors { () async throws(HostError) in
            (try await PoolQuotas(of: tree, logger), try await tree.identity(of: ""))
        }
        opened.withLock { $0 = Opened(tree: tree, lock: lock, quotas: quotas, identity: identity) }
    }

    /// What makes the pool's directory the same one, whatever it is called; nil before ``open()``.
    public var identity: FileIdentity? { opened.withLock { $0?.identity } }

    var openedQuotas: PoolQuotas? { opened.withLock { $0?.quotas } }

    /// What the pool keeps.
    private var sections: [PoolSection] {
        policy == nil ? [.volumes, .snapshots, .groups] : [.volumes, .snapshots]
    }

    func openTree() async throws(CSIError) -> any DirectoryTree {
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
        let volumes = try await readAll(VolumeRecord.self, in: tree) { $0.summary.sharing(&$1) }
        var snapshots = try await readAll(SnapshotRecord.self, in: tree) { (record, _) in record.summary }
        if policy == nil {
            let groups = try await readAll(GroupRecord.self, in: tree) { (record, _) in record }
            let (members, asideCount) = await readGroups(in: tree, groups.entries)
            snapshots.entries += members
            snapshots.asideCount += groups.asideCount + asideCount
            snapshots.unfinished += groups.unfinished
        }
        let snapshotEntries = snapshots.entries
        let setAside = (volumes: volumes.asideCount, snapshots: snapshots.asideCount)
        let seed = identity?.inode ?? 0
        state.withLock { state in
            state.promises = PoolPromises()
            state.usage = ImageUsage()
            state.projects = ProjectTable(seed: seed)
            for volume in volumes.entries {
                state.promises.add(volume)
                if case .project(let project)? = volume.quota { state.projects.note(project) }
            }
            state.volumes = OrderedIndex(volumes.entries)
            state.snapshots = OrderedIndex(snapshotEntries)
            state.setAside = setAside
        }
        // Only now, since what goes must not take the limit of what stays with it.
        for (path, name) in volumes.unfinished + snapshots.unfinished { try await discard(path, as: name, in: tree) }
        await emptyTrash(tree)
        if policy == nil { await resumeTrees() }
        logger.info(
            "pool read",
            metadata: [
                "volumes": "\(volumes.entries.count)", "snapshots": "\(snapshots.entries.count)",
                "set_aside": "\(volumes.asideCount + snapshots.asideCount)",
            ])
    }

    /// Takes a directory as that of the pool, without its lock.
    func adopt(_ tree: any DirectoryTree, _ identity: FileIdentity?) {
        opened.withLock { $0 = Opened(tree: tree, lock: nil, quotas: nil, identity: identity) }
    }

    /// Whether this process knows all volumes.
    var isManaged: Bool { access == .manage }

    /// The directory of the pool, held open.
    ///
    /// Not inlined into functions that await: an optimised build would keep the address of a thread-local of `Mutex` across the
    /// await, after which another thread may go on.
    @inline(never)
    func tree() throws(CSIError) -> any DirectoryTree {
        guard let tree = opened.withLock({ $0?.tree }) else {
            throw .unavailable("the pool \"\(configuredPath)\" is not open yet")
        }
        return tree
    }
}
