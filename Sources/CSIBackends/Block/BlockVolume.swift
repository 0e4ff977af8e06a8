public import CSICore
public import CSIHost
import SystemPackage

/// What a node has to know of a volume that is a block device.
public struct BlockVolume: Sendable, Hashable {
    /// What may be on the device of a volume that nobody keeps a note about; see ``FormatNotes``.
    public enum Origin: Sendable, Hashable {
        /// The volume was made empty: a blank device gets a file system, once.
        case empty
        /// The volume was made from a snapshot or another volume: it must carry a file system, and never gets a new one.
        case copy
        /// Nobody knows: treated as a copy.
        case unknown
    }

    /// The volume's id.
    public var id: VolumeID

    /// The file system that the volume has or shall have; nil for a raw block volume.
    public var fileSystem: FileSystemKind?

    /// Words for mkfs, as a class gives them; see `MakeOptions` of CSIHost.
    public var makeOptions: String

    /// The size that was promised, in bytes; 0 when the node does not know.
    ///
    /// A smaller device is refused.
    public var capacity: Int64

    /// What may be on the device.
    public var origin: Origin

    /// How the device is recognised, for ``AttachedDisks``; nil where another ``VolumeDevices`` knows from the id.
    public var selector: BlockDeviceSelector?

    /// How many bytes the kernel reads ahead, a multiple of 4096; nil leaves that to the kernel.
    public var readAhead: Int64?

    /// Whether the device goes around the page cache of the file system that its image lies on; nil lets it where it can.
    ///
    /// For ``ImageDevices``.
    public var directIO: Bool?

    /// Whether the volume has all its room from the start and keeps it: what its users discard is not given back.
    ///
    /// For ``ImageDevices``.
    public var isThick: Bool

    /// Creates the description of a volume; `origin` is by default what never formats.
    public init(
        id: VolumeID, fileSystem: FileSystemKind? = nil, makeOptions: String = "", capacity: Int64 = 0,
        origin: Origin = .unknown, selector: BlockDeviceSelector? = nil, readAhead: Int64? = nil, directIO: Bool? = nil,
        isThick: Bool = false
    ) {
        self.id = id
        self.fileSystem = fileSystem
        self.makeOptions = makeOptions
        self.capacity = capacity
        self.origin = origin
        self.selector = selector
        self.readAhead = readAhead
        self.directIO = directIO
        self.isThick = isThick
    }
}

extension BlockVolume {
    /// The file system that a capability asks for, for drivers whose volumes have the file system that their first user wants.
    /// - Parameters:
    ///   - capability: How the volume is to be used.
    ///   - fallback: The file system where the capability names none.
    /// - Returns: Nil for a raw block device.
    /// - Throws: INVALID_ARGUMENT for a file system that this library does not make.
    public static func fileSystem(
        for capability: VolumeCapability, fallback: FileSystemKind = .ext4
    ) throws(CSIError) -> FileSystemKind? {
        guard let mount = capability.mount else { return nil }
        guard !mount.fileSystemType.isEmpty else { return fallback }
        guard let kind = FileSystemKind(rawValue: mount.fileSystemType) else {
            let known = FileSystemKind.allCases.map(\.rawValue).joined(separator: ", ")
            throw .invalid("volume_capability.mount.fs_type", "is \"\(mount.fileSystemType)\"; known are \(known)")
        }
        return kind
    }

    /// Why a capability does not fit the volume; nil when it does.
    public func refusal(of capability: VolumeCapability) -> String? {
        switch (capability.mount, fileSystem) {
        case (nil, nil): nil
        case (nil, let kind?): "it has a file system, \(kind), and a raw block device was asked for"
        case (.some, nil): "it is a raw block volume, and a mounted file system was asked for"
        case (let mount?, let kind?):
            mount.fileSystemType.isEmpty || mount.fileSystemType == kind.rawValue
                ? nil : "its file system is \(kind), and \(mount.fileSystemType) was asked for"
        }
    }

    /// How the volume is mounted for a capability; nil for a raw block volume.
    /// - Throws: FAILED_PRECONDITION when the volume is not of that kind, INVALID_ARGUMENT for mount flags that cannot be
    ///   used.
    public func mountOptions(for capability: VolumeCapability) throws(CSIError) -> FileSystemMountOptions? {
        if let refusal = refusal(of: capability) {
            throw .preconditionFailed("volume \"\(id)\" cannot be used that way: \(refusal)")
        }
        guard let fileSystem, let mount = capability.mount else { return nil }
        do throws(UnsupportedOption) {
            let options = try FileSystemMountOptions(
                fileSystem, mountFlags: mount.flags, access: capability.mode.isReadOnly ? .readOnly : .readWrite,
                isCopy: origin != .empty)
            return isThick ? options.keepingRoom() : options
        } catch {
            throw .invalid("volume_capability.mount.mount_flags", "cannot be used: \(error)")
        }
    }
}
