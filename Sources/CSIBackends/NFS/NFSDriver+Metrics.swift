public import CSICore
import CSIHost

extension NFSDriver: MetricsReporting {
    private static let stuckWork = MetricDescription(
        "csi_nfs_stuck_operations",
        help:
            "Operations whose helper process hangs in the kernel although it was killed; calls for the same volume are ABORTED."
    )

    /// Its mounts by health, and what hangs for good.
    public static let metrics: [MetricDescription] = [.volumeMounts, stuckWork]

    /// The kernel's mount table and what earlier calls have found: no server is asked.
    public func figures() async throws(CSIError) -> [DriverFigure] {
        let counts = mountHealth.count(try await mountTable(), driver: info.name)
        let mounts = MountHealth.Finding.allCases.map { finding in
            DriverFigure(.volumeMounts, [finding.rawValue], counts[finding] ?? 0)
        }
        return mounts + [DriverFigure(Self.stuckWork, [], await host.network.stuckWork().count)]
    }
}
