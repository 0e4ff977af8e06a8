public import CSICore
public import CSIHost
import CSILock
import SystemPackage

/// The metrics of a pool.
extension VolumePool {
    private enum Metric {
        static let capacity = MetricDescription(
            "csi_pool_capacity_bytes", labels: ["pool"], help: "The size of the file system that the pool lies on.")
        static let used = MetricDescription(
            "csi_pool_used_bytes", labels: ["pool"], help: "The bytes of that file system that hold data, of anybody.")
        static let available = MetricDescription(
            "csi_pool_available_bytes", labels: ["pool"],
            help: "The bytes that the file system of the pool has left, promises and reserve not counted.")
        static let promised = MetricDescription(
            "csi_pool_promised_bytes", labels: ["pool"],
            help: "The sum of the sizes of all volumes; only where the process manages the pool.")
        static let reserved = MetricDescription(
            "csi_pool_reserved_bytes", labels: ["pool"], help: "The bytes that are never given to volumes.")
        static let inodes = MetricDescription(
            "csi_pool_inodes", labels: ["pool"],
            help: "All inodes of the file system of the pool, where it counts them.")
        static let usedInodes = MetricDescription(
            "csi_pool_used_inodes", labels: ["pool"], help: "The inodes in use, where the file system counts them.")
        static let volumes = MetricDescription(
            "csi_pool_volumes", labels: ["pool", "state"],
            help: "Volumes by state: served, or set_aside at the start because their record cannot be used.")
        static let snapshots = MetricDescription(
            "csi_pool_snapshots", labels: ["pool", "state"],
            help: "Snapshots by state: served, or set_aside at the start because their record cannot be used.")

        static let all = [
            capacity, used, available, promised, reserved, inodes, usedInodes, volumes, snapshots,
        ]
    }

    /// What ``figures(named:)`` reports.
    public static var metrics: [MetricDescription] { Metric.all }

    /// The figures of the pool, however many volumes it has: one question to its file system, the rest is in memory.
    /// - Parameter name: The name of the pool, a label.
    /// - Throws: What the file system answers instead.
    public func figures(named name: String = "default") async throws(CSIError) -> [DriverFigure] {
        let room = try await capacity()
        var figures = [
            DriverFigure(Metric.capacity, [name], room.totalBytes), DriverFigure(Metric.used, [name], room.usedBytes),
            DriverFigure(Metric.available, [name], room.availableBytes),
        ]
        if room.totalInodes > 0 {
            figures.append(DriverFigure(Metric.inodes, [name], room.totalInodes))
            figures.append(DriverFigure(Metric.usedInodes, [name], room.usedInodes))
        }
        if let policy = policy ?? directories {
            figures.append(DriverFigure(Metric.reserved, [name], policy.reservedBytes(of: room.totalBytes)))
        }
        guard isManaged else { return figures }
        let state = state.withLock { ($0.volumes.count, $0.snapshots.count, $0.promises.total, $0.setAside) }
        figures.append(DriverFigure(Metric.promised, [name], state.2))
        figures.append(DriverFigure(Metric.volumes, [name, "served"], state.0))
        figures.append(DriverFigure(Metric.volumes, [name, "set_aside"], state.3.volumes))
        if policy != nil {
            figures.append(DriverFigure(Metric.snapshots, [name, "served"], state.1))
            figures.append(DriverFigure(Metric.snapshots, [name, "set_aside"], state.3.snapshots))
        }
        return figures
    }

    /// The mounts of directory volumes, of each of them whether it is abnormal, from the kernel's table alone: no file system
    /// is asked.
    ///
    /// A mount is abnormal when its volume was removed while it was mounted, or when its file system stopped being writable.
    public func mountHealth() async throws(CSIError) -> [Bool] {
        let table = try await withHostErrors { () async throws(HostError) in try await host.mounts.mountTable() }
        guard let origin = table.origin(of: path) else { return [] }
        let mounts = table.mounts(showing: origin).filter { PoolLayout.isDataOfAny($0.root) }
        return mounts.map { $0.isRootDeleted || PoolLayout.isDiscarded($0.root) || $0.hasFailedReadOnly }
    }

    /// The figures of mounts, of each of which it is known whether it is abnormal.
    public static func mountFigures(of mounts: [Bool]) -> [DriverFigure] {
        let abnormal = mounts.count { $0 }
        return [
            DriverFigure(.volumeMounts, ["normal"], mounts.count - abnormal),
            DriverFigure(.volumeMounts, ["abnormal"], abnormal),
        ]
    }
}

extension MountEntry {
    /// Whether the file system stopped being writable under a mount that was made for writing, as after an error of its disk.
    ///
    /// The kernel makes it read-only, or, since Linux 6.15, ext4 says so in words of its own.
    public var hasFailedReadOnly: Bool {
        let isStopped = superOptions.contains("emergency_ro") || superOptions.contains("shutdown")
        return isStopped || !mountOptions.contains("ro") && superOptions.contains("ro")
    }
}
