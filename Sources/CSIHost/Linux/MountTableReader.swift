import CLinux
import CMount
import Glibc
import SystemPackage

/// Reads the kernel's mount table through libmount.
enum MountTableReader {
    /// The largest table to accept: some hundred thousand mounts.
    private static let largestTable = 64 << 20

    /// Reads the table of the process's namespace.
    static func current() throws(HostError) -> MountTable {
        try read("/proc/self/mountinfo") { (text, site) throws(HostError) in try parse(text, for: site) }
    }

    /// Reads the table of the namespace that a process runs in.
    static func table(of process: Int32) throws(HostError) -> MountTable {
        try read(FilePath("/proc/\(process)/mountinfo")) { (text, site) throws(HostError) in
            try parse(text, for: site)
        }
    }

    /// Reads a part of the table of the process's namespace: what is asked for, and maybe more.
    static func current(_ selection: MountSelection) throws(HostError) -> MountTable {
        try read("/proc/self/mountinfo") { (text, site) throws(HostError) in try parse(text, for: selection, site) }
    }

    /// Reads the mounts in a tree and those on the way to it.
    static func current(beneath tree: FilePath) throws(HostError) -> MountTable {
        try read("/proc/self/mountinfo") { (text, site) throws(HostError) in
            try parse(TableFilter(tree: tree).lines(of: text), for: site)
        }
    }

    /// Parses the lines of a table that a selection asks for, and maybe more.
    static func parse(
        _ text: [UInt8], for selection: MountSelection, _ site: CallSite
    ) throws(HostError) -> MountTable {
        let table = try parse(TableFilter(selection).lines(of: text), for: site)
        guard !selection.sources.isEmpty else { return table }
        let origins = selection.sources.compactMap { table.origin(of: $0) }
        return try parse(TableFilter(selection, and: origins).lines(of: text), for: site)
    }

    private static func read(
        _ path: FilePath, _ parse: ([UInt8], CallSite) throws(HostError) -> MountTable
    ) throws(HostError) -> MountTable {
        let site = CallSite(.mountTable, at: path)
        // No rule against links here: /proc/self is one, of the kernel's own making.
        let number = try site.check(detail: "is /proc mounted?") {
            path.withPlatformString { clinux_openat2(CLINUX_AT_FDCWD, $0, CLINUX_O_READ, 0, 0) }
        }
        let descriptor = OwnedDescriptor(adopting: CInt(truncatingIfNeeded: number))
        return try parse(site.readAll(descriptor, limit: largestTable), site)
    }

    /// Parses the text of a table; lines that cannot be understood are left out.
    static func parse(_ text: [UInt8], for site: CallSite) throws(HostError) -> MountTable {
        guard !text.isEmpty else { return MountTable(entries: []) }
        guard let table = mnt_new_table(), let iterator = mnt_new_iter(CInt(MNT_ITER_FORWARD)) else {
            throw site.failure(.noMemory)
        }
        defer {
            mnt_free_iter(iterator)
            mnt_unref_table(table)
        }
        // Positive: leave the line out and go on.
        mnt_table_set_parser_errcb(table) { _, _, _ in 1 }
        var text = text
        let status = text.withUnsafeMutableBytes { bytes -> CInt in
            guard let stream = fmemopen(bytes.baseAddress, bytes.count, "re") else { return -ENOMEM }
            defer { fclose(stream) }
            return mnt_table_parse_stream(table, stream, "mountinfo")
        }
        guard status == 0 else {
            throw site.failure(Errno(rawValue: abs(status)), detail: "libmount cannot parse the mount table")
        }
        var entries: [MountEntry] = []
        var line: OpaquePointer?
        while mnt_table_next_fs(table, iterator, &line) == 0, let current = line {
            if let entry = MountEntry(current) { entries.append(entry) }
        }
        return MountTable(entries: entries)
    }
}

extension MountEntry {
    /// The entry in a parsed line; nil when a part that identifies the mount is missing.
    fileprivate init?(_ line: OpaquePointer) {
        guard let mountPoint = mnt_fs_get_target(line).map(FilePath.init(platformString:)), mountPoint.isAbsolute,
            let rootText = mnt_fs_get_root(line)
        else { return nil }
        let device = mnt_fs_get_devno(line)
        let root = Self.root(
            UnsafeBufferPointer(start: rootText, count: strlen(rootText)).map { UInt8(bitPattern: $0) }[...])
        let tags = Self.words(mnt_fs_get_optional_fields(line), separator: " ")
        self.init(
            mountID: Int(mnt_fs_get_id(line)), parentID: Int(mnt_fs_get_parent_id(line)),
            device: DeviceNumber(major: gnu_dev_major(device), minor: gnu_dev_minor(device)),
            root: root.path, isRootDeleted: root.isDeleted, mountPoint: mountPoint,
            filesystemType: mnt_fs_get_fstype(line).map { String(cString: $0) } ?? "",
            source: mnt_fs_get_source(line).map { String(cString: $0) } ?? "",
            mountOptions: Self.words(mnt_fs_get_vfs_options(line), separator: ","),
            superOptions: Self.words(mnt_fs_get_fs_options(line), separator: ","),
            peerGroup: Self.group("shared:", in: tags), masterGroup: Self.group("master:", in: tags))
    }

    /// Splits off the mark with which the kernel says that the root has been removed.
    static func root(_ bytes: ArraySlice<UInt8>) -> (path: FilePath, isDeleted: Bool) {
        let mark = Array("//deleted".utf8)
        let isDeleted = bytes.count >= mark.count && bytes.suffix(mark.count).elementsEqual(mark)
        let path = bytes.dropLast(isDeleted ? mark.count : 0)
        return (path.isEmpty ? "/" : FilePath(platformString: path.map { CChar(bitPattern: $0) } + [0]), isDeleted)
    }

    private static func words(_ text: UnsafePointer<CChar>?, separator: Character) -> [String] {
        guard let text else { return [] }
        return String(cString: text).split(separator: separator).map(String.init)
    }

    private static func group(_ prefix: String, in tags: [String]) -> Int? {
        for tag in tags where tag.hasPrefix(prefix) {
            return Int(tag.dropFirst(prefix.count))
        }
        return nil
    }
}
