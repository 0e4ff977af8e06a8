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
    /// How the volume is mounted for a capability.
    /// - Throws: FAILED_PRECONDITION when the volume is not of that kind, INVALID_ARGUMENT for mount flags that cannot be
    ///   used.
    func mountOptions(
        for capability: VolumeCapability, of id: VolumeID, isCopy: Bool
    ) throws(CSIError) -> FileSystemMountOptions? {
        if let refusal = refusal(of: capability) {
            throw .preconditionFailed("volume \"\(id)\" cannot be used that way: \(refusal)")
        }
        guard let fileSystem, let mount = capability.mount else { return nil }
        do throws(UnsupportedOption) {
            return try FileSystemMountOptions(
                fileSystem, mountFlags: mount.flags, access: capability.mode.isReadOnly ? .readOnly : .readWrite,
                isCopy: isCopy)
        } catch {
            throw .invalid("volume_capability.mount.mount_flags", "cannot be used: \(error)")
        }
    }

    /// Why a capability does not fit the volume; nil when it does.
    func refusal(of capability: VolumeCapability) -> String? {
        switch (capability.mount, fileSystem) {
        case (nil, nil): nil
        case (nil, let kind?): "it has a file system, \(kind), and a raw block device was asked for"
        case (.some, nil): "it is a raw block volume, and a mounted file system was asked for"
        case (let mount?, let kind?):
            mount.fileSystemType.isEmpty || mount.fileSystemType == kind.rawValue
                ? nil : "its file system is \(kind), and \(mount.fileSystemType) was asked for"
        }
    }
}
