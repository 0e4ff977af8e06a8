import CLinux
import SystemPackage

/// A walk through a tree by descriptors: no recursion, no paths that grow, never through a link or into another mount.
///
/// Only the deepest ``openLevels`` directories stay open. A shallower one is opened again through `..` when the walk comes
/// back to it, and must then be the same directory as before.
struct TreeWalk: ~Copyable {
    /// A directory on the way from the top to where the walk is.
    final class Level {
        let name: FilePath.Component?
        let identity: Identity
        var descriptor: OwnedDescriptor?
        /// Directories in this one that are still to be entered.
        var pending: [FilePath.Component] = []
        /// Whether this directory has been read.
        var isRead = false

        init(name: FilePath.Component?, identity: Identity, descriptor: consuming OwnedDescriptor) {
            self.name = name
            self.identity = identity
            self.descriptor = consume descriptor
        }
    }

    /// What makes a directory the same one.
    struct Identity: Equatable {
        let device: DeviceNumber
        let inode: UInt64
    }

    /// How a step down ended.
    enum Entry {
        case entered
        case absent
        case notDirectory
        case otherMount
    }

    /// How many directories are open at once.
    static let openLevels = 64

    private let top: FilePath
    private let operation: HostOperation
    private(set) var levels: [Level] = []
    /// Whether a directory can be a subvolume; no walk leaves its file system.
    let hasSubvolumes: Bool

    /// Starts a walk in an open directory.
    ///
    /// - Parameter isNFS: whether it is known to lie on NFS, where the question for the file system's type goes to the server.
    init(
        _ directory: consuming OwnedDescriptor, at path: FilePath, for operation: HostOperation, isNFS: Bool = false
    ) throws(HostError) {
        top = path
        self.operation = operation
        let identity = try Self.identity(of: directory, for: CallSite(operation, at: path))
        hasSubvolumes = isNFS ? false : try CallSite(operation, at: path).isBtrfs(directory)
        levels.append(Level(name: nil, identity: identity, descriptor: directory))
    }

    /// The directory the walk is in; nil when it has left the top.
    var current: Level? { levels.last }

    /// The call site for the current directory, or for a name in it: for errors only, since its path may be long.
    func site(_ name: FilePath.Component? = nil) -> CallSite {
        let names = levels.compactMap(\.name) + (name.map { [$0] } ?? [])
        return CallSite(operation, at: FilePath(root: top.root, Array(top.components) + names))
    }

    /// A call site that only says in which tree.
    var anywhere: CallSite { CallSite(operation, at: top) }

    /// The error with the place in the tree where it happened.
    func located(_ error: HostError, _ name: FilePath.Component? = nil) -> HostError {
        var error = error
        error.path = site(name).path
        return error
    }

    /// Makes a system call with the current directory's descriptor.
    func result(_ call: (CInt) -> Int) -> Result<Int, Errno> {
        guard let raw = levels.last?.descriptor?.raw else { return .failure(.badFileDescriptor) }
        return anywhere.result { call(raw) }
    }

    /// Steps down into a directory.
    mutating func enter(_ name: FilePath.Component) throws(HostError) -> Entry {
        guard let raw = levels.last?.descriptor?.raw else { return .absent }
        let resolution = Resolution.beneath(raw, stayingOnMount: true)
        switch resolution.openIfPossible(FilePath(component: name), CLINUX_O_READ_DIRECTORY, for: anywhere) {
        case .opened(let directory):
            let identity = try Self.identity(of: directory, for: anywhere)
            levels.append(Level(name: name, identity: identity, descriptor: directory))
            if levels.count > Self.openLevels { levels[levels.count - 1 - Self.openLevels].descriptor = nil }
            return .entered
        case .refused(.noSuchFileOrDirectory): return .absent
        case .refused(.notDirectory): return .notDirectory
        case .refused(.tooManySymbolicLinkLevels): return .notDirectory
        case .refused(.improperLink): return .otherMount
        case .refused(let errno): throw site(name).failure(errno, detail: "the directory cannot be entered")
        }
    }

    /// Steps back up, and returns the name of the directory that was left; nil at the top.
    mutating func leave() throws(HostError) -> FilePath.Component? {
        guard let left = levels.popLast(), let name = left.name, let parent = levels.last else { return nil }
        guard parent.descriptor == nil else { return name }
        let rules = UInt64(RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)
        let from = left.descriptor?.raw ?? -1
        let number = try anywhere.check { clinux_openat2(from, "..", CLINUX_O_READ_DIRECTORY, 0, rules) }
        let directory = OwnedDescriptor(adopting: CInt(truncatingIfNeeded: number))
        guard try Self.identity(of: directory, for: anywhere) == parent.identity else {
            throw site().failure(
                kind: .notVerified, detail: "a directory was moved while the tree was walked; try again")
        }
        parent.descriptor = consume directory
        return name
    }

    /// Goes through the names in the current directory from its beginning, until the caller has enough.
    mutating func read(_ each: (borrowing TreeWalk, DirectoryEntry) throws(HostError) -> Bool) throws(HostError) {
        guard let level = levels.last, let raw = level.descriptor?.raw else { return }
        level.isRead = true
        if case .failure(let errno) = result({ clinux_rewind($0) }) { throw site().failure(errno) }
        var reader = DirectoryReader()
        while true {
            let batch: [DirectoryEntry]?
            do throws(HostError) {
                batch = try reader.next(raw, for: anywhere)
            } catch {
                throw located(error)
            }
            guard let batch else { return }
            for entry in batch {
                guard try each(self, entry) else { return }
            }
        }
    }

    private static func identity(
        of directory: borrowing OwnedDescriptor, for site: CallSite
    ) throws(HostError) -> Identity {
        let metadata = FileMetadata(try site.status(of: directory))
        return Identity(device: metadata.device, inode: metadata.inode)
    }
}
