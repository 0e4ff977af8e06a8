public import CSICore
import CSIPool

extension HostPathDriver: MetricsReporting {
    /// Those of its pools, and its mounts by health.
    public static var metrics: [MetricDescription] { VolumePool.metrics + [.volumeMounts] }

    /// One question to the file system of each pool, and a look at the kernel's mount table for each.
    public func figures() async throws(CSIError) -> [DriverFigure] {
        var figures: [DriverFigure] = []
        var mounts: [Bool] = []
        for member in pools.members {
            figures += try await member.pool.figures(named: member.name ?? "default")
            if role != .controller { mounts += try await member.pool.mountHealth() }
        }
        return role == .controller ? figures : figures + VolumePool.mountFigures(of: mounts)
    }
}
