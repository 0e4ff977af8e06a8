import CLinux
import Glibc
import SystemPackage

/// Single mounts, asked for by the number that the kernel never uses again: with this no other mount is looked at.
enum StatMount {
    /// The kernel does not answer, or not all of it: the table must be read.
    struct Unavailable: Error {}

    /// A mount with the numbers that lead on from it.
    struct Found {
        let id: UInt64
        let parent: UInt64
        let entry: MountEntry
    }

    /// Whether the kernel tells of single mounts all that its table has, which Linux 6.13 does.
    static let isSupported: Bool = {
        let site = CallSite(.mountTable, at: "/")
        guard let root = try? Resolution.absolute.open("/", CLINUX_O_PATH, for: site),
            let id = try? id(of: root), let answer = try? answer(id, entryMask)
        else { return false }
        // Nothing else tells of the support for sources, and the root always has one.
        return answer.header.mask & CLINUX_STATMOUNT_SOURCE != 0
    }()

    private static var entryMask: UInt64 {
        CLINUX_STATMOUNT_ENTRY | CLINUX_STATMOUNT_PLACE | CLINUX_STATMOUNT_OPTIONS | CLINUX_STATMOUNT_SUBTYPE
            | CLINUX_STATMOUNT_SOURCE
    }

    /// The number of the mount that an open file lies in.
    static func id(of descriptor: borrowing OwnedDescriptor) throws(Unavailable) -> UInt64 {
        var status = statx()
        let flags = CLINUX_AT_EMPTY_PATH | CLINUX_AT_STATX_DONT_SYNC
        guard clinux_statx(descriptor.raw, "", flags, CLINUX_STATX_MNT_ID_UNIQUE, &status) == 0,
            status.stx_mask & CLINUX_STATX_MNT_ID_UNIQUE != 0
        else { throw Unavailable() }
        return status.stx_mnt_id
    }

    /// A mount of this namespace; nil when it is gone or out of sight.
    static func find(_ id: UInt64) throws(Unavailable) -> Found? {
        guard let answer = try answer(id, entryMask) else { return nil }
        return try answer.found()
    }

    /// What a mount shows of its file system, the whole of it or a directory or file in it; nil when the mount is gone.
    static func root(of id: UInt64) throws(Unavailable) -> FilePath? {
        try answer(id, CLINUX_STATMOUNT_ROOT, needing: CLINUX_STATMOUNT_ROOT)?.root.path
    }

    /// The device of a mount's file system, and whether that is btrfs; nil when the mount is gone.
    static func device(of id: UInt64) throws(Unavailable) -> (number: DeviceNumber, isBtrfs: Bool)? {
        var header = clinux_statmount()
        let size = MemoryLayout<clinux_statmount>.size
        let status = clinux_statmount(id, CLINUX_STATMOUNT_SUPER, &header, size)
        guard status != -Int(ENOENT) else { return nil }
        guard status == 0, header.mask & CLINUX_STATMOUNT_SUPER != 0 else { throw Unavailable() }
        return (DeviceNumber(major: header.device_major, minor: header.device_minor), header.magic == 0x9123_683E)
    }

    /// All mounts that the process can reach, in ascending order.
    ///
    /// - Parameter expected: how many there were at the last time.
    static func all(expected: Int) throws(Unavailable) -> [UInt64] {
        var ids: [UInt64] = []
        var last: UInt64 = 0
        while ids.count < 1 << 20 {
            let room = max(512, expected + expected / 8 - ids.count)
            var count = 0
            let next = [UInt64](unsafeUninitializedCapacity: room) { buffer, filled in
                count = clinux_listmount(everywhere, last, buffer.baseAddress, room)
                filled = min(room, max(0, count))
            }
            guard count >= 0 else { throw Unavailable() }
            if ids.isEmpty { ids = next } else { ids += next }
            guard next.count == room, let greatest = next.last, greatest > last else { return ids }
            last = greatest
        }
        throw Unavailable()
    }

    /// The mounts at and below the directories that a mount shows, itself left out; nil when there are more than a few.
    static func mounts(below top: UInt64) throws(Unavailable) -> [MountEntry]? {
        let few = 16
        var count = 0
        let ids = [UInt64](unsafeUninitializedCapacity: few + 1) { buffer, filled in
            count = clinux_listmount(top, 0, buffer.baseAddress, few + 1)
            filled = min(few + 1, max(0, count))
        }
        guard count >= 0 else { throw Unavailable() }
        guard count <= few else { return nil }
        var entries: [MountEntry] = []
        for id in ids {
            if let found = try find(id) { entries.append(found.entry) }
        }
        return entries
    }

    /// What stands for the root of the namespace where the mounts below one are asked for.
    private static var everywhere: UInt64 { .max }

