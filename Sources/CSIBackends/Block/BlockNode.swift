import CSICore
public import CSIHost
import CSIPool
public import Logging
import SystemPackage

/// What a Node service does with volumes that are block devices: file systems and raw devices, staged and published.
///
/// What may not happen: that a device which holds something is formatted, and that a pod gets another volume's device. So a
/// file system is made only where a note or the volume's origin says that there never was one and the device reads as
/// blank, and what is mounted is compared with the volume's device before it is used.
///
/// A driver's Node service calls it with its validated requests and what it knows of the volume. Calls for one volume must
/// not overlap, which the framework's keys see to within a process.
public struct BlockNode: Sendable {
    /// How long the kernel may take to mount, the replay of a long journal included.
    static let mountLimit = Duration.seconds(300)
    /// How long mkfs, a check or growth may take: ten minutes, and ten more for each TiB.
    static func toolLimit(_ size: Int64) -> Duration { .seconds(600) + .seconds((size >> 30) * 600 / 1024) }

    /// How long a device that is detached may still be held.
    static let detachLimit = Duration.seconds(10)
    /// How long the unmount of a staging path may take; its pods are gone by then.
    static let unmountPolicy = UnmountPolicy.orderly(deadline: .seconds(10))

    let devices: any VolumeDevices
    let formats: (any FormatNotes)?
    let staging: any StagingNotes
    let host: any Host
    let logger: Logger

    /// Creates the node side of a driver.
    /// - Parameters:
    ///   - devices: Where devices come from.
    ///   - formats: Where is noted what is on them; nil lets ``BlockVolume/origin`` decide.
    ///   - staging: Where is noted how raw block volumes are staged.
    ///   - host: The machine.
    ///   - logger: Receives what happens outside of calls.
    public init(
        devices: any VolumeDevices, formats: (any FormatNotes)?, staging: any StagingNotes, host: any Host,
        logger: Logger
    ) {
        self.devices = devices
        self.formats = formats
        self.staging = staging
        self.host = host
        self.logger = logger
    }

    /// The mounts at the paths, and those that show one of the devices as a file system or as the device itself.
    func mountTable(
        _ paths: [FilePath], of devices: [VolumeDevice] = []
    ) async throws(CSIError) -> MountTable {
        let selection = MountSelection(
            paths: paths, devices: devices.map(\.number), sources: devices.map(\.path))
        return try await withHostErrors { () async throws(HostError) in try await host.mounts.mountTable(of: selection)
        }
    }

    func notStaged(_ id: VolumeID, _ path: AbsolutePath?) -> CSIError {
        .preconditionFailed(
            "volume \"\(id)\" is not staged at \(path?.description ?? "any path"): what is there is not its device; stage it "
                + "first")
    }

    func secondTarget(_ id: VolumeID, _ other: MountEntry, _ mode: AccessMode) -> CSIError {
        .preconditionFailed(
            "volume \"\(id)\" is published at \(other.mountPoint), and its access mode \(mode) allows one target only")
    }

    /// Whether a mount shows a device that is no more: nobody can say whose it was, and nobody can use it.
    func isOrphan(_ entry: MountEntry) async throws(CSIError) -> Bool {
        if FileSystemKind(rawValue: entry.filesystemType) != nil, entry.source.hasPrefix("/dev/") {
            // Btrfs has no number to ask for; its source may be another device by now, and then it is not ours to judge.
            guard entry.filesystemType != FileSystemKind.btrfs.rawValue else {
                return try await isGone(FilePath(entry.source))
            }
            return try await withHostErrors { () async throws(HostError) in
                try await host.devices.device(entry.device) == nil
            }
        }
        // The name of a node that was removed may be gone with it.
        let node = FilePath("/dev").appending(entry.root.lastComponent ?? "null")
        let table = try await mountTable([node])
        guard entry.device == table.mountPoint(containing: node)?.device else { return false }
        guard !entry.isRootDeleted else { return true }
        guard table.origin(of: node) == entry.origin else { return false }
        return try await isGone(node)
    }

    /// A loop device without a file keeps its node, and has no bytes.
    private func isGone(_ node: FilePath) async throws(CSIError) -> Bool {
        do throws(HostError) {
            guard let device = try await host.devices.device(at: node) else { return true }
            return device.size == 0
        } catch {
            // Any other file of /dev.
            if error.kind == .wrongType { return false }
            throw CSIError(error)
        }
    }
}
