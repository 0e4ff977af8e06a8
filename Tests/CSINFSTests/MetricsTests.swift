import CSIHost
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSICore
@testable import CSINFS

@Suite("Metrics of the NFS backend")
struct MetricsTests {
    private static func mounts(_ driver: NFSDriver) async throws -> [String: Double] {
        let figures = try await driver.figures().filter { $0.metric == .volumeMounts }
        return Dictionary(uniqueKeysWithValues: figures.map { ($0.labels.joined(), $0.value) })
    }

    @Test("Mounts by what calls have found out about them, without asking a server")
    func mounts() async throws {
        let rig = try Rig()
        #expect(try await Self.mounts(rig.driver) == ["normal": 0, "abnormal": 0, "hung": 0])
        let volume = try await rig.create("pvc-1")
        try await rig.stage(volume)
        try await rig.publish(volume)
        try await rig.publish(volume, "other")
        #expect(try await Self.mounts(rig.driver) == ["normal": 3, "abnormal": 0, "hung": 0])
        for figure in try await rig.driver.figures() {
            #expect(NFSDriver.metrics.contains(figure.metric))
            #expect(figure.labels.count == figure.metric.labels.count)
        }

        rig.fake.fail(.openDirectory, at: "/scratch/pods/pod", with: .stale)
        #expect(try await rig.stats(volume).condition?.isAbnormal == true)
        #expect(try await Self.mounts(rig.driver) == ["normal": 2, "abnormal": 1, "hung": 0])
        rig.fake.fail(.openDirectory, at: "/scratch/pods/other", with: .timedOut)
        #expect(try await rig.stats(volume, at: "other").condition?.isAbnormal == true)
        #expect(try await Self.mounts(rig.driver) == ["normal": 0, "abnormal": 0, "hung": 3])
        #expect(try await rig.stats(volume).condition?.isAbnormal == false)
        #expect(try await Self.mounts(rig.driver) == ["normal": 3, "abnormal": 0, "hung": 0])

        // The kernel's table is asked, and servers are not.
        rig.fake.fail(.openDirectory, with: .timedOut, times: 100)
        rig.fake.fail(.openExport, with: .timedOut, times: 100)
        #expect(try await Self.mounts(rig.driver) == ["normal": 3, "abnormal": 0, "hung": 0])
        for pod in ["pod", "other"] { try await rig.unpublish(volume, pod) }
        try await rig.unstage(volume)
        #expect(try await Self.mounts(rig.driver) == ["normal": 0, "abnormal": 0, "hung": 0])
    }

    @Test(
        "After a restart mounts are known by the driver's name in their path, and by their source; others are not counted"
    )
    func restart() async throws {
        let rig = try Rig()
        let staging: FilePath = "/kubelet/plugins/kubernetes.io/csi/nfs.swift-csi.dev/1234/globalmount"
        for path in [staging, "/kubelet/pods/1/volumes/pvc-1", "/data"] { rig.fake.addDirectory(path) }
        rig.fake.addDirectory("/servers/one/pvc-1")
        rig.fake.addDirectory("/servers/one/data")
        for (name, path) in [
            ("pvc-1", staging), ("pvc-1", "/kubelet/pods/1/volumes/pvc-1"), ("data", "/data"),
        ] {
            try await rig.fake.network.mount(
                try Rig.location(FilePath("/export/\(name)")), at: path, options: NFSMountOptions())
        }
        #expect(try await Self.mounts(rig.driver) == ["normal": 2, "abnormal": 0, "hung": 0])
    }

    @Test("Work that hangs although its helper was killed is counted, and refused")
    func stuck() async throws {
        let rig = try Rig()
        let volume = try await rig.create("pvc-1")
        try await rig.stage(volume)
        try await rig.publish(volume)
        rig.fake.setStuckWork(["/scratch/pods/pod"])
        await expectRefusal(.aborted) { try await rig.unpublish(volume) }
        #expect(
            try await rig.driver.figures().contains { $0.metric.name == "csi_nfs_stuck_operations" && $0.value == 1 })
        rig.fake.setStuckWork([])
        try await rig.unpublish(volume)
        #expect(
            try await rig.driver.figures().contains { $0.metric.name == "csi_nfs_stuck_operations" && $0.value == 0 })
    }
}
