import CSIHost
import SystemPackage

/// The id of a volume, which says where it lies: `server#share#subDir#uuid#onDelete`, as csi-driver-nfs writes it.
///
/// The share has no slashes at its ends. The fourth part is the volume's name where `subDir` was given, the fifth is empty
/// for `delete`. A sixth part, which csi-driver-nfs does not read, has the mount options that the share needs. The older
/// form `server/share/subDir` is read, and written again as it was.
struct VolumeHandle: Sendable, Hashable, CustomStringConvertible {
    /// The length of an id that the specification allows, in bytes; csi-driver-nfs does not keep to it, callers do not mind.
    static let specifiedLimit = 128

    /// The longest name that becomes the name of a directory; a longer one becomes its digest.
    static let longestName = 63

    /// The text of the id.
    let description: String

    /// The share.
    let share: NFSLocation

    /// The directory below it.
    let directory: SubDirectory

    /// The volume's name, where the directory is not named after it; otherwise empty.
    let name: String

    /// What becomes of the directory; nil when the handle does not say.
    let onDelete: DeletePolicy?

    /// The mount options that the volume was made with; nil when the handle does not say.
    let mountOptions: NFSMountOptions?

    /// Reads an id; nil when it is none of this driver's, nor of csi-driver-nfs's.
    init?(_ id: String) {
        let parts = id.split(separator: "#", omittingEmptySubsequences: false).map(String.init)
        let server: String
        let path: String
        let directory: String
        if parts.count >= 3 {
            guard parts.count <= 6 else { return nil }
            (server, path, directory) = (parts[0], parts[1], parts[2])
        } else {
            guard parts.count == 1, let first = id.firstIndex(of: "/"), let last = id.lastIndex(of: "/"), first != last
            else { return nil }
            server = String(id[..<first])
            path = String(id[id.index(after: first)..<last])
            directory = String(id[id.index(after: last)...])
        }
        guard let share = try? NFSLocation(server: server, path: FilePath("/" + path)),
            let directory = try? SubDirectory(directory)
        else { return nil }
        description = id
        self.share = share
        self.directory = directory
        name = parts.count > 3 ? parts[3] : ""
        if parts.count > 4, !parts[4].isEmpty {
            guard let policy = DeletePolicy(name: parts[4]) else { return nil }
            onDelete = policy
        } else {
            onDelete = nil
        }
        if parts.count > 5, !parts[5].isEmpty {
            guard let options = try? NFSMountOptions(mountFlags: [parts[5]]) else { return nil }
            mountOptions = options
        } else {
            mountOptions = nil
        }
    }

    /// Makes the handle of a new volume.
    ///
    /// - Parameters:
    ///   - server: The server as it was given.
    ///   - onDelete: The policy; `defaultPolicy` is left out, as csi-driver-nfs leaves out `delete`.
    init(
        server: String, share: NFSLocation, directory: SubDirectory, name: String, onDelete: DeletePolicy,
        defaultPolicy: DeletePolicy, mountOptions: NFSMountOptions
    ) {
        let policy = onDelete == .delete && defaultPolicy == .delete ? "" : onDelete.rawValue
        var parts = [server, share.path.string.trimmingSlashes, directory.description, name, policy]
        if !mountOptions.text.isEmpty { parts.append(mountOptions.text) }
        description = parts.joined(separator: "#")
        self.share = share
        self.directory = directory
        self.name = name
        self.onDelete = onDelete
        self.mountOptions = mountOptions
    }

    /// The directory as an NFS location.
    var location: NFSLocation { share.appending(directory.path) }

    /// What csi-driver-nfs calls the volume in the name of a snapshot's archive.
    var nameForSnapshots: String { name.isEmpty ? directory.description : name }
}
