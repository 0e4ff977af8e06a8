public import CSICore
import CSIHost
import CSIPool
import SystemPackage

extension LoopbackDriver: MetricsReporting {
    private static let loopDevices = MetricDescription(
        "csi_loop_devices", labels: ["state"],
        help:
            "Loop devices of the driver's volumes: used ones are mounted, staged or published, unused ones are left over."
    )

    /// Those of its pool, its loop devices, and its mounts by health.
    public static var metrics: [MetricDescription] { VolumePool.metrics + [loopDevices, .volumeMounts] }

    /// One question to the pool's file system, and a look at the kernel's tables of loop devices and mounts.
    public func figures() async throws(CSIError) -> [DriverFigure] {
        let figures = try await pool.figures()
        guard role != .controller else { return figures }
        let ours = pool.path.string + "/"
        let devices = try await withHostErrors { () async throws(HostError) in
            try await host.loops.list().filter { $0.backingPath.hasPrefix(ours) }
        }
        guard !devices.isEmpty else {
            return figures + deviceFigures(used: 0, unused: 0) + VolumePool.mountFigures(of: [])
        }
        let table = try await mountTable()
        var unused = 0
        var mounts: [Bool] = []
        for device in devices {
            let shown = table.mounts(of: device) + table.publications(of: device)
            let isLost = device.isDetachedOnLastClose || device.backingPath.hasSuffix(" (deleted)")
            mounts += shown.map { isLost || !device.isReadOnly && $0.hasFailedReadOnly }
            if shown.isEmpty, try await !isStaged(device) { unused += 1 }
        }
        return figures + deviceFigures(used: devices.count - unused, unused: unused)
            + VolumePool.mountFigures(of: mounts)
    }

    private func deviceFigures(used: Int, unused: Int) -> [DriverFigure] {
        [DriverFigure(Self.loopDevices, ["used"], used), DriverFigure(Self.loopDevices, ["unused"], unused)]
    }

    /// Whether the device is of a raw block volume that is staged and not published.
    private func isStaged(_ device: LoopDevice) async throws(CSIError) -> Bool {
        guard let id = try? VolumeID(device.name) else { return false }
        return try await pool.stagedBlock(of: id) != nil
    }
}
