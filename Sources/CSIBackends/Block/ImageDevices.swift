public import CSICore
public import CSIHost
public import CSIPool
public import SystemPackage

/// Volumes that are image files of a pool: attached as loop devices, and recognised by the file behind the device alone.
///
/// Whoever works on an image holds its lock (`VolumePool.lockImage(of:)`) while it calls.
public struct ImageDevices: VolumeDevices {
    /// With less than this left in the pool, a thin volume may be refused the next write.
    private static let fullPool: Int64 = 16 << 20

    /// What a thick volume may lack besides a thousandth: a file system that zeroes a few blocks gives them back.
    private static let tolerableLoss: Int64 = 1 << 20

    let pool: VolumePool
    let host: any Host
    private let hints = LoopHints()

    /// Creates the devices of a pool's images.
    public init(pool: VolumePool, host: any Host) {
        self.pool = pool
        self.host = host
    }

    // MARK: Limits

    /// How many volumes of the pool the node can have attached: the numbers that the kernel has for loop devices, without those
    /// that others use, and no more than the operator allows.
    /// - Parameter limit: What the operator allows; 0 for no limit of theirs.
    /// - Returns: At least 1, because 0 would say that there is no limit.
    public func maximumCount(limit: Int64) -> Int64 {
        let room = max(1, LoopDevice.maximumCount - Int64(hints.foreignCount))
        return limit > 0 ? min(limit, room) : room
    }

    /// Looks again at what others use of the loop devices, when the last look was long ago.
    public func recount(after interval: Duration = .seconds(10)) async throws(CSIError) {
        if let counted = hints.countedAt, host.clock.now - counted < interval { return }
        _ = try await all()
    }

    // MARK: Images

    /// The image of a volume, if a device can be made of it.
    /// - Throws: FAILED_PRECONDITION when it is gone or has been cut short: whatever is done with it could lose more.
    public func usableImage(of record: VolumeRecord) async throws(CSIError) -> FileMetadata {
        let path = pool.imagePath(of: record.id)
        guard let image = try await pool.image(of: record.id) else {
            throw .preconditionFailed("volume \"\(record.id)\" has lost its image \"\(path)\"; restore the file")
        }
        guard image.kind == .regular else {
            throw .preconditionFailed("the image \"\(path)\" of volume \"\(record.id)\" is not a regular file")
        }
        guard image.size >= record.capacity else {
            throw .preconditionFailed(
                "the image \"\(path)\" of volume \"\(record.id)\" has \(image.size) bytes and must have "
                    + "\(record.capacity): it was cut short; restore the file")
        }
        return image
    }

    /// What is wrong with the image of a volume.
    /// - Parameters:
    ///   - summary: The volume.
    ///   - poolFree: What the pool's file system has left; nil leaves that question out.
    public func condition(of summary: VolumeSummary, poolFree: Int64? = nil) async -> VolumeCondition {
        do throws(CSIError) {
            return condition(of: summary, try await pool.image(of: summary.id), poolFree: poolFree)
        } catch {
            return unreadable(summary.id, error.message)
        }
    }

    /// What is wrong with the images of many volumes, in their order, the room in the pool left out.
    public func conditions(of volumes: [VolumeSummary]) async throws(CSIError) -> [VolumeCondition] {
        guard !volumes.isEmpty else { return [] }
        return zip(volumes, try await pool.images(of: volumes)).map { (summary, image) in
            switch image {
            case .success(let image): condition(of: summary, image)
            case .failure(let error): unreadable(summary.id, error.description)
            }
        }
    }

    private func unreadable(_ id: VolumeID, _ reason: String) -> VolumeCondition {
        .abnormal("the image \(pool.imagePath(of: id)) cannot be looked at: \(reason)")
    }

    private func condition(
        of summary: VolumeSummary, _ image: FileMetadata?, poolFree: Int64? = nil
    ) -> VolumeCondition {
        guard let image, image.kind == .regular else {
            return .abnormal("the image \(pool.imagePath(of: summary.id)) is gone")
        }
        guard image.size >= summary.capacity else {
            let path = pool.imagePath(of: summary.id)
            return .abnormal("the image \(path) was cut short: it has \(image.size) of \(summary.capacity) bytes")
        }
        let missing = image.size - image.allocatedBytes
        if summary.isThick, missing > Self.tolerableLoss + image.size / 1024 {
            return .abnormal(
                "the thick volume has lost \(missing) of the \(image.size) bytes of its room, by discards or zeroing; it takes "
                    + "them again when it is staged next")
        }
        if let poolFree, poolFree < Self.fullPool, !summary.isThick, image.allocatedBytes < image.size {
            return .abnormal(
                "the pool has \(poolFree) bytes left: writing to this thin volume fails when they are used up")
        }
        return .normal
    }

