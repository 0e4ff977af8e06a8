import CSIBlock
public import CSICore
import CSIPool

extension HostPathDriver: MetricsReporting {
    /// Those of its pools, the loop devices of raw block volumes, and its mounts by health.
    public static var metrics: [MetricDescription] { VolumePool.metrics + ImageDevices.metrics + [.volumeMounts] }

    /// One question to the file system of each pool, and a look at the kernel's tables of mounts and loop devices.
    public func figures() async throws(CSIError) -> [DriverFigure] {
        var figures: [DriverFigure] = []
        var mounts: [Bool] = []
        for member in pools.members {
            figures += try await member.pool.figures(named: member.name ?? "default")
            if role != .controller { mounts += try await member.pool.mountHealth() }
        }
        guard role != .controller else { return figures }
        // Whoever may not look at the machine's loop devices has attached none.
        if let devices = try? await ImageDevices.figures(of: pools.members.map(\.images), on: host) {
            figures += devices.devices
            mounts += devices.mounts
        }
        return figures + VolumePool.mountFigures(of: mounts)
    }
}
