import CLinux
import Glibc
import SystemPackage

/// Something that has attributes: an open file, or a name in an open directory, itself and not what it may lead to.
enum Attributed {
    case open(CInt)
    case name(FilePath.Component, in: CInt)

    /// Lists the names of the attributes.
    fileprivate func list(_ room: UnsafeMutableRawBufferPointer) -> Int {
        let names = room.baseAddress?.assumingMemoryBound(to: CChar.self)
        return switch self {
        case .open(let raw): clinux_flistxattr(raw, names, room.count)
        case .name: clinux_llistxattr(path, names, room.count)
        }
    }

    fileprivate func get(_ name: UnsafePointer<CChar>, _ room: UnsafeMutableRawBufferPointer) -> Int {
        switch self {
        case .open(let raw): clinux_fgetxattr(raw, name, room.baseAddress, room.count)
        case .name: clinux_lgetxattr(path, name, room.baseAddress, room.count)
        }
    }

    fileprivate func set(_ name: UnsafePointer<CChar>, _ value: UnsafeRawBufferPointer) -> Int {
        switch self {
        case .open(let raw): clinux_fsetxattr(raw, name, value.baseAddress, value.count)
        case .name: clinux_lsetxattr(path, name, value.baseAddress, value.count)
        }
    }

    fileprivate func setOwner(_ user: UInt32, _ group: UInt32) -> Int {
        switch self {
        case .open(let raw): clinux_fchownat(raw, "", user, group, CLINUX_AT_EMPTY_PATH)
        case .name(let name, let directory):
            name.withPlatformString { clinux_fchownat(directory, $0, user, group, CLINUX_AT_SYMLINK_NOFOLLOW) }
        }
    }

    fileprivate func setMode(_ mode: mode_t) -> Int {
        switch self {
        case .open(let raw): clinux_fchmod(raw, mode)
        case .name: clinux_chmod(path, mode)
        }
    }

    fileprivate func setTimes(of status: statx) -> Int {
        var (accessed, modified) = (status.stx_atime, status.stx_mtime)
        return switch self {
        case .open(let raw): clinux_set_times(raw, &accessed, &modified)
        case .name(let name, let directory):
            name.withPlatformString { clinux_set_times_at(directory, $0, &accessed, &modified) }
        }
    }

    fileprivate func status(_ status: inout statx) -> Int {
        switch self {
        case .open(let raw): clinux_statx(raw, "", CLINUX_AT_EMPTY_PATH, UInt32(STATX_BASIC_STATS), &status)
        case .name(let name, let directory):
            name.withPlatformString {
                clinux_statx(directory, $0, CLINUX_AT_SYMLINK_NOFOLLOW, UInt32(STATX_BASIC_STATS), &status)
            }
        }
    }

    /// A path for the calls that take no descriptor: the kernel goes to the open directory itself, and then to the name.
    private var path: String {
        switch self {
        case .open(let raw): "/proc/self/fd/\(raw)"
        case .name(let name, let directory): FilePath("/proc/self/fd/\(directory)").appending(name).string
        }
    }
}

/// Copies owner, mode, times, extended attributes and access control lists from one file to another.
final class AttributeCopy {
    /// What a new file or directory gets from the directory that it is made in.
    static let inherited = ["system.posix_acl_default", "system.posix_acl_access"]

    /// The most that the kernel gives of names, and of one value.
    private static let room = 64 << 10

    private static let nfsList = "system.nfs4_acl"

    private let names = UnsafeMutableRawBufferPointer.allocate(byteCount: room, alignment: 16)
    private let value = UnsafeMutableRawBufferPointer.allocate(byteCount: room, alignment: 16)
    private let present = UnsafeMutableRawBufferPointer.allocate(byteCount: room, alignment: 16)

    /// The lists that a server gives to new files of one directory, by owner, group and mode, as it has been seen to.
    ///
    /// What it gives can follow from the directory, so none is taken for another directory.
    private var lists: [Made: [UInt8]] = [:]

    /// What a server makes a list of, for a new file.
    private struct Made: Hashable {
        let mode: UInt16
        let user: UInt32
        let group: UInt32

        init(_ status: statx) {
            mode = status.stx_mode
            user = status.stx_uid
            group = status.stx_gid
        }
    }

    deinit {
        names.deallocate()
        value.deallocate()
        present.deallocate()
    }

    /// Copies everything that the source's status says, and its attributes.
    ///
    /// The order matters: a new owner takes capabilities and set-user-ID bits away, an access control list changes the mode,
    /// and everything changes the times.
    ///
    /// - Parameter made: what the copy was when it was made, a moment ago: what is right already is not set once more.
    func copy(
        _ source: Attributed, _ status: statx, to copy: Attributed, madeAs made: statx? = nil, _ site: CallSite
    ) throws(HostError) {
        let hasOwner = made?.stx_uid == status.stx_uid && made?.stx_gid == status.stx_gid
        if !hasOwner { try setOwner(of: copy, as: status, site) }
        let found = try copyAttributes(source, to: copy, site)
        let kind = FileKind(mode: UInt32(status.stx_mode))
        let hasMode = made?.stx_mode == status.stx_mode && !found.hasPOSIXList
        if kind != .symbolicLink, !hasMode { try setMode(of: copy, as: status, site) }
        // A server makes a new list of a new mode.
        if found.hasNFSList { try copyList(source, to: copy, madeAs: hasOwner && hasMode ? Made(status) : nil, site) }
        try site.check(detail: "its times cannot be kept") { copy.setTimes(of: status) }
    }

