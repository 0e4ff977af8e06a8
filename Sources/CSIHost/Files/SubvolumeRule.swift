package import SystemPackage

/// What every host says where there are no subvolumes.
package enum SubvolumeRule {
    /// The error about a file system without subvolumes.
    package static func noSubvolumes(_ operation: HostOperation, at path: FilePath) -> HostError {
        HostError(operation, at: path, kind: .notSupported, detail: "the file system has no subvolumes (btrfs has)")
    }

    /// The error about a directory that is no subvolume.
    package static func noSubvolume(_ operation: HostOperation, at path: FilePath) -> HostError {
        HostError(operation, at: path, kind: .wrongType, detail: "it is not a subvolume")
    }
}
