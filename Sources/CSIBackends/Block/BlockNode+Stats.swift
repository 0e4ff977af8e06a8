public import CSICore
import CSIHost
import CSIPool
import SystemPackage

extension BlockNode {
    /// Where Btrfs has its superblock; what comes before it, it does not write.
    private static let btrfsSuperblock: Int64 = 64 << 10

    /// How long a device may take to answer before its volume is said to be unwell.
    private static let answerLimit = Duration.seconds(2)

    /// How full the file system or the block device at the path is, and whether it is well.
    /// - Throws: NOT_FOUND when the volume is not at that path.
    public func stats(_ request: GetVolumeStats, _ volume: BlockVolume) async throws(CSIError) -> VolumeStats {
        let path = request.path.filePath
        let devices = try await devices.devices(of: volume.id)
        let table = try await mountTable([path], of: devices)
        let staged = try await staging.stagedBlock(of: volume.id)
        guard let mounted = table.topmost(at: path) else {
            guard let device = devices.first, staged?.path == path.string else { throw notThere(request) }
            var condition = try await self.devices.condition(of: volume.id, shownAs: device)
            if !condition.isAbnormal { condition = await readability(of: device, at: 0) }
            return try await stats(of: device, volume, condition)
        }
        guard table.belongs(mounted, to: devices) else {
            guard try await isOrphan(mounted) else { throw notThere(request) }
            return nothing(
                of: volume,
                .abnormal("the device that is published at \(path) was detached by another program or has gone"))
        }
        let device = devices.first { table.belongs(mounted, to: [$0]) }
        let condition = try await condition(of: volume.id, device, mounted, table)
        if let device, !mounted.shows(device) { return try await stats(of: device, volume, condition) }
        let room: FileSystemCapacity
        do throws(HostError) {
            room = try await host.files.capacity(of: path)
        } catch {
            guard error.kind == .inputOutput || error.kind == .stale else { throw CSIError(error) }
            return nothing(of: volume, .abnormal("the file system does not answer any more: \(error.description)"))
        }
        let inodes = VolumeStats.Usage(
            available: room.availableInodes, total: room.totalInodes, used: room.usedInodes)
        return VolumeStats(
            bytes: .init(available: room.availableBytes, total: room.totalBytes, used: room.usedBytes),
            inodes: room.totalInodes > 0 ? inodes : nil, condition: condition)
    }

    /// Grows the device to its volume and the file system to its device, while it is used.
    /// - Returns: The size of the device in bytes.
    /// - Throws: NOT_FOUND when the volume is not at the path, FAILED_PRECONDITION when its device is not as large as asked for
    ///   or it is mounted read-only everywhere.
    public func expand(_ request: ExpandVolumeOnNode, _ volume: BlockVolume) async throws(CSIError) -> Int64 {
        let (existing, table) = try await present(request)
        let device = try await devices.refreshed(existing, of: volume.id)
        if let required = request.capacity?.required, required > device.size {
            throw .preconditionFailed(
                "volume \"\(volume.id)\" has \(device.size) bytes, and \(required) were asked for; expand it on the "
                    + "controller first")
        }
        let mounts = table.mounts(of: device)
        guard let kind = mounts.first.flatMap({ FileSystemKind(rawValue: $0.filesystemType) }) else {
            return device.size
        }
        // The path may be a read-only publication; growing takes a writable mount of the same file system.
        guard let writable = mounts.first(where: { !$0.isReadOnly }) else {
            throw .preconditionFailed(
                "volume \"\(volume.id)\" is mounted read-only everywhere; it grows when it is staged")
        }
        _ = try await withHostErrors { () async throws(HostError) in
            try await host.fileSystems.grow(
                kind, on: device.path, mountedAt: writable.mountPoint, within: Self.toolLimit(device.size))
        }
        return device.size
    }

    /// Makes sure that the volume is at the path, before anything else is done for the request.
    /// - Throws: NOT_FOUND when it is not.
    public func requirePresent(_ request: ExpandVolumeOnNode) async throws(CSIError) { _ = try await present(request) }

    private func present(
        _ request: ExpandVolumeOnNode
    ) async throws(CSIError) -> (device: VolumeDevice, table: MountTable) {
        let device = try await devices.device(of: request.id)
        let path = request.path.filePath
        let table = try await mountTable([path], of: device.map { [$0] } ?? [])
        let isShown = table.topmost(at: path).map { table.belongs($0, to: device.map { [$0] } ?? []) } ?? false
        let staged = try await staging.stagedBlock(of: request.id)
        guard let device, isShown || staged?.path == path.string else {
            throw .notFound(.publication(request.id, request.path), "nothing of it is there")
        }
        return (device, table)
    }

    private func notThere(_ request: GetVolumeStats) -> CSIError {
        .notFound(.publication(request.id, request.path), "nothing of it is mounted there")
    }

    private func nothing(of volume: BlockVolume, _ condition: VolumeCondition) -> VolumeStats {
        VolumeStats(
            bytes: .init(available: 0, total: volume.capacity, used: 0), inodes: nil, condition: condition)
    }

    private func stats(
        of device: VolumeDevice, _ volume: BlockVolume, _ condition: VolumeCondition
    ) async throws(CSIError) -> VolumeStats {
        let used = min(device.size, try await devices.usedBytes(of: volume.id) ?? device.size)
        return VolumeStats(
            bytes: .init(available: device.size - used, total: device.size, used: used), inodes: nil,
            condition: condition)
    }

    private func condition(
        of id: VolumeID, _ device: VolumeDevice?, _ mounted: MountEntry, _ table: MountTable
    ) async throws(CSIError) -> VolumeCondition {
        let condition = try await devices.condition(of: id, shownAs: device)
        guard !condition.isAbnormal, let device else { return condition }
        guard mounted.shows(device) else { return await readability(of: device, at: 0) }
        if table.mounts(of: device).contains(where: \.hasFailedReadOnly) {
            return .abnormal("the kernel has made the file system on \(device.path) read-only after an error")
        }
        do throws(HostError) {
            // XFS that has stopped after an error says so to whoever looks at a file, and nowhere else.
            _ = try await host.files.openDirectory(mounted.mountPoint).metadata(of: "")
        } catch {
            guard error.kind == .inputOutput || error.kind == .stale else { return .normal }
            return .abnormal("the file system on \(device.path) does not answer any more: \(error.description)")
        }
        // Ext4 goes on with what it has in memory until it must write its journal.
        let kind = FileSystemKind(rawValue: mounted.filesystemType)
        return await readability(of: device, at: kind == .btrfs ? Self.btrfsSuperblock : 0)
    }

    /// Whether a device answers; one that hangs is left alone after a while, so that the others are told of in time.
    /// - Parameter offset: Where there is something to read.
    private func readability(of device: VolumeDevice, at offset: Int64) async -> VolumeCondition {
        do throws(HostError) {
            try await host.devices.checkReadable(device.path, at: offset, within: Self.answerLimit)
        } catch {
            return .abnormal("the device \(device.path) cannot be read: \(error.description)")
        }
        return .normal
    }
}
