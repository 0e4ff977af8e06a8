import SystemPackage

/// Writes the messages between this process and its helpers; both run the same program, so there are no versions.
struct HelperWriter {
    private(set) var bytes: [UInt8] = []

    mutating func write(_ value: UInt8) { bytes.append(value) }

    mutating func write(_ value: Bool) { bytes.append(value ? 1 : 0) }

    mutating func write(_ value: Int64) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func write(_ value: [UInt8]) {
        write(Int64(value.count))
        bytes.append(contentsOf: value)
    }

    mutating func write(_ value: String) { write(Array(value.utf8)) }

    mutating func write(_ path: FilePath) {
        write(
            path.withPlatformString { text in
                Array(UnsafeRawBufferPointer(start: text, count: path.length))
            })
    }

    mutating func write(_ permissions: FilePermissions) { write(Int64(permissions.rawValue)) }

    mutating func write(_ words: [String]) {
        write(Int64(words.count))
        for word in words { write(word) }
    }

    mutating func write(_ number: UInt32?) { write(number.map(Int64.init) ?? -1) }

    mutating func write(_ time: Duration) {
        let (seconds, attoseconds) = time.components
        write(seconds)
        write(attoseconds)
    }

    mutating func write(_ error: HostError) {
        write(error.operation.rawValue)
        write(error.path != nil)
        write(error.path ?? "")
        write(error.kind.name)
        write(Int64(error.errno?.rawValue ?? 0))
        write(error.detail != nil)
        write(error.detail ?? "")
    }

    mutating func write(_ metadata: FileMetadata?) {
        write(metadata != nil)
        guard let metadata else { return }
        write(metadata.kind.code)
        write(metadata.permissions)
        write(Int64(metadata.userID))
        write(Int64(metadata.groupID))
        write(metadata.size)
        write(metadata.allocatedBytes)
        write(Int64(metadata.device.major))
        write(Int64(metadata.device.minor))
        write(Int64(bitPattern: metadata.inode))
        write(metadata.modified)
    }

    mutating func write(_ capacity: FileSystemCapacity) {
        write(capacity.totalBytes)
        write(capacity.usedBytes)
        write(capacity.availableBytes)
        write(capacity.totalInodes)
        write(capacity.usedInodes)
        write(capacity.availableInodes)
    }
}

/// Reads those messages; what cannot be read is an error and never a trap.
struct HelperReader {
    /// A message that is cut short or makes no sense.
    struct Malformed: Error {}

    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    private mutating func take(_ count: Int) throws(Malformed) -> ArraySlice<UInt8> {
        guard count >= 0, count <= bytes.count - position else { throw Malformed() }
        defer { position += count }
        return bytes[position..<position + count]
    }

    mutating func byte() throws(Malformed) -> UInt8 {
        guard let byte = try take(1).first else { throw Malformed() }
        return byte
    }

    mutating func bool() throws(Malformed) -> Bool { try byte() != 0 }

    mutating func number() throws(Malformed) -> Int64 {
        Int64(bitPattern: try take(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }

    mutating func data() throws(Malformed) -> [UInt8] {
        let count = try number()
        guard let count = Int(exactly: count) else { throw Malformed() }
        return Array(try take(count))
    }

    mutating func text() throws(Malformed) -> String {
        guard let text = String(validating: try data(), as: UTF8.self) else { throw Malformed() }
        return text
    }

    /// A path is bytes, not text.
    mutating func path() throws(Malformed) -> FilePath {
        let bytes = try data()
        guard !bytes.contains(0) else { throw Malformed() }
        let text = bytes.map { CChar(bitPattern: $0) } + [0]
        return text.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.map { FilePath(platformString: $0) } ?? FilePath()
        }
    }

    mutating func permissions() throws(Malformed) -> FilePermissions {
        FilePermissions(rawValue: CModeT(truncatingIfNeeded: try number()))
    }

    mutating func words() throws(Malformed) -> [String] {
        let count = try number()
        guard (0...10_000).contains(count) else { throw Malformed() }
        var words: [String] = []
        for _ in 0..<count { words.append(try text()) }
        return words
    }

    mutating func optionalNumber() throws(Malformed) -> UInt32? { UInt32(exactly: try number()) }

    mutating func duration() throws(Malformed) -> Duration {
        let seconds = try number()
        return Duration(secondsComponent: seconds, attosecondsComponent: try number())
    }

    mutating func error() throws(Malformed) -> HostError {
        guard let operation = HostOperation(rawValue: try text()) else { throw Malformed() }
        let hasPath = try bool()
        let path = try path()
        guard let kind = HostError.Kind(name: try text()) else { throw Malformed() }
        let number = Int32(truncatingIfNeeded: try number())
        let hasDetail = try bool()
        let detail = try text()
        return HostError(
            operation, at: hasPath ? path : nil, kind: kind, errno: number == 0 ? nil : Errno(rawValue: number),
            detail: hasDetail ? detail : nil)
    }

    mutating func metadata() throws(Malformed) -> FileMetadata? {
        guard try bool() else { return nil }
        guard let kind = FileKind(code: try byte()) else { throw Malformed() }
        let permissions = try permissions()
        let (user, group) = (try number(), try number())
        let (size, allocated) = (try number(), try number())
        let (major, minor) = (try number(), try number())
        let inode = UInt64(bitPattern: try number())
        return FileMetadata(
            kind: kind, permissions: permissions, userID: UInt32(truncatingIfNeeded: user),
            groupID: UInt32(truncatingIfNeeded: group), size: size, allocatedBytes: allocated,
            device: DeviceNumber(major: UInt32(truncatingIfNeeded: major), minor: UInt32(truncatingIfNeeded: minor)),
            inode: inode, modified: try number())
    }

    mutating func capacity() throws(Malformed) -> FileSystemCapacity {
        FileSystemCapacity(
            totalBytes: try number(), usedBytes: try number(), availableBytes: try number(),
            totalInodes: try number(), usedInodes: try number(), availableInodes: try number())
    }
}

extension FileKind {
    fileprivate var code: UInt8 {
        switch self {
        case .regular: 0
        case .directory: 1
        case .symbolicLink: 2
        case .special: 3
        }
    }

    fileprivate init?(code: UInt8) {
        switch code {
        case 0: self = .regular
        case 1: self = .directory
        case 2: self = .symbolicLink
        case 3: self = .special
        default: return nil
        }
    }
}

extension HelperWriter {
    mutating func write(_ entries: [DirectoryEntry]) {
        write(Int64(entries.count))
        for entry in entries {
            write(FilePath(component: entry.name))
            write(entry.kind.code)
        }
    }
}

extension HelperReader {
    mutating func entries() throws(Malformed) -> [DirectoryEntry] {
        let count = try number()
        var entries: [DirectoryEntry] = []
        var read: Int64 = 0
        while read < count {
            guard let name = try path().lastComponent, let kind = FileKind(code: try byte()) else { throw Malformed() }
            entries.append(DirectoryEntry(name: name, kind: kind))
            read += 1
        }
        return entries
    }
}
