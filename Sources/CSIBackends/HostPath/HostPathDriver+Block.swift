import CSIBlock
import CSICore
import CSIHost
import CSIPool
import Logging

/// Raw block volumes: image files, attached as loop devices for as long as they are published.
extension HostPathDriver {
    /// Sizes are multiples of this, the sector size of the devices, in bytes.
    static let sector: Int64 = 4096
    /// The smallest raw block volume, in bytes.
    private static let smallestImage: Int64 = 1 << 20

    /// Makes an image, durably, empty or with the content of another one, in whichever pool that is.
    func createImage(
        _ request: CreateVolume, _ wanted: VolumeClass, from content: Content?, in member: PoolSet.Member
    ) async throws(CSIError) -> Volume {
        let size = try await imageSize(for: request.capacity, in: member.pool, atLeast: content?.size)
        let reservation = try await member.pool.reserve(size, isThick: false)
        defer { reservation.release() }
        let record = VolumeRecord(
            id: VolumeID(derivedFrom: request.name), name: request.name, capacity: size,
            fingerprint: request.fingerprint, content: .image, source: request.source,
            attributes: wanted.settings.attributes)
        try await member.pool.addImage(record, from: content?.origin ?? ImageOrigin(.zeros))
        return volume(of: record.summary, in: member)
    }

    private func imageSize(
        for range: CapacityRange?, in pool: VolumePool, atLeast content: Int64?
    ) async throws(CSIError) -> Int64 {
        let smallest = max(Self.smallestImage, content ?? 0)
        var fallback = smallest
        if content == nil, range?.required == nil {
            let room = try await pool.room().available(isThick: false)
            fallback = max(smallest, min(Self.defaultCapacity, room - room % Self.sector))
        }
        guard let range else { return fallback }
        let size = max(smallest, try range.size(fallback: fallback, granularity: Self.sector))
        guard range.contains(size) else {
            let reason =
                content.map { "its source has \($0)" }
                ?? "the smallest raw block volume has \(Self.smallestImage) bytes"
            throw .impossibleCapacity("\(range) were asked for, and \(reason)")
        }
        return size
    }

    /// Makes the image larger; the node then grows the device.
    func growImage(_ record: VolumeRecord, to size: Int64, in member: PoolSet.Member) async throws(CSIError) -> Int64 {
        let lock = try await member.pool.lockImage(of: record.id)
        defer { lock.release() }
        _ = try await member.images.usableImage(of: record)
        let reservation = try await member.pool.reserve(size - record.capacity, isThick: false, size: size)
        defer { reservation.release() }
        try await member.pool.growImage(of: record.id, to: size, isThick: false)
        var grown = record
        grown.capacity = size
        try await member.pool.update(grown)
        return size
    }

    /// Removes the image of a volume that is attached nowhere, or keeps it where the volume asks for that.
    func deleteImage(_ record: VolumeRecord, in member: PoolSet.Member) async throws(CSIError) {
        try member.pool.requireUncopied(record.id)
        let lock = try await member.pool.lockImage(of: record.id)
        defer { lock.release() }
        try await member.images.requireDetached(record.id)
        guard try VolumeSettings(of: record).onDelete == .retain else { return try await member.pool.remove(record.id) }
        try await member.pool.retain(record.id)
    }

    /// Has the device of a volume that is attached do what new settings say, with the record written in between; when that
    /// fails, the device is as it was.
    func modifyImage(_ record: VolumeRecord, _ settings: VolumeSettings, in member: PoolSet.Member)
        async throws(CSIError)
    {
        let lock = try await member.pool.lockImage(of: record.id)
        defer { lock.release() }
        let before = try await configure(record, settings, in: member)
        var changed = record
        changed.attributes = settings.attributes(replacingThoseIn: record.attributes)
        guard changed != record else { return }
        do throws(CSIError) {
            try await member.pool.update(changed)
        } catch {
            if let before { _ = try? await configure(record, before, in: member) }
            throw error
        }
    }

    /// - Returns: What the device was set to; nil where none is attached, or none that this process can change.
    private func configure(
        _ record: VolumeRecord, _ settings: VolumeSettings, in member: PoolSet.Member
    ) async throws(CSIError) -> VolumeSettings? {
        guard settings.readAhead != nil || settings.directIO != nil else { return nil }
        do throws(CSIError) {
            guard let device = try await member.images.device(of: record.id) else { return nil }
            let (readAhead, directIO) = try await member.images.settings(of: device)
            var before = VolumeSettings()
            before.readAhead = readAhead
            before.directIO = directIO
            do throws(CSIError) {
                _ = try await member.images.configured(device, for: blockVolume(record, settings))
            } catch {
                _ = try? await member.images.configured(device, for: blockVolume(record, before))
                throw error
            }
            return before
        } catch {
            // A controller may lack the right; the node sets the device at the next publish.
            guard role == .controller else { throw error }
            logger.warning(
                "the device of a volume was not set", metadata: ["volume": "\(record.id)", "error": "\(error.message)"])
            return nil
        }
    }

