import CLinux
import Glibc
import SystemPackage

/// A mounted file system, held by the root of its mount.
///
/// What is done to it is never done by mistake to the file system around an empty mount point.
struct MountedFileSystem: ~Copyable {
    let directory: OwnedDescriptor
    let entry: MountEntry
    private let site: CallSite

    /// Opens the root of the mount at exactly `path`.
    init(_ path: FilePath, _ operation: HostOperation) throws(HostError) {
        let path = try PathRule.absolute(path, operation)
        let site = CallSite(operation, at: path)
        let directory = try Resolution.absolute.open(path, CLINUX_O_READ_DIRECTORY, for: site)
        let id = Int(clamping: try site.status(of: directory).stx_mnt_id)
        let table = try SelectedMounts(MountDevices()).read(MountSelection(paths: [path]))
        guard let entry = table.topmost(at: path), entry.mountID == id else {
            throw site.failure(
                kind: .notVerified, detail: "nothing is mounted there, and the file system around it is left alone")
        }
        self.site = site
        self.directory = directory
        self.entry = entry
    }

    /// Makes sure that it is the file system on a device.
    func require(_ kind: FileSystemKind, on device: FilePath) throws(HostError) {
        guard entry.filesystemType == kind.rawValue else {
            throw site.failure(kind: .notVerified, detail: "a \(entry.filesystemType) is mounted there, not \(kind)")
        }
        let number = try DeviceFile(device, site).number
        // Btrfs shows a number of its own for its files, and its device by name alone.
        guard kind == .btrfs ? FilePath(entry.source) == device : entry.device == number else {
            throw site.failure(kind: .notVerified, detail: "\(entry.source) is mounted there, not \(device)")
        }
    }
}