    private static func answer(
        _ id: UInt64, _ mask: UInt64, needing needed: UInt64 = CLINUX_STATMOUNT_ENTRY
    ) throws(Unavailable) -> Answer? {
        var size = 4096
        while size <= 1 << 20 {
            var status = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
                status = clinux_statmount(id, mask, buffer.baseAddress, size)
                let written =
                    status == 0 ? buffer.baseAddress.map { UnsafeRawPointer($0).loadUnaligned(as: UInt32.self) } : 0
                filled = min(size, Int(written ?? 0))
            }
            if status == -Int(EOVERFLOW) {
                size *= 4
                continue
            }
            guard status != -Int(ENOENT) else { return nil }
            guard status == 0, let answer = Answer(bytes), answer.header.mask & needed == needed else {
                throw Unavailable()
            }
            return answer
        }
        throw Unavailable()
    }
}

/// What the kernel wrote about a mount.
private struct Answer {
    let header: clinux_statmount
    private let bytes: [UInt8]

    init?(_ bytes: [UInt8]) {
        guard bytes.count >= MemoryLayout<clinux_statmount>.size else { return nil }
        header = bytes.withUnsafeBytes { $0.loadUnaligned(as: clinux_statmount.self) }
        self.bytes = bytes
    }

    func found() throws(StatMount.Unavailable) -> StatMount.Found? {
        // One above the root of the process has no place.
        guard header.mask & CLINUX_STATMOUNT_PLACE != 0 else { return nil }
        let mountPoint = path(header.mount_point)
        guard mountPoint.isAbsolute else { return nil }
        let source = header.mask & CLINUX_STATMOUNT_SOURCE != 0 ? text(header.source) : ""
        // The table's reader finds out which device that is.
        guard source != "/dev/root" else { throw StatMount.Unavailable() }
        let root = root
        let subtype = header.mask & CLINUX_STATMOUNT_SUBTYPE != 0 ? text(header.subtype) : ""
        let entry = MountEntry(
            mountID: Int(header.old_id), parentID: Int(header.old_parent),
            device: DeviceNumber(major: header.device_major, minor: header.device_minor), root: root.path,
            isRootDeleted: root.isDeleted, mountPoint: mountPoint,
            filesystemType: subtype.isEmpty ? text(header.type) : text(header.type) + "." + subtype, source: source,
            mountOptions: mountOptions, superOptions: superOptions,
            peerGroup: header.propagation & UInt64(MS_SHARED) != 0 ? Int(clamping: header.peer_group) : nil,
            masterGroup: header.propagation & UInt64(MS_SLAVE) != 0 ? Int(clamping: header.master) : nil)
        return StatMount.Found(id: header.id, parent: header.parent, entry: entry)
    }

    var root: (path: FilePath, isDeleted: Bool) { MountEntry.root(string(header.root)) }

    private var mountOptions: [String] {
        let attributes = header.attributes
        var words = [attributes & UInt64(MOUNT_ATTR_RDONLY) != 0 ? "ro" : "rw"]
        func add(_ word: String, _ bit: Int32) { if attributes & UInt64(bit) != 0 { words.append(word) } }
        add("nosuid", MOUNT_ATTR_NOSUID)
        add("nodev", MOUNT_ATTR_NODEV)
        add("noexec", MOUNT_ATTR_NOEXEC)
        add("noatime", MOUNT_ATTR_NOATIME)
        add("nodiratime", MOUNT_ATTR_NODIRATIME)
        if attributes & UInt64(MOUNT_ATTR__ATIME) == 0 { words.append("relatime") }
        add("nosymfollow", MOUNT_ATTR_NOSYMFOLLOW)
        add("idmapped", MOUNT_ATTR_IDMAP)
        return words
    }

    private var superOptions: [String] {
        let flags = header.super_flags
        var words = [flags & 1 != 0 ? "ro" : "rw"]
        if flags & 1 << 4 != 0 { words.append("sync") }
        if flags & 1 << 7 != 0 { words.append("dirsync") }
        if flags & 1 << 25 != 0 { words.append("lazytime") }
        guard header.mask & CLINUX_STATMOUNT_OPTIONS != 0 else { return words }
        let options = String(decoding: Self.unescaped(string(header.options)), as: UTF8.self)
        return words + options.split(separator: ",").map(String.init)
    }

    /// The bytes of a string, which ends with a zero or with the answer.
    private func string(_ offset: UInt32) -> ArraySlice<UInt8> {
        let start = MemoryLayout<clinux_statmount>.size + Int(offset)
        guard start < bytes.count else { return [] }
        return bytes[start...].prefix { $0 != 0 }
    }

    private func text(_ offset: UInt32) -> String { String(decoding: string(offset), as: UTF8.self) }

    private func path(_ offset: UInt32) -> FilePath {
        FilePath(platformString: string(offset).map { CChar(bitPattern: $0) } + [0])
    }

    /// Options alone come as the table shows them, with some characters as three octal digits.
    private static func unescaped(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        guard bytes.contains(0x5c) else { return Array(bytes) }
        var plain: [UInt8] = []
        var rest = bytes
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            let isEscape = byte == 0x5c && digits.count == 3 && digits.allSatisfy { (0x30...0x37).contains($0) }
            let value = digits.reduce(0) { $0 * 8 + Int($1) - 0x30 }
            guard isEscape, let character = UInt8(exactly: value) else {
                plain.append(byte)
                continue
            }
            plain.append(character)
            rest = rest.dropFirst(3)
        }
        return plain
    }
}
