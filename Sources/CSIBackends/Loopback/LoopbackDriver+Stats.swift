public import CSICore
import CSIHost
import CSIPool
import SystemPackage

extension LoopbackDriver: NodeExpanding {
    /// How full the file system or the block device at the path is, and whether it is well.
    public func stats(_ request: GetVolumeStats) async throws(CSIError) -> VolumeStats {
        guard let record = try await pool.record(request.id) else { throw .notFound(.volume(request.id)) }
        let path = request.path.filePath
        let table = try await mountTable()
        let devices = try await devices(of: record.id)
        guard let mounted = table.topmost(at: path) else { throw notThere(request) }
        guard belongs(mounted, to: devices, in: table) else {
            guard try await isOrphan(mounted, in: table) else { throw notThere(request) }
            return VolumeStats(
                bytes: .init(available: 0, total: record.capacity, used: 0), inodes: nil,
                condition: .abnormal("the device that is published at \(path) was detached by another program"))
        }
        let traits = try VolumeTraits(record.attributes, of: .volume(record.id))
        let condition = try await condition(of: record, devices, mounted, table)
        guard !traits.isBlock else {
            let size = devices.first?.size ?? record.capacity
            let used = min(size, try await pool.image(of: record.id)?.allocatedBytes ?? 0)
            return VolumeStats(
                bytes: .init(available: size - used, total: size, used: used), inodes: nil, condition: condition)
        }
        let room: FileSystemCapacity
        do throws(HostError) {
            room = try await host.files.capacity(of: path)
        } catch {
            guard error.kind == .inputOutput || error.kind == .stale else { throw CSIError(error) }
            return VolumeStats(
                bytes: .init(available: 0, total: record.capacity, used: 0), inodes: nil,
                condition: .abnormal("the file system does not answer any more: \(error.description)"))
        }
        let inodes = VolumeStats.Usage(
            available: room.availableInodes, total: room.totalInodes, used: room.usedInodes)
        return VolumeStats(
            bytes: .init(available: room.availableBytes, total: room.totalBytes, used: room.usedBytes),
            inodes: room.totalInodes > 0 ? inodes : nil, condition: condition)
    }

    private func notThere(_ request: GetVolumeStats) -> CSIError {
        .notFound(.publication(request.id, request.path), "nothing of it is mounted there")
    }

    /// Grows the device to its image and the file system to its device, while it is used.
    public func expandOnNode(_ request: ExpandVolumeOnNode) async throws(CSIError) -> Int64 {
        guard let record = try await pool.record(request.id) else { throw .notFound(.volume(request.id)) }
        let traits = try VolumeTraits(record.attributes, of: .volume(record.id))
        let lock = try await pool.lockImage(of: record.id)
        defer { lock.release() }
        let image = try await usableImage(of: record)
        let table = try await mountTable()
        let existing = try await soleDevice(showing: image, of: record.id)
        let path = request.path.filePath
        let isShown = table.topmost(at: path).map { belongs($0, to: existing.map { [$0] } ?? [], in: table) } ?? false
        let staged = traits.isBlock ? try await pool.stagedBlock(of: record.id) : nil
        guard let existing, isShown || staged?.path == path.string else {
            throw .notFound(.publication(record.id, request.path), "nothing of it is there")
        }
        if let required = request.capacity?.required, required > record.capacity {
            throw .preconditionFailed(
                "volume \"\(record.id)\" has \(record.capacity) bytes, and \(required) were asked for; expand it on the "
                    + "controller first")
        }
        let device = try await refreshed(existing, image)
        guard let kind = traits.fileSystem else { return device.size }
        // The path may be a read-only publication; growing takes a writable mount of the same file system.
        guard let writable = table.mounts(of: device).first(where: { !$0.isReadOnly }) else {
            throw .preconditionFailed(
                "volume \"\(record.id)\" is mounted read-only everywhere; it grows when it is staged")
        }
        _ = try await withHostErrors { () async throws(HostError) in
            try await host.fileSystems.grow(
                kind, on: device.path, mountedAt: writable.mountPoint, within: .seconds(600))
        }
        return device.size
    }

    private func condition(
        of record: VolumeRecord, _ devices: [LoopDevice], _ mounted: MountEntry, _ table: MountTable
    ) async throws(CSIError) -> VolumeCondition {
        let room = try await pool.capacity()
        let condition = try await condition(of: record.summary, poolFree: room.availableBytes)
        guard !condition.isAbnormal else { return condition }
        let image = try await pool.image(of: record.id)
        let device = devices.first { belongs(mounted, to: [$0], in: table) }
        guard let device, device.backing == image?.identity else {
            return .abnormal("the device that is published shows a file that was removed or replaced in the pool")
        }
        if mounted.shows(device), mounted.superOptions.contains("ro"),
            !table.mounts(of: device).allSatisfy({ $0.mountOptions.contains("ro") })
        {
            return .abnormal("the kernel has made the file system on \(device.path) read-only after an error")
        }
        return .normal
    }
}