    /// Refuses while the image of a volume is attached.
    /// - Throws: FAILED_PRECONDITION naming the device.
    public func requireDetached(_ id: VolumeID) async throws(CSIError) {
        if let device = try await devices(of: id).first {
            throw .inUse(
                .volume(id), by: "it is attached as \(device.path) on this node; unpublish it, and unstage it, first")
        }
        try await requireUnlocked(id)
    }

    /// Refuses while another process has the image locked, as each driver has what it attached, also where the device cannot be seen
    /// from here.
    func requireUnlocked(_ id: VolumeID) async throws(CSIError) {
        guard try await pool.image(of: id)?.kind == .regular else { return }
        try await lockFile(of: id).release()
    }

    /// The lock of the image file itself, which an attached device holds.
    private func lockFile(of id: VolumeID) async throws(CSIError) -> any HeldLock {
        let (image, tree) = try pool.imageFile(of: id)
        do throws(HostError) {
            return try await tree.lock(image)
        } catch {
            guard error.kind == .lockHeld else { throw CSIError(error) }
            throw .preconditionFailed(
                "the image of volume \"\(id)\" is used by another program that has locked it: it is attached where it cannot be "
                    + "seen from here, or an mkfs could not be killed")
        }
    }

    // MARK: Devices

    /// Attaches the image.
    public func attach(_ volume: BlockVolume, isReadOnly: Bool) async throws(CSIError) -> VolumeDevice {
        let (file, tree) = try pool.imageFile(of: volume.id)
        do throws(HostError) {
            let device = try await host.loops.attach(
                file, in: tree,
                options: LoopOptions(
                    name: volume.id.rawValue, isReadOnly: isReadOnly, directIO: LoopOptions.DirectIO(volume.directIO),
                    takesDiscards: !volume.isThick))
            hints[volume.id] = device.number
            return VolumeDevice(device)
        } catch {
            switch error.kind {
            case .notSupported where volume.directIO == true: throw cannotBypassCache(volume.id)
            case .lockHeld:
                throw .preconditionFailed(
                    "the image of volume \"\(volume.id)\" is used by another program: \(error.description)")
            // Whoever runs the driver gives the right, or does not.
            case .permissionDenied:
                throw .preconditionFailed(
                    "the image of volume \"\(volume.id)\" cannot be attached: \(error.description)")
            default: throw CSIError(error)
            }
        }
    }

    /// The one device that shows the image.
    /// - Throws: FAILED_PRECONDITION when another program attached it, in a way that could harm.
    public func device(of id: VolumeID) async throws(CSIError) -> VolumeDevice? {
        guard let image = try await pool.image(of: id), image.kind == .regular else { return nil }
        let devices = try await devices(of: id, image).filter { $0.backing == image.identity }
        guard let device = devices.first else { return nil }
        let isForeign = device.isDetachedOnLastClose || device.offset != 0 || device.name != id.rawValue
        guard devices.count == 1, !isForeign else {
            let names = devices.map(\.path.string).joined(separator: ", ")
            throw .preconditionFailed(
                "the image of volume \"\(id)\" is attached as \(names), by another program or in another way than this "
                    + "driver does; detach it")
        }
        return VolumeDevice(device)
    }

    /// The devices that show the image, also when it has been removed or replaced: then by the name given at attaching.
    public func devices(of id: VolumeID) async throws(CSIError) -> [VolumeDevice] {
        try await devices(of: id, pool.image(of: id)).map { VolumeDevice($0) }
    }

    private func devices(of id: VolumeID, _ image: FileMetadata?) async throws(CSIError) -> [LoopDevice] {
        if let image, image.kind == .regular {
            if let number = hints[id] {
                let device = try await withHostErrors { () async throws(HostError) in
                    try await host.loops.device(number)
                }
                if let device, device.backing == image.identity, device.name == id.rawValue { return [device] }
                hints[id] = nil
            } else {
                // The kernel has every attached file open, so one that nobody has open is not attached.
                let (file, tree) = try pool.imageFile(of: id)
                let isOpen = try await withHostErrors { () async throws(HostError) in try await tree.isOpen(file) }
                guard isOpen else { return [] }
            }
        }
        // Another driver's pool may hold a volume of the same id.
        let devices = try await all().filter { (device) in
            device.backing == image?.identity || device.name == id.rawValue && pool.hasLost(device)
        }
        if let device = devices.first, devices.count == 1, device.name == id.rawValue { hints[id] = device.number }
        return devices
    }

