public import SystemPackage

/// The mounts of one namespace at one moment.
///
/// Paths are compared as text, without asking any file system: give absolute paths without symbolic links, `.` or `..`.
/// Mounts that another mount hides (because it covers a directory above them) are in ``entries`` but in no answer about
/// a path, just as the kernel would not find them.
public struct MountTable: Sendable, Hashable {
    /// All mounts in the kernel's order.
    public let entries: [MountEntry]

    /// The mount point of each entry.
    private let mountPoints: [PathBytes]

    /// Creates a table.
    public init(entries: [MountEntry]) {
        self.entries = entries
        mountPoints = entries.map { PathBytes($0.mountPoint) }
    }

    /// The mounts stacked at exactly `path`, bottom to top; empty when `path` is no mount point.
    public func entries(at path: FilePath) -> [MountEntry] {
        chain(to: path).filter { $0.mountPoint == path }
    }

    /// The visible mount at exactly `path`; nil when `path` is no mount point.
    public func topmost(at path: FilePath) -> MountEntry? {
        entries(at: path).last
    }

    /// The mount that `path` lies in, which is the topmost one at `path` itself when that is a mount point.
    public func mountPoint(containing path: FilePath) -> MountEntry? {
        chain(to: path).last
    }

    /// What a bind mount of `source` shows: compare it with the ``MountEntry/origin`` of an existing mount.
    public func origin(of source: FilePath) -> MountOrigin? {
        guard let container = mountPoint(containing: source) else { return nil }
        var inside = source
        guard inside.removePrefix(container.mountPoint) else { return nil }
        return MountOrigin(device: container.device, root: container.root.pushing(inside))
    }

    /// All mounts, wherever they are, that show `origin` or something below it.
    ///
    /// This answers whether a volume is still published somewhere: ask with the ``origin(of:)`` of its directory. Mounts
    /// that another mount hides are included.
    public func mounts(showing origin: MountOrigin) -> [MountEntry] {
        let root = PathBytes(origin.root)
        return entries.filter { $0.device == origin.device && PathBytes($0.root).isAtOrBelow(root) }
    }

    /// All mounts strictly below `path` by their mount points, hidden ones included.
    public func mounts(beneath path: FilePath) -> [MountEntry] {
        let top = PathBytes(path)
        return zip(entries, mountPoints).filter { $1 != top && $1.isAtOrBelow(top) }.map(\.0)
    }

    /// The mounts that the kernel steps through on the way to `path`, outermost first.
    func chain(to path: FilePath) -> [MountEntry] {
        let path = PathBytes(path)
        let onTheWay = zip(entries, mountPoints).filter { path.isAtOrBelow($1) }.map(\.0)
        let known = Set(onTheWay.map(\.mountID))
        // Roots are mounts whose parent is not on the way: the namespace's own root, whose parent is out of sight.
        var candidates = onTheWay.filter { !known.contains($0.parentID) || $0.parentID == $0.mountID }
        var chain: [MountEntry] = []
        var visited: Set<Int> = []
        while let next = Self.outermost(candidates), visited.insert(next.mountID).inserted {
            chain.append(next)
            candidates = onTheWay.filter { $0.parentID == next.mountID && $0.mountID != next.mountID }
        }
        return chain
    }

    /// The mount that a walk down a path meets first; of two at the same place, the later one covers the other.
    private static func outermost(_ candidates: [MountEntry]) -> MountEntry? {
        candidates.reduce(nil) { best, entry in
            guard let best, best.mountPoint.length < entry.mountPoint.length else { return entry }
            return best
        }
    }
}
