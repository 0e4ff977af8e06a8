import CSIBlock
import CSICore
import CSIHost
import CSIPool

/// What a volume is, beyond its size: kept in the attributes of its record, constant for its life.
struct VolumeTraits: Sendable, Hashable {
    /// The file systems that volumes can have.
    static let fileSystems: [FileSystemKind] = [.ext4, .xfs, .btrfs]
    static let defaultFileSystem = FileSystemKind.ext4

    /// Sizes are multiples of this, the sector size of the devices.
    static let granularity: Int64 = 4096

    /// The file system of a mounted volume; nil for a raw block volume.
    var fileSystem: FileSystemKind?
    /// The words for mkfs, checked.
    var makeOptions = ""
    /// Whether writers are held back while a snapshot is taken.
    var freezes = true

    var isBlock: Bool { fileSystem == nil }

    init(fileSystem: FileSystemKind?, makeOptions: String = "", freezes: Bool = true) {
        self.fileSystem = fileSystem
        self.makeOptions = makeOptions
        self.freezes = freezes
    }

    /// The smallest volume, in bytes: what mkfs accepts, with room for some content.
    var minimumCapacity: Int64 {
        switch fileSystem {
        case .xfs: 300 << 20
        case .btrfs: 128 << 20
        case .ext4, .ext3: 16 << 20
        case nil: 1 << 20
        }
    }
}

extension VolumeTraits {
    private enum Key {
        static let fileSystem = "file_system"
        static let makeOptions = "mkfs_options"
        static let freezes = "fs_freeze"
    }

    private static let block = "none"

    var attributes: StringMap {
        var values = [Key.fileSystem: fileSystem?.rawValue ?? Self.block, Key.freezes: freezes ? "true" : "false"]
        if !makeOptions.isEmpty { values[Key.makeOptions] = makeOptions }
        return StringMap(values)
    }

    /// Reads the attributes of a record.
    /// - Throws: FAILED_PRECONDITION when they are not of this backend.
    init(_ attributes: StringMap, of resource: Resource) throws(CSIError) {
        let text = attributes[Key.fileSystem]
        let kind = text.flatMap { FileSystemKind(rawValue: $0) }
        guard text == Self.block || kind != nil else {
            throw .preconditionFailed(
                "\(resource) has a record of another backend or version: file_system is \(text ?? "missing")")
        }
        self.init(
            fileSystem: kind, makeOptions: attributes[Key.makeOptions] ?? "",
            freezes: attributes[Key.freezes] != "false")
    }
}

extension VolumeTraits {
    /// The volume as the node sees it.
    func volume(_ record: VolumeRecord) -> BlockVolume {
        BlockVolume(
            id: record.id, fileSystem: fileSystem, makeOptions: makeOptions, capacity: record.capacity,
            origin: record.source == nil ? .empty : .copy, isThick: record.isThick)
    }
}