    /// All loop devices of the node; what is ours is noted.
    func all() async throws(CSIError) -> [LoopDevice] {
        let devices = try await withHostErrors { () async throws(HostError) in try await host.loops.list() }
        var own: [(id: VolumeID, number: Int)] = []
        for device in devices where pool.seemsToHold(device) {
            if let id = try? VolumeID(device.name), id.pathComponent != nil { own.append((id, device.number)) }
        }
        hints.note(own, foreignCount: devices.count - own.count, at: host.clock.now)
        return devices
    }

    /// Makes the device as large as its image.
    public func refreshed(_ device: VolumeDevice, of id: VolumeID) async throws(CSIError) -> VolumeDevice {
        guard let loop = device.loop, let image = try await pool.image(of: id), device.size < image.size else {
            return device
        }
        return VolumeDevice(
            try await withHostErrors { () async throws(HostError) in try await host.loops.refreshSize(of: loop) })
    }

    /// Attaches the image anew.
    public func reattached(
        _ device: VolumeDevice, of volume: BlockVolume, isReadOnly: Bool
    ) async throws(CSIError) -> VolumeDevice {
        try await detach(device, of: volume.id, within: BlockNode.detachLimit)
        return try await attach(volume, isReadOnly: isReadOnly)
    }

    /// Keeps the number of the device from showing another file.
    public func hold(_ device: VolumeDevice) async throws(CSIError) -> (any HeldDevice)? {
        guard let loop = device.loop else { return nil }
        return try await withHostErrors { () async throws(HostError) in try await host.loops.hold(loop) }
    }

    /// Detaches the image; a device that another program made of it stays.
    public func detach(_ device: VolumeDevice, of id: VolumeID, within limit: Duration) async throws(CSIError) {
        guard let loop = device.loop, loop.name == id.rawValue else { return }
        _ = try await withHostErrors { () async throws(HostError) in
            try await host.loops.detach(loop, within: limit)
        }
        if hints[id] == loop.number { hints[id] = nil }
    }

    /// The image, where its path leads to the very file that would be attached.
    public func unattachedImage(
        of id: VolumeID
    ) async throws(CSIError) -> (path: FilePath, sectorSize: LoopOptions.SectorSize)? {
        let path = pool.imagePath(of: id)
        guard let image = try await pool.image(of: id), image.kind == .regular else { return nil }
        let found = try await withHostErrors { () async throws(HostError) in try await host.files.metadata(of: path) }
        return found?.identity == image.identity ? (path, LoopOptions(name: "").sectorSize) : nil
    }

    /// Erases the image, unless another process has it locked: one that attached it where it cannot be seen from here, or an mkfs
    /// that could not be killed.
    public func eraseUnattachedImage(of id: VolumeID) async throws(CSIError) {
        guard let record = try await pool.record(id) else { throw .notFound(.volume(id)) }
        let lock = try await lockFile(of: id)
        defer { lock.release() }
        try await pool.eraseImage(of: id, isThick: record.isThick)
    }

    /// Detaches the image for it, so that no cache survives, and erases it.
    public func erased(_ device: VolumeDevice, of volume: BlockVolume) async throws(CSIError) -> VolumeDevice {
        guard let record = try await pool.record(volume.id) else { throw .notFound(.volume(volume.id)) }
        try await detach(device, of: volume.id, within: BlockNode.detachLimit)
        try await pool.eraseImage(of: volume.id, isThick: record.isThick)
        return try await attach(volume, isReadOnly: false)
    }

    /// Whether the image is there, whole, the one that the device shows, and can be written.
    public func condition(
        of id: VolumeID, shownAs device: VolumeDevice?
    ) async throws(CSIError) -> VolumeCondition {
        guard let record = try await pool.record(id) else { return .abnormal("the volume is gone from the pool") }
        let room = try await pool.capacity()
        let condition = await condition(of: record.summary, poolFree: room.availableBytes)
        guard !condition.isAbnormal else { return condition }
        guard let loop = device?.loop, loop.backing == (try await pool.image(of: id)?.identity) else {
            return .abnormal("the device that is published shows a file that was removed or replaced in the pool")
        }
        return .normal
    }

    /// What the image takes of the pool.
    public func usedBytes(of id: VolumeID) async throws(CSIError) -> Int64? {
        try await pool.image(of: id)?.allocatedBytes ?? 0
    }
}