    /// The volume as its node sees it.
    private func blockVolume(_ record: VolumeRecord) throws(CSIError) -> BlockVolume {
        blockVolume(record, try VolumeSettings(of: record))
    }

    private func blockVolume(_ record: VolumeRecord, _ settings: VolumeSettings) -> BlockVolume {
        BlockVolume(
            id: record.id, capacity: record.capacity, readAhead: settings.readAhead, directIO: settings.directIO)
    }
}

/// What a node does with raw block volumes.
extension HostPathDriver {
    /// Attaches the image, and binds the device at the target.
    func publishImage(_ request: PublishVolume, in member: PoolSet.Member) async throws(CSIError) {
        let lock = try await member.pool.lockImage(of: request.id)
        defer { lock.release() }
        // Read under the lock: a delete that was faster has taken the record away, and a change of settings is in it.
        guard let record = try await member.pool.record(request.id) else { throw .notFound(.volume(request.id)) }
        _ = try await member.images.usableImage(of: record)
        try await node(of: member).publishUnstaged(request, blockVolume(record))
    }

    /// Takes the target away, and detaches the image when it was the last one.
    func unpublishImage(_ request: UnpublishVolume, in member: PoolSet.Member) async throws(CSIError) {
        // While a snapshot is copied the lock is held, and nothing is attached.
        var lock: (any HeldLock)?
        defer { lock?.release() }
        if try await !member.images.devices(of: request.id).isEmpty, try await member.pool.image(of: request.id) != nil
        {
            lock = try await member.pool.lockImage(of: request.id)
        }
        try await node(of: member).unpublishUnstaged(request)
    }

    /// The pool whose image is behind what is published at a target; nil when a directory is, or nothing.
    ///
    /// Neither the record nor the image need be there any more: what is published can always be taken away.
    func imageMember(of request: UnpublishVolume) async throws(CSIError) -> PoolSet.Member? {
        for member in pools.members {
            if try await member.pool.image(of: request.id) != nil { return member }
            if try await member.pool.hasData(request.id) { return nil }
        }
        let target = request.target.filePath
        let table = try await withHostErrors { () async throws(HostError) in
            try await host.mounts.mountTable(of: MountSelection(paths: [target]))
        }
        guard let top = table.topmost(at: target), let standard = pools.standard,
            !standard.pool.shows(top, dataOf: request.id)
        else { return nil }
        for member in pools.members where try await !member.images.devices(of: request.id).isEmpty { return member }
        return nil
    }

    /// Grows the device to its image, and the image first where this process manages the pool.
    func expandImage(
        _ request: ExpandVolumeOnNode, _ record: VolumeRecord, in member: PoolSet.Member
    ) async throws(CSIError) -> Int64 {
        try await node(of: member).requirePresent(request)
        var volume = try blockVolume(record)
        if role != .node, let range = request.capacity {
            volume.capacity = try await grow(record, to: range, in: member)
        }
        let lock = try await member.pool.lockImage(of: record.id)
        defer { lock.release() }
        return try await node(of: member).expand(request, volume)
    }

    /// The size of the device, what its image takes of the pool, and whether both are well.
    func imageStats(
        _ request: GetVolumeStats, _ record: VolumeRecord, in member: PoolSet.Member
    ) async throws(CSIError) -> VolumeStats {
        try await node(of: member).stats(request, blockVolume(record))
    }

    /// Detaches what a crash left attached, in the pools that have images.
    func collectDevices() async {
        for member in pools.members where member.pool.hasImages ?? true {
            do throws(CSIError) {
                try await member.images.collectLeftovers(detaches: true, logger: logger)
            } catch {
                // Whoever may not look has attached nothing.
                logger.info(
                    "the loop devices of the machine cannot be looked at",
                    metadata: ["pool": "\(member.pool.path)", "error": "\(error.message)"])
            }
        }
    }

    private func node(of member: PoolSet.Member) -> BlockNode {
        BlockNode(devices: member.images, formats: member.pool, staging: member.pool, host: host, logger: logger)
    }
}

extension VolumeRecord {
    /// Whether the volume is of the kind that a capability asks for; else why not.
    func refusal(of capability: VolumeCapability) -> String? {
        guard capability.isBlock != (content == .image) else { return nil }
        return content == .image
            ? "it is a raw block volume, and a mounted directory was asked for"
            : "it is a directory, and a raw block device was asked for"
    }

    /// - Throws: FAILED_PRECONDITION when the volume is not of the kind that a capability asks for.
    func requireKind(of capability: VolumeCapability) throws(CSIError) {
        guard let refusal = refusal(of: capability) else { return }
        throw .preconditionFailed("volume \"\(id)\" cannot be used that way: \(refusal)")
    }
}
