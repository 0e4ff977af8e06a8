import CSICore
import SystemPackage

/// Where the driver keeps what on a share, beside the volumes.
///
/// ```
/// SHARE/SUBDIR/                              a volume: what pods see
/// SHARE/archived-SUBDIR/                     a volume that was deleted with onDelete: archive
/// SHARE/.swift-csi/volumes/NAME              the record of a volume
/// SHARE/.swift-csi/parents/NAME              a directory above a volume that this driver has made
/// SHARE/.swift-csi/making/NAME.RANDOM/       a volume that is being filled
/// SHARE/.swift-csi/trash/RANDOM/             on its way out
/// SHARE/.swift-csi/snapshots/NAME/           a snapshot: its record and its data
/// SHARE/SNAPSHOT/VOLUME.tar.gz               a snapshot that csi-driver-nfs took
/// ```
enum ShareLayout {
    /// The directory of the driver's own files.
    static let ownName = ".swift-csi"

    static let own = FilePath(ownName)
    static let volumes = own.appending("volumes")
    static let parents = own.appending("parents")
    static let making = own.appending("making")
    static let trash = own.appending("trash")
    static let snapshots = own.appending("snapshots")

    /// The record of the volume in a directory.
    static func record(of directory: SubDirectory) -> FilePath { volumes.appending(fileName(directory)) }

    /// The note that says who made a directory above a volume.
    static func parent(_ directory: SubDirectory) -> FilePath { parents.appending(fileName(directory)) }

    /// The directory of a snapshot.
    static func snapshot(_ name: SubDirectory) -> FilePath { snapshots.appending(fileName(name)) }

    /// A path as one name of a file: slashes and what the code itself needs are written as `%XX`; a name that would be too
    /// long ends in its digest.
    static func fileName(_ directory: SubDirectory) -> String {
        var name = ""
        for scalar in directory.description.unicodeScalars {
            switch scalar {
            case "/": name += "%2F"
            case "%": name += "%25"
            default: name.unicodeScalars.append(scalar)
            }
        }
        guard name.utf8.count > 200 || name.hasPrefix(".") else { return name }
        return "%" + Digest.text(of: directory.description)
    }
}

/// The first 128 bits of a SHA-256, in hexadecimal.
enum Digest {
    static func text(of input: String) -> String { SHA256.hexDigest(of: input.utf8, bytes: 16) }
}
