package import SystemPackage

/// What every host demands of the sizes and kinds of image files.
package enum ImageRule {
    /// Makes sure that a size is one.
    package static func check(size: Int64, _ operation: HostOperation, at path: FilePath) throws(HostError) {
        guard size >= 0 else {
            throw HostError(operation, at: path, kind: .invalidArgument, detail: "a size of \(size) bytes")
        }
    }

    /// Makes sure that something is a regular file.
    package static func check(kind: FileKind, _ operation: HostOperation, at path: FilePath) throws(HostError) {
        switch kind {
        case .regular: return
        case .directory: throw HostError(operation, at: path, kind: .isDirectory)
        case .symbolicLink: throw HostError(operation, at: path, kind: .symbolicLink)
        case .special: throw HostError(operation, at: path, kind: .wrongType, detail: "it is not a regular file")
        }
    }

    /// Makes sure that a file does not become smaller.
    package static func check(
        growthFrom size: Int64, to newSize: Int64, at path: FilePath
    ) throws(HostError) {
        try check(size: newSize, .setFileSize, at: path)
        guard newSize >= size else {
            throw HostError(
                .setFileSize, at: path, kind: .invalidArgument,
                detail: "it has \(size) bytes, and nothing is ever cut off to make it \(newSize)")
        }
    }

    /// Makes sure that a part of a file is one.
    package static func check(
        hole offset: Int64, length: Int64, at path: FilePath
    ) throws(HostError) {
        guard offset >= 0, length > 0, !offset.addingReportingOverflow(length).overflow else {
            throw HostError(
                .punchHole, at: path, kind: .invalidArgument,
                detail: "\(length) bytes at \(offset) are no part of a file")
        }
    }

    /// The error about blocks that cannot be shared.
    package static func cannotShare(_ path: FilePath) -> HostError {
        HostError(
            .copyFile, at: path, kind: .notSupported,
            detail: "blocks are shared between files of one file system that can (xfs and btrfs), which these are not")
    }
}
