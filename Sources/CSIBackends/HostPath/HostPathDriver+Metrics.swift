public import CSICore
import CSIPool

extension HostPathDriver: MetricsReporting {
    /// Those of its pool, and its mounts by health.
    public static var metrics: [MetricDescription] { VolumePool.metrics + [.volumeMounts] }

    /// One question to the pool's file system and one look at the kernel's mount table.
    public func figures() async throws(CSIError) -> [DriverFigure] {
        let mounts = role == .controller ? [] : try await pool.mountFigures()
        return try await pool.figures() + mounts
    }
}
