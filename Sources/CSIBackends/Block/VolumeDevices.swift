public import CSICore
public import CSIHost
public import SystemPackage

/// Where the devices of volumes come from, and which device is whose.
///
/// ``AttachedDisks`` is for volumes that a controller attaches to the machine, ``ImageDevices`` for image files of a pool.
/// Each of them recognises a device by what it is (the link of its serial number, the file behind it), never by a number or
/// a name that another device can have tomorrow.
public protocol VolumeDevices: Sendable {
    /// The volume's device: attached by this call, or waited for where somebody else attaches it.
    /// - Parameters:
    ///   - volume: The volume; nothing has been found with ``device(of:)``.
    ///   - isReadOnly: Whether nothing shall be written through it; a device that others attach is taken as it is.
    /// - Throws: DEADLINE_EXCEEDED when it does not come, FAILED_PRECONDITION when another program has it, among others.
    func attach(_ volume: BlockVolume, isReadOnly: Bool) async throws(CSIError) -> VolumeDevice

    /// The one device of a volume that is there now, fit to be used; nil when there is none.
    /// - Throws: FAILED_PRECONDITION when there are several, or one that another program made.
    func device(of id: VolumeID) async throws(CSIError) -> VolumeDevice?

    /// Every device that is the volume's, fit to be used or not: what must be gone when the volume is unstaged.
    func devices(of id: VolumeID) async throws(CSIError) -> [VolumeDevice]

    /// The device as large as the volume has become.
    func refreshed(_ device: VolumeDevice, of id: VolumeID) async throws(CSIError) -> VolumeDevice

    /// The device with ``BlockVolume/readAhead`` and ``BlockVolume/directIO`` as the volume asks for them; what it does not ask
    /// for stays as it is.
    /// - Throws: FAILED_PRECONDITION when the device cannot have them.
    func configured(_ device: VolumeDevice, for volume: BlockVolume) async throws(CSIError) -> VolumeDevice

    /// The same volume's device in a state that can, or cannot, be written; nobody uses it.
    /// - Throws: FAILED_PRECONDITION where that cannot be changed on the node.
    func reattached(
        _ device: VolumeDevice, of volume: BlockVolume, isReadOnly: Bool
    ) async throws(CSIError) -> VolumeDevice

    /// Keeps a device from becoming another volume's until it is released; nil where that cannot happen on the node.
    func hold(_ device: VolumeDevice) async throws(CSIError) -> (any HeldDevice)?

    /// Lets a device go that nobody uses; that it is gone already is success.
    /// - Parameters:
    ///   - device: What ``devices(of:)`` answered.
    ///   - id: The volume.
    ///   - limit: How long it may still be held.
    func detach(_ device: VolumeDevice, of id: VolumeID, within limit: Duration) async throws(CSIError)

    /// Forgets a volume of which no device is left.
    func forget(_ id: VolumeID) async throws(CSIError)

    /// The file that the volume's device will show, while it shows none, for a file system to be made in it: mkfs takes a fraction
    /// of the time there. Nil where only the device can be written.
    ///
    /// - Returns: Its absolute path, and the sectors that the device will have.
    func unattachedImage(
        of id: VolumeID
    ) async throws(CSIError) -> (path: FilePath, sectorSize: LoopOptions.SectorSize)?

    /// All bytes of ``unattachedImage(of:)`` made zero, on the same condition as ``erased(_:of:)``.
    func eraseUnattachedImage(of id: VolumeID) async throws(CSIError)

    /// The device with all its bytes zero: called only when the volume's own note says that nothing in it is anybody's.
    func erased(_ device: VolumeDevice, of volume: BlockVolume) async throws(CSIError) -> VolumeDevice

    /// What is wrong with the volume behind a device, besides what the kernel says of the device.
    func condition(of id: VolumeID, shownAs device: VolumeDevice?) async throws(CSIError) -> VolumeCondition

    /// How many bytes of a raw block volume are in use; nil when nobody can tell.
    func usedBytes(of id: VolumeID) async throws(CSIError) -> Int64?
}

extension VolumeDevices {
    /// The devices fit to be used.
    public func devices(of id: VolumeID) async throws(CSIError) -> [VolumeDevice] {
        try await device(of: id).map { [$0] } ?? []
    }

    /// Refused: the device is as it was attached.
    public func reattached(
        _ device: VolumeDevice, of volume: BlockVolume, isReadOnly: Bool
    ) async throws(CSIError) -> VolumeDevice {
        throw .preconditionFailed(
            "\(device.path), the device of volume \"\(volume.id)\", is attached \(device.isReadOnly ? "read-only" : "writable"),"
                + " and a raw device that is \(isReadOnly ? "read-only" : "writable") was asked for; attach it so")
    }

    /// Left as it is.
    public func configured(_ device: VolumeDevice, for volume: BlockVolume) async throws(CSIError) -> VolumeDevice {
        device
    }

    /// Nothing to hold.
    public func hold(_ device: VolumeDevice) async throws(CSIError) -> (any HeldDevice)? { nil }

    /// Nothing to forget.
    public func forget(_ id: VolumeID) async throws(CSIError) {}

    /// None: there is nothing but the device.
    public func unattachedImage(
        of id: VolumeID
    ) async throws(CSIError) -> (path: FilePath, sectorSize: LoopOptions.SectorSize)? { nil }

    /// Refused: there is none.
    public func eraseUnattachedImage(of id: VolumeID) async throws(CSIError) {
        throw .preconditionFailed("volume \"\(id)\" has no image that could be erased")
    }

    /// Refused: nothing is erased without a note that says so.
    public func erased(_ device: VolumeDevice, of volume: BlockVolume) async throws(CSIError) -> VolumeDevice {
        throw .preconditionFailed(
            "making the file system of volume \"\(volume.id)\" on \(device.path) was interrupted; look at the device and erase "
                + "it")
    }

    /// Nothing is known to be wrong.
    public func condition(
        of id: VolumeID, shownAs device: VolumeDevice?
    ) async throws(CSIError) -> VolumeCondition { .normal }

    /// Nobody can tell.
    public func usedBytes(of id: VolumeID) async throws(CSIError) -> Int64? { nil }
}