    /// Forgets what new files get: those that come are made in another directory.
    func forgetLists() { lists.removeAll(keepingCapacity: true) }

    /// Gives the copy the list of NFS that the source has.
    private func copyList(
        _ source: Attributed, to copy: Attributed, madeAs made: Made?, _ site: CallSite
    ) throws(HostError) {
        guard let wanted = try read(Self.nfsList, Self.nfsList, of: source, site) else { return }
        if let made, let given = lists[made], wanted.elementsEqual(given) { return }
        if case .success(let length) = site.result({ copy.get(Self.nfsList, present) }) {
            let given = present[..<length]
            if let made { lists[made] = Array(given) }
            if wanted.elementsEqual(given) { return }
        }
        try set(Self.nfsList, Self.nfsList, wanted, of: copy, site)
    }

    private func setOwner(of copy: Attributed, as wanted: statx, _ site: CallSite) throws(HostError) {
        let result = site.result { copy.setOwner(wanted.stx_uid, wanted.stx_gid) }
        guard case .failure(let errno) = result else { return }
        // One who may not change the owner can still be the owner.
        var status = statx()
        if case .success = site.result({ copy.status(&status) }), status.stx_uid == wanted.stx_uid,
            status.stx_gid == wanted.stx_gid
        {
            return
        }
        throw site.failure(errno, detail: "its owner (\(wanted.stx_uid):\(wanted.stx_gid)) cannot be kept")
    }

    private func setMode(of copy: Attributed, as wanted: statx, _ site: CallSite) throws(HostError) {
        let mode = wanted.stx_mode & 0o7777
        try site.check(detail: "its mode cannot be kept") { copy.setMode(mode_t(mode)) }
        guard mode & 0o6000 != 0 else { return }
        // The kernel leaves these bits out in silence for those who may not set them.
        var status = statx()
        try site.check { copy.status(&status) }
        guard status.stx_mode & 0o7777 == mode else {
            throw site.failure(
                kind: .permissionDenied, detail: "its set-user-ID or set-group-ID bit cannot be kept")
        }
    }

    /// - Returns: which access control lists there are; that of NFS is left to the caller.
    private func copyAttributes(
        _ source: Attributed, to copy: Attributed, _ site: CallSite
    ) throws(HostError) -> (hasNFSList: Bool, hasPOSIXList: Bool) {
        let length: Int
        switch site.result({ source.list(names) }) {
        case .success(let count): length = count
        case .failure(let errno) where HostError.Kind(errno: errno) == .notSupported: return (false, false)
        case .failure(let errno): throw site.failure(errno, detail: "its extended attributes cannot be listed")
        }
        var found = (hasNFSList: false, hasPOSIXList: false)
        // Each name ends with a NUL.
        for bytes in names[..<length].split(separator: 0) {
            let name = UnsafeRawBufferPointer(rebasing: bytes)
            let text = String(decoding: name, as: UTF8.self)
            if text == Self.nfsList { found.hasNFSList = true }
            if Self.inherited.contains(text) { found.hasPOSIXList = true }
            guard Self.isKept(text), let start = name.baseAddress?.assumingMemoryBound(to: CChar.self) else { continue }
            if let wanted = try read(start, text, of: source, site) { try set(start, text, wanted, of: copy, site) }
        }
        return found
    }

    /// Whether an attribute belongs to the file, and not to the file system or the machine.
    private static func isKept(_ name: String) -> Bool {
        // How XFS shows its access control lists once more.
        if name.hasPrefix("trusted.SGI_ACL_") { return false }
        return name.hasPrefix("user.") || name.hasPrefix("trusted.") || name == "security.capability"
            || inherited.contains(name)
    }

    /// Reads an attribute; nil when it was removed meanwhile.
    ///
    /// The next read overwrites what it returns.
    private func read(
        _ name: UnsafePointer<CChar>, _ text: String, of source: Attributed, _ site: CallSite
    ) throws(HostError) -> UnsafeRawBufferPointer? {
        switch site.result({ source.get(name, value) }) {
        case .success(let length): return UnsafeRawBufferPointer(rebasing: value[..<length])
        case .failure(.noData): return nil
        case .failure(let errno): throw site.failure(errno, detail: "the attribute \(text) cannot be read")
        }
    }

    private func set(
        _ name: UnsafePointer<CChar>, _ text: String, _ wanted: UnsafeRawBufferPointer, of copy: Attributed,
        _ site: CallSite
    ) throws(HostError) {
        if case .failure(let errno) = site.result({ copy.set(name, wanted) }) {
            throw site.failure(errno, detail: "the attribute \(text) cannot be kept")
        }
    }
}
