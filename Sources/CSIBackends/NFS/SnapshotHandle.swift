import CSIHost
import SystemPackage

/// The id of a snapshot: `server#share#name#name#volume`, as csi-driver-nfs writes it.
///
/// The fourth part, which nobody reads, is left empty where the handle would get longer than an id may be, and the volume's
/// name is then its digest. A sixth part, which csi-driver-nfs does not write, has the mount options that the share needs.
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
        guard (5...6).contains(parts.count), !parts[4].isEmpty, [parts[2], ""].contains(parts[3]),
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
        let place = [server, share.path.string.trimmingSlashes, name.description]
        let options = mountOptions.text.isEmpty ? [] : [mountOptions.text]
        let whole = (place + [name.description, volume] + options).joined(separator: "#")
        let isTooLong = whole.utf8.count > VolumeHandle.specifiedLimit
        self.volume = isTooLong ? "vol-" + Digest.text(of: volume) : volume
        description = isTooLong ? (place + ["", self.volume] + options).joined(separator: "#") : whole
        self.share = share
        self.name = name
        self.mountOptions = mountOptions
    }

    /// Where csi-driver-nfs keeps the archive, in the order to look.
    var archives: [FilePath] {
        ["tar.gz", "tar"].map { name.path.appending("\(volume).\($0)") }
    }
}
