import CSIHost
import SystemPackage

/// The id of a snapshot: `server#share#name#name#volume`, as csi-driver-nfs writes it.
///
/// A sixth part, which csi-driver-nfs does not write, has the mount options that the share needs.
struct SnapshotHandle: Sendable, Hashable, CustomStringConvertible {
    /// The text of the id.
    let description: String

    /// The share.
    let share: NFSLocation

    /// The snapshot's name, which is the name of a directory.
    let name: SubDirectory

    /// What csi-driver-nfs calls the volume it was taken of.
    let volume: String

    /// The mount options; nil when the handle does not say.
    let mountOptions: NFSMountOptions?

    /// Reads an id; nil when it is none of this driver's, nor of csi-driver-nfs's.
    init?(_ id: String) {
        let parts = id.split(separator: "#", omittingEmptySubsequences: false).map(String.init)
        guard (5...6).contains(parts.count), !parts[4].isEmpty, parts[2] == parts[3],
            let share = try? NFSLocation(server: parts[0], path: FilePath("/" + parts[1])),
            let name = try? SubDirectory(parts[2]), name.names.count == 1,
            (try? SubDirectory(parts[4])) != nil
        else { return nil }
        if parts.count > 5 {
            guard let options = try? NFSMountOptions(mountFlags: [parts[5]]) else { return nil }
            mountOptions = options
        } else {
            mountOptions = nil
        }
        description = id
        self.share = share
        self.name = name
        volume = parts[4]
    }

    /// Makes the handle of a new snapshot.
    init(server: String, share: NFSLocation, name: SubDirectory, volume: String, mountOptions: NFSMountOptions) {
        var parts = [
            server, share.path.string.trimmingSlashes, name.description, name.description, volume,
        ]
        if !mountOptions.text.isEmpty { parts.append(mountOptions.text) }
        description = parts.joined(separator: "#")
        self.share = share
        self.name = name
        self.volume = volume
        self.mountOptions = mountOptions
    }

    /// Where csi-driver-nfs keeps the archive, in the order to look.
    var archives: [FilePath] {
        ["tar.gz", "tar"].map { name.path.appending("\(volume).\($0)") }
    }
}
