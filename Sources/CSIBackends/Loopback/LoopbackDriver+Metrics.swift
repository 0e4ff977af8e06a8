import CSIBlock
public import CSICore
import CSIPool

extension LoopbackDriver: MetricsReporting {
    /// Those of its pool, its loop devices, and its mounts by health.
    public static var metrics: [MetricDescription] { VolumePool.metrics + ImageDevices.metrics + [.volumeMounts] }

    /// One question to the pool's file system, and a look at the kernel's tables of loop devices and mounts.
    public func figures() async throws(CSIError) -> [DriverFigure] {
        let figures = try await pool.figures()
        guard role != .controller else { return figures }
        let (loops, mounts) = try await ImageDevices.figures(of: [devices], on: host)
        return figures + loops + VolumePool.mountFigures(of: mounts)
    }
}
