package import SystemPackage

/// What every host demands of a file before it attaches it as a loop device.
package enum LoopRule {
    /// Returns the bytes of a device's name.
    package static func name(of options: LoopOptions, at path: FilePath) throws(HostError) -> [UInt8] {
        let name = Array(options.name.utf8)
        guard name.count <= LoopOptions.maximumNameLength, !name.contains(0) else {
            throw HostError(
                .attachLoop, at: path, kind: .invalidArgument,
                detail:
                    "the device's name has \(name.count) bytes: at most \(LoopOptions.maximumNameLength) are allowed, "
                    + "none of them NUL")
        }
        return name
    }

    /// Makes sure that a file can be shown by a device down to its last byte.
    package static func check(
        kind: FileKind, size: Int64, options: LoopOptions, at path: FilePath
    ) throws(HostError) {
        guard kind == .regular else {
            throw HostError(
                .attachLoop, at: path, kind: kind == .directory ? .isDirectory : .wrongType,
                detail: "only a regular file can be attached")
        }
        let sector = Int64(options.sectorSize.rawValue)
        guard size > 0, size % sector == 0 else {
            throw HostError(
                .attachLoop, at: path, kind: .invalidArgument,
                detail: "its size of \(size) bytes is no multiple of the sector size of \(sector) bytes")
        }
    }

    /// What asks the kernel for loop devices.
    package static let control: FilePath = "/dev/loop-control"

    /// The error about a machine without loop devices.
    package static func noLoopDevices(_ path: FilePath) -> HostError {
        HostError(
            .attachLoop, at: path, kind: .noDevice,
            detail:
                "there is no \(control): load the module on the node (modprobe loop), and give the container the node's /dev"
        )
    }

    /// The error about a tree that is not of the host that is to attach a file in it.
    package static func foreignTree(_ tree: any DirectoryTree, _ file: FilePath) -> HostError {
        HostError(
            .attachLoop, at: tree.path.pushing(file), kind: .invalidArgument,
            detail: "the directory was opened by another host")
    }

    /// The error about a device that does not show the file any more that the caller means.
    package static func replaced(_ device: LoopDevice, _ operation: HostOperation) -> HostError {
        HostError(
            operation, at: device.path, kind: .stale,
            detail: "it is no longer attached to the file \(device.backing) (\(device.backingPath))")
    }

    /// The error about a file system around whose page cache nothing can go.
    package static func cannotBypassCache(_ path: FilePath, _ operation: HostOperation) -> HostError {
        HostError(operation, at: path, kind: .notSupported, detail: "direct I/O is not possible on this file system")
    }

    /// The error about a device that is still used when the time is over.
    package static func stillUsed(_ device: LoopDevice, by users: [BlockDeviceUser]) -> HostError {
        let users =
            users.isEmpty ? "it is in use, by whom is out of sight" : users.map(\.description).joined(separator: "; ")
        return HostError(.detachLoop, at: device.path, kind: .busy, errno: .resourceBusy, detail: users)
    }
}
