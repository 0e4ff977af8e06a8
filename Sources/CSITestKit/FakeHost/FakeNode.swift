import CSIHost
import SystemPackage

/// The number of a node, unique among all file systems of a fake host.
typealias NodeID = UInt64

/// A file, directory or link of a fake host.
struct FakeNode: Sendable {
    /// What the node holds; `durable` is what a power failure leaves of it.
    enum Content: Sendable {
        case file(bytes: SparseBytes, durable: SparseBytes)
        case directory(entries: [FilePath.Component: NodeID], durable: [FilePath.Component: NodeID])
        case symbolicLink(to: FilePath)
        case device(DeviceNumber)
        case fifo

        /// A file whose bytes survive a power failure.
        static func file(_ bytes: [UInt8] = []) -> Content {
            let bytes = SparseBytes(bytes)
            return .file(bytes: bytes, durable: bytes)
        }
    }

    let id: NodeID
    let device: DeviceNumber
    var content: Content
    var permissions: FilePermissions
    var userID: UInt32 = 0
    var groupID: UInt32 = 0
    /// When the content was changed, for those who ask; the model itself sets it only in a copy.
    var modified: Int64 = 0
    /// Extended attributes.
    var attributes: [String: [UInt8]] = [:]

    /// A directory that the node is in and its name there.
    struct Place: Sendable, Hashable {
        let parent: NodeID
        let name: FilePath.Component
        /// The bytes of the name.
        let bytes: [UInt8]

        init(parent: NodeID, name: FilePath.Component) {
            self.parent = parent
            self.name = name
            bytes = name.bytes
        }
    }

    /// The names it has: none for the root of a file system and for what has been removed, several for hard links.
    var places: [Place] = []

    var kind: FileKind {
        switch content {
        case .file: .regular
        case .directory: .directory
        case .symbolicLink: .symbolicLink
        case .device, .fifo: .special
        }
    }

    var entries: [FilePath.Component: NodeID] {
        if case .directory(let entries, _) = content { entries } else { [:] }
    }

    var bytes: SparseBytes {
        get {
            if case .file(let bytes, _) = content { bytes } else { SparseBytes() }
        }
        set {
            if case .file(_, let durable) = content { content = .file(bytes: newValue, durable: durable) }
        }
    }

    /// The project that counts it; 0 for none.
    var project: UInt32 = 0
    /// Whether what is made in it belongs to its project.
    var handsProjectOn = false

    /// How everything fails that reaches it, as on a damaged disk; nil when it is whole.
    var damage: HostError.Kind?

    /// What it is as a subvolume; nil for anything else, and for the root of a file system.
    var subvolume: Subvolume?

    /// The block device that it is the node of.
    var blockDevice: DeviceNumber? {
        if case .device(let number) = content { number } else { nil }
    }

    /// The bytes that it shares with the file it was cloned from.
    var sharedBytes: Int64 = 0

    /// The space it takes, in whole pages as in tmpfs.
    var usedBytes: Int64 {
        max(0, bytes.allocatedBytes - sharedBytes)
    }

    var metadata: FileMetadata {
        FileMetadata(
            kind: kind, permissions: permissions, userID: userID, groupID: groupID, size: bytes.count,
            allocatedBytes: bytes.allocatedBytes, device: device, inode: id, modified: modified,
            specialDevice: blockDevice)
    }

    mutating func setEntry(_ name: FilePath.Component, _ node: NodeID?) {
        guard case .directory(var entries, let durable) = content else { return }
        entries[name] = node
        content = .directory(entries: entries, durable: durable)
    }

    /// Makes owner, mode, times and extended attributes those of another node.
    mutating func takeAttributes(of other: FakeNode) {
        permissions = other.permissions
        userID = other.userID
        groupID = other.groupID
        modified = other.modified
        attributes = other.attributes
    }

    /// Makes what the node holds survive a power failure.
    mutating func sync() {
        switch content {
        case .file(let bytes, _): content = .file(bytes: bytes, durable: bytes)
        case .directory(let entries, _): content = .directory(entries: entries, durable: entries)
        case .symbolicLink, .device, .fifo: break
        }
    }

    /// Takes the node back to what was synced.
    mutating func loseVolatile() {
        switch content {
        case .file(_, let durable): content = .file(bytes: durable, durable: durable)
        case .directory(_, let durable): content = .directory(entries: durable, durable: durable)
        case .symbolicLink, .device, .fifo: break
        }
    }
}

/// A file system of a fake host.
struct FakeFileSystem: Sendable {
    let device: DeviceNumber
    let type: String
    let source: String
    let root: NodeID
    var totalBytes: Int64
    var totalInodes: Int64
    var isReadOnly: Bool
    /// The device that it was mounted from; nil for one that a test has set up without.
    var blockDevice: DeviceNumber?
    var uuid: String?
    /// Its own options, beyond `ro` and `rw`.
    var options: [String] = []
    /// What a server that has it answers to everything; nil when the server is well, or there is none.
    var failure: HostError.Kind?
    /// Whether the server takes the driver for nobody.
    var squashesRoot = false
    /// When the watchdog thaws it, on the host's clock; nil when it is not frozen.
    var frozenUntil: Duration?

    /// Whether files can be read and written past the page cache.
    var canBypassCache: Bool { !["tmpfs", "devtmpfs"].contains(type) }

    /// What it counts and limits.
    var quotas = FakeQuotas()

    /// What its limits belong to; nil where it knows none.
    var quotaMechanism: QuotaSupport.Mechanism? {
        switch type {
        case "ext4", "xfs": .project
        case "btrfs": .subvolume
        default: nil
        }
    }

    /// Whether directories can be subvolumes.
    var hasSubvolumes: Bool { type == "btrfs" }

    /// Whether files can share their blocks.
    var canShare: Bool { ["xfs", "btrfs", "bcachefs"].contains(type) }
}

/// A mount of a fake host.
struct FakeMount: Sendable {
    let id: Int
    var parentID: Int
    /// The node of the parent's file system that the mount covers; nil for the first mount.
    var covered: NodeID?
    let device: DeviceNumber
    let root: NodeID
    var options: BindOptions
    /// Whether it comes back after a power failure.
    let isPermanent: Bool
    /// The group that it shares its changes with; nil when it is private.
    var peerGroup: Int?
    /// The group that it receives changes from; nil when it is not a slave.
    var masterGroup: Int?
    /// The type and the source that a client of a server shows, the source without the path in the export; nil for the file
    /// system's own.
    var client: FakeClient?
    /// Whether it is in the namespace; a lazily detached one lives on for those who hold it.
    var isAttached = true
}

/// How a client shows what it has mounted from a server.
struct FakeClient: Sendable, Hashable {
    let type: String
    let export: NFSLocation
}

/// A file or directory as it is reached: the same node may be writable through one mount and not through another.
struct FakePosition: Sendable, Hashable {
    var mount: Int
    var node: NodeID
}

/// The operation and path that an error will name.
struct FakeCall: Sendable {
    let operation: HostOperation
    let path: FilePath

    func failure(_ errno: Errno, detail: String? = nil) -> HostError {
        HostError(operation, at: path, errno: errno, detail: detail)
    }

    func failure(kind: HostError.Kind, detail: String? = nil) -> HostError {
        HostError(operation, at: path, kind: kind, detail: detail)
    }
}
