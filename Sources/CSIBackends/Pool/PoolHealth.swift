public import CSICore
import CSIHost
import SystemPackage

/// What is wrong with a pool as a whole.
public struct PoolHealth: Sendable, Hashable {
    /// With less than this share of the file system left, in hundredths, a pool is nearly full.
    private static let scarcePercent: Int64 = 2
    /// With more bytes than this it is not, however large the file system.
    private static let scarceBytes: Int64 = 1 << 30

    /// The pool's directory.
    let path: FilePath
    /// Whether nothing can be written there.
    let isReadOnly: Bool
    let availableBytes: Int64
    let totalBytes: Int64

    /// Whether writes fail soon that no quota forbids.
    var isNearlyFull: Bool {
        let share = Int64(clamping: Int128(totalBytes) * Int128(Self.scarcePercent) / 100)
        return availableBytes < min(share, Self.scarceBytes)
    }

    /// The condition of a volume of the pool.
    /// - Parameters:
    ///   - hasData: Whether the directory that pods see is there.
    ///   - data: Where it is.
    ///   - quota: What the volume holds and may hold; nil where nobody counts it.
    func condition(hasData: Bool, _ data: FilePath?, _ quota: TreeQuota?) -> VolumeCondition {
        guard hasData else { return .abnormal("the directory \(data?.string ?? "of the volume") is gone") }
        if isReadOnly { return .abnormal("the pool \(path) is mounted read-only: look for errors in the kernel's log") }
        // A file system counts blocks, so a full one can be short of its limit by less than a block.
        if let quota, let limit = quota.limits.bytes, quota.usedBytes > limit - min(4096, limit) {
            return .abnormal("the volume is full: it holds \(quota.usedBytes) of \(limit) bytes; expand it")
        }
        if let quota, let limit = quota.limits.inodes, let used = quota.usedInodes, used >= limit {
            return .abnormal("the volume is full: it has \(used) of \(limit) files; raise its inodeLimit")
        }
        guard !isNearlyFull else {
            return .abnormal(
                "the pool \(path) is nearly full: \(availableBytes) of \(totalBytes) bytes are left for all its volumes"
            )
        }
        return .normal
    }
}

extension VolumePool {
    /// How the pool is, now.
    public func health() async throws(CSIError) -> PoolHealth {
        let tree = try tree()
        let path = path
        return try await withHostErrors { () async throws(HostError) in
            let mount = try await host.mounts.mountTable(of: MountSelection(paths: [path])).mountPoint(containing: path)
            let room = try await tree.capacity()
            return PoolHealth(
                path: path, isReadOnly: mount?.isReadOnly ?? false, availableBytes: room.availableBytes,
                totalBytes: room.totalBytes)
        }
    }

    /// How many volumes are, but for how full each is, which takes as long again to find out.
    /// - Parameters:
    ///   - volumes: Directory volumes.
    ///   - health: How the pool is.
    /// - Returns: One condition for each volume, in their order.
    public func conditions(
        of volumes: [VolumeSummary], in health: PoolHealth
    ) async throws(CSIError) -> [VolumeCondition] {
        zip(volumes, try await metadata(of: PoolLayout.dataName, inEachOf: volumes)).map { (volume, data) in
            switch data {
            case .success(let data):
                let isThere = data?.kind == .directory
                return health.condition(hasData: isThere, isThere ? nil : dataPath(of: volume.id), nil)
            case .failure(let error): return unreadable(volume.id, error.description)
            }
        }
    }

    private func unreadable(_ id: VolumeID, _ reason: String) -> VolumeCondition {
        .abnormal("the directory \(dataPath(of: id)?.string ?? "of the volume") cannot be looked at: \(reason)")
    }

    /// The fewest volumes that are worth a look of their own, at the same time as others.
    private static let smallestLook = 250

    /// What the child of one name is in the directory of each volume; nil where there is none, a failure where nobody can tell.
    func metadata(
        of child: String, inEachOf volumes: [VolumeSummary]
    ) async throws(CSIError) -> [Result<FileMetadata?, HostError>] {
        let tree = try tree()
        let names = volumes.map { $0.id.pathComponent }
        let found = await inParts(names.compactMap { $0 }, of: Self.smallestLook) {
            (part) -> [Result<FileMetadata?, HostError>] in
            do throws(HostError) {
                return try await tree.metadata(
                    of: child, inEachOf: Array(part), in: VolumeRecord.section.directory)
            } catch {
                return part.map { _ in .failure(error) }
            }
        }.flatMap { $0 }
        guard found.count < names.count else { return found }
        var rest = found[...]
        return names.map { $0 == nil ? .success(nil) : rest.popFirst() ?? .success(nil) }
    }

    /// How a volume is.
    /// - Parameters:
    ///   - id: The volume.
    ///   - quota: What its record says that limits it.
    ///   - health: How the pool is.
    public func condition(
        of id: VolumeID, _ quota: VolumeQuota?, in health: PoolHealth
    ) async -> VolumeCondition {
        do throws(CSIError) {
            let hasData = try await hasData(id)
            return health.condition(
                hasData: hasData, dataPath(of: id), hasData ? try await self.quota(of: id, quota) : nil)
        } catch {
            return unreadable(id, error.message)
        }
    }
}
