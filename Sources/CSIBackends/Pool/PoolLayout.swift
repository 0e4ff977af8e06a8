import CSICore
import CSIHost
import SystemPackage

/// Where things are in a pool, relative to its directory.
///
/// ```
/// POOL/.lock                       held by the controller that manages the pool
/// POOL/.trash/ID.RANDOM/           on its way out
/// POOL/volumes/ID.partial/         being made, or left over from a crash
/// POOL/volumes/ID/volume           the record
/// POOL/volumes/ID/data/            what a pod sees
/// ```
enum PoolLayout {
    static let lock = FilePath(".lock")
    static let trash = FilePath(".trash")
    static let volumes = FilePath("volumes")
    static let partialSuffix = ".partial"
    static let recordName = "volume"
    static let dataName = "data"

    /// A record is a few hundred bytes; a class with 4 KiB of parameters and as many mount flags stays below this.
    static let recordLimit = 64 << 10

    static func volume(_ component: String) -> FilePath { volumes.appending(component) }
    static func partial(_ component: String) -> FilePath { volumes.appending(component + partialSuffix) }
    static func record(in directory: FilePath) -> FilePath { directory.appending(recordName) }
    static func data(in directory: FilePath) -> FilePath { directory.appending(dataName) }

    /// Whether mounts of this root inside a file system show the data of the volume, in the pool or on its way out of
    /// it: the pool may since have moved to another device or path, the id stays.
    static func isData(_ root: FilePath, of component: String) -> Bool {
        let names = root.components.suffix(3).map(\.string)
        guard names.count == 3, names[2] == dataName else { return false }
        if names[0] == volumes.string { return names[1] == component }
        return names[0] == trash.string && names[1].hasPrefix(component + ".")
    }
}
