import CLinux
import Glibc
import SystemPackage

extension FileKind {
    /// The kind in the type bits of a mode.
    init(mode: UInt32) {
        switch mode & UInt32(Glibc.S_IFMT) {
        case UInt32(Glibc.S_IFREG): self = .regular
        case UInt32(Glibc.S_IFDIR): self = .directory
        case UInt32(Glibc.S_IFLNK): self = .symbolicLink
        default: self = .special
        }
    }
}

extension FileMetadata {
    /// The metadata in the kernel's answer.
    init(_ status: statx) {
        self.init(
            kind: FileKind(mode: UInt32(status.stx_mode)),
            permissions: FilePermissions(rawValue: CInterop.Mode(status.stx_mode & 0o7777)),
            userID: status.stx_uid, groupID: status.stx_gid, size: Int64(clamping: status.stx_size),
            allocatedBytes: Int64(clamping: min(status.stx_blocks, UInt64.max / 512) * 512),
            device: DeviceNumber(major: status.stx_dev_major, minor: status.stx_dev_minor), inode: status.stx_ino,
            modified: status.stx_mtime.tv_sec,
            specialDevice: Self.specialDevice(status))
    }

    private static func specialDevice(_ status: statx) -> DeviceNumber? {
        switch UInt32(status.stx_mode) & UInt32(Glibc.S_IFMT) {
        case UInt32(Glibc.S_IFBLK), UInt32(Glibc.S_IFCHR):
            DeviceNumber(major: status.stx_rdev_major, minor: status.stx_rdev_minor)
        default: nil
        }
    }
}

extension CallSite {
    /// Reads the status of an open file.
    func status(of descriptor: borrowing OwnedDescriptor) throws(HostError) -> statx {
        var status = statx()
        let raw = descriptor.raw
        try check { clinux_statx(raw, "", CLINUX_AT_EMPTY_PATH, UInt32(STATX_BASIC_STATS | STATX_MNT_ID), &status) }
        return status
    }

    /// What this machine knows of a file that it has just made or opened, without asking a server once more.
    func knownStatus(of descriptor: borrowing OwnedDescriptor) throws(HostError) -> statx {
        var status = statx()
        let raw = descriptor.raw
        let flags = CLINUX_AT_EMPTY_PATH | CLINUX_AT_STATX_DONT_SYNC
        try check { clinux_statx(raw, "", flags, UInt32(STATX_BASIC_STATS), &status) }
        return status
    }

    /// Reads the status of a name in a directory, of a link itself; nil when there is none.
    ///
    /// Cached answers will do: where the name is a mount point with a dead server behind it, this must not hang.
    func cachedStatus(of name: FilePath.Component, in directory: CInt) throws(HostError) -> statx? {
        var status = statx()
        let flags = CLINUX_AT_SYMLINK_NOFOLLOW | CLINUX_AT_STATX_DONT_SYNC
        let answer = name.withPlatformString { text in
            result { clinux_statx(directory, text, flags, UInt32(STATX_BASIC_STATS), &status) }
        }
        switch answer {
        case .success: return status
        case .failure(.noSuchFileOrDirectory): return nil
        case .failure(let errno): throw failure(errno)
        }
    }

    /// Reads the size of the file system that an open file lies on.
    func capacity(of descriptor: borrowing OwnedDescriptor) throws(HostError) -> FileSystemCapacity {
        var status = statvfs()
        let raw = descriptor.raw
        try check { clinux_fstatvfs(raw, &status) }
        return FileSystemCapacity(status)
    }
}

extension FileSystemCapacity {
    /// The capacity in the kernel's answer, whose numbers may be anything a file system makes up.
    init(_ status: statvfs) {
        // Some file systems leave the fragment size out; blocks are then counted in the block size.
        let unit = UInt64(status.f_frsize != 0 ? status.f_frsize : status.f_bsize)
        func bytes(_ blocks: UInt64) -> Int64 {
            let (product, overflow) = blocks.multipliedReportingOverflow(by: unit)
            return overflow ? .max : Int64(clamping: product)
        }
        func difference(_ total: UInt64, _ free: UInt64) -> UInt64 {
            total > free ? total - free : 0
        }
        self.init(
            totalBytes: bytes(UInt64(status.f_blocks)),
            usedBytes: bytes(difference(UInt64(status.f_blocks), UInt64(status.f_bfree))),
            availableBytes: bytes(UInt64(status.f_bavail)),
            totalInodes: Int64(clamping: UInt64(status.f_files)),
            usedInodes: Int64(clamping: difference(UInt64(status.f_files), UInt64(status.f_ffree))),
            availableInodes: Int64(clamping: UInt64(status.f_favail)))
    }
}
