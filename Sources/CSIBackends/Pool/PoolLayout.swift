import CSICore
import CSIHost
import SystemPackage

/// Where things are in a pool, relative to its directory.
///
/// ```
/// POOL/.lock                       held by the controller that manages the pool
/// POOL/.trash/ID.RANDOM/           on its way out
/// POOL/retained/ID.RANDOM/         a volume that was deleted and shall be kept
/// POOL/volumes/ID.partial/         being made, or left over from a crash
/// POOL/volumes/ID/volume           the record
/// POOL/volumes/ID/data/            what a pod sees of a directory volume
/// POOL/volumes/ID/image            what a pod sees of an image volume, as a block device
/// POOL/volumes/ID/format           what the node knows of the file system in the image
/// POOL/volumes/ID/staged           where the node has staged a raw block volume
/// POOL/volumes/ID/lock             held by whoever works on the image
/// POOL/snapshots/ID/snapshot       the record of a snapshot
/// POOL/snapshots/ID/image          its content, and `format` beside it
/// POOL/snapshots/ID/image.partial  its image as far as it has been copied
/// POOL/snapshots/ID/data/          its content, of a directory volume
/// POOL/snapshots/ID/data.partial/  its content as far as it has been copied
/// POOL/groups/ID/group             the record of a group of snapshots
/// POOL/groups/ID/SNAPSHOT/         a member, as in `snapshots`
/// ```
enum PoolLayout {
    static let lock = FilePath(".lock")
    static let trash = FilePath(".trash")
    static let retained = FilePath("retained")
    static let volumes = FilePath("volumes")
    static let snapshots = FilePath("snapshots")
    static let groups = FilePath("groups")
    static let partialSuffix = ".partial"
    static let dataName = "data"
    static let imageName = "image"
    static let formatName = "format"
    static let stagedName = "staged"
    static let volumeLockName = "lock"
    /// What the kernel puts after the path of a file that was removed.
    static let removedSuffix = " (deleted)"
    /// A copy of one moment, on the way to a copy that shares nothing.
    static let momentName = "moment"

    /// A record is a few hundred bytes; a class with 4 KiB of parameters and as many mount flags stays below this.
    static let recordLimit = 64 << 10

    static func volume(_ component: String) -> FilePath { volumes.appending(component) }
    static func snapshot(_ component: String) -> FilePath { snapshots.appending(component) }
    static func data(in directory: FilePath) -> FilePath { directory.appending(dataName) }
    static func partialData(in directory: FilePath) -> FilePath { directory.appending(dataName + partialSuffix) }
    static func image(in directory: FilePath) -> FilePath { directory.appending(imageName) }
    static func partialImage(in directory: FilePath) -> FilePath {
        directory.appending(imageName + partialSuffix)
    }
    static func format(in directory: FilePath) -> FilePath { directory.appending(formatName) }
    static func staged(in directory: FilePath) -> FilePath { directory.appending(stagedName) }
    static func volumeLock(in directory: FilePath) -> FilePath { directory.appending(volumeLockName) }

    /// Whether mounts of this root inside a file system show the data of the volume, in the pool or on its way out of
    /// it: the pool may since have moved to another device or path, the id stays.
    static func isData(_ root: FilePath, of component: String) -> Bool {
        let names = root.components.suffix(3).map(\.string)
        guard names.count == 3, names[2] == dataName else { return false }
        if names[0] == volumes.string { return names[1] == component }
        return names[0] == trash.string && names[1].hasPrefix(component + ".")
    }

    /// Whether mounts of this root inside a file system show the data of some volume, in a pool or on its way out of it.
    static func isDataOfAny(_ root: FilePath) -> Bool {
        let names = root.components.suffix(3).map(\.string)
        return names.count == 3 && names[2] == dataName && (names[0] == volumes.string || names[0] == trash.string)
    }

    /// Whether the path of an attached file, as the kernel shows it, ends as that of the image of the volume does.
    ///
    /// It begins anywhere: where the mount namespace is gone in which the file was attached, it is shown from the root of what was
    /// mounted there.
    static func isImage(_ path: String, of component: String) -> Bool {
        let names = FilePath(path).components.suffix(3).map(\.string)
        guard names.count == 3, names[2] == imageName || names[2] == imageName + removedSuffix else { return false }
        return names[0] == volumes.string && names[1] == component || isAside(names, component)
    }

    /// Whether it ends as that of an image which the volume no longer has: removed, replaced, or on its way out.
    static func isFormerImage(_ path: String, of component: String) -> Bool {
        guard isImage(path, of: component) else { return false }
        return path.hasSuffix(removedSuffix) || isAside(FilePath(path).components.suffix(3).map(\.string), component)
    }

    private static func isAside(_ names: [String], _ component: String) -> Bool {
        (names[0] == trash.string || names[0] == retained.string) && names[1].hasPrefix(component + ".")
    }

    /// Whether such a root is of a volume on its way out.
    static func isDiscarded(_ root: FilePath) -> Bool {
        root.components.suffix(3).first?.string == trash.string
    }
}

/// A kind of thing that a pool keeps, each in a directory of its own with a record in it.
struct PoolSection: Sendable, Hashable {
    /// The directory that holds them.
    let directory: FilePath
    /// The name of the record in the directory of each.
    let recordName: FilePath.Component
    /// What messages call it, which is also what the record's header says.
    let noun: String

    static let volumes = PoolSection(directory: PoolLayout.volumes, recordName: "volume", noun: "volume")
    static let snapshots = PoolSection(directory: PoolLayout.snapshots, recordName: "snapshot", noun: "snapshot")

    static let groups = PoolSection(directory: PoolLayout.groups, recordName: "group", noun: "group")

    func path(_ component: String) -> FilePath { directory.appending(component) }
    func partial(_ component: String) -> FilePath { directory.appending(component + PoolLayout.partialSuffix) }
    func record(in directory: FilePath) -> FilePath { directory.appending(recordName) }
}
