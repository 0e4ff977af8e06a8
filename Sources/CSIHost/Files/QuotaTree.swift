public import SystemPackage

/// The part of a ``DirectoryTree`` that is about quotas: how much a directory with everything below it may hold.
///
/// Two mechanisms are behind it. On ext4 and XFS every file can belong to a *project*, a number, which a directory hands on
/// to what is made in it; the file system counts and limits by project. On btrfs a *subvolume* is counted by the quota
/// group that it has for itself. Paths follow the rules of ``DirectoryTree``.
///
/// A change of a project or limit survives a power failure with the next durable change in this tree; the file system's journal
/// keeps the order, so that no limit outlives a tree that was made before it and lost.
public protocol QuotaTree: AnyObject, Sendable {
    /// What the file system that the directory lies on can do, as it is mounted now.
    func quotaSupport() async throws(HostError) -> QuotaSupport

    /// Finds a project that nothing on the file system belongs to and nobody has limited.
    ///
    /// Others can take it before it is used: after ``setProject(_:of:)``, a new directory that is alone in it is the only
    /// thing that ``quota(of:)`` counts, and otherwise another project is needed.
    ///
    /// - Parameters:
    ///   - range: where to look; 0 is no project.
    ///   - start: the first one to look at; the search goes on from the beginning of the range.
    /// - Throws: kind `resourceLimit` when all are taken, `notSupported` where projects are not counted.
    func freeProject(in range: ClosedRange<UInt32>, from start: UInt32) async throws(HostError) -> UInt32

    /// Makes a directory, and everything below it, belong to a project, and hands that on to what is made there later.
    ///
    /// Links and special files below keep the project that they have. After a failure some of the tree has the new one.
    ///
    /// - Throws: kind `notSupported` where files have no project, `notDirectory`, among others.
    func setProject(_ project: UInt32, of path: FilePath) async throws(HostError)

    /// Limits what a directory with everything below it may hold; what is over the limit already stays.
    ///
    /// The directory has a project of its own, or is a subvolume.
    ///
    /// - Throws: kind `invalidArgument` when it is neither or a limit is not positive, `notSupported` where the file
    ///   system cannot count that, among others.
    func setQuota(_ limits: QuotaLimits, of path: FilePath) async throws(HostError)

    /// Reads what a directory with everything below it holds and may hold; nil when nobody counts that, or nothing is there.
    ///
    /// btrfs counts when it writes its data out, some seconds behind; holding back is exact.
    func quota(of path: FilePath) async throws(HostError) -> TreeQuota?
}

/// How a file system counts and limits trees.
public struct QuotaSupport: Sendable, Hashable {
    /// What a limit belongs to.
    public enum Mechanism: Sendable, Hashable {
        /// A number that files have and hand on.
        case project
        /// A subvolume.
        case subvolume
    }

    /// What the file system does with a limit.
    public enum Enforcement: Sendable, Hashable, Comparable {
        /// It does not know any.
        case none
        /// It counts, and lets everybody write on.
        case accounting
        /// It refuses what goes over it.
        case enforcing
    }

    /// What a limit belongs to; nil when the file system knows nothing of the kind.
    public var mechanism: Mechanism?

    /// What becomes of limits.
    public var enforcement: Enforcement

    /// Whether the number of files can be limited, too.
    public var limitsInodes: Bool

    /// Why limits do not hold, and what an operator does about it; what else there is to know where they do.
    public var detail: String?

    /// Creates a description.
    public init(mechanism: Mechanism?, enforcement: Enforcement, limitsInodes: Bool, detail: String? = nil) {
        self.mechanism = mechanism
        self.enforcement = enforcement
        self.limitsInodes = limitsInodes
        self.detail = detail
    }

    /// A file system without quotas.
    public static func none(_ detail: String) -> QuotaSupport {
        QuotaSupport(mechanism: nil, enforcement: .none, limitsInodes: false, detail: detail)
    }
}

/// How much a tree may hold.
public struct QuotaLimits: Sendable, Hashable {
    /// The most bytes, more than 0; nil for no limit.
    ///
    /// ext4 rounds up to 1 KiB, XFS to a block.
    public var bytes: Int64?

    /// The most files, directories and links, more than 0; nil for no limit.
    public var inodes: Int64?

    /// No limit at all.
    public static let unlimited = QuotaLimits()

    /// Creates limits.
    public init(bytes: Int64? = nil, inodes: Int64? = nil) {
        self.bytes = bytes
        self.inodes = inodes
    }
}

/// What is counted of a tree.
public struct TreeQuota: Sendable, Hashable {
    /// The project or the subvolume.
    public var id: UInt64

    /// What it may hold.
    public var limits: QuotaLimits

    /// The bytes that it holds.
    public var usedBytes: Int64

    /// The files, directories and links that it holds; nil where they are not counted.
    public var usedInodes: Int64?

    /// Creates a count.
    public init(id: UInt64, limits: QuotaLimits, usedBytes: Int64, usedInodes: Int64?) {
        self.id = id
        self.limits = limits
        self.usedBytes = usedBytes
        self.usedInodes = usedInodes
    }
}
