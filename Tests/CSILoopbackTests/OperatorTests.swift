import CSIHost
import CSIPool
import CSIPreflight
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSICore
@testable import CSILoopback

@Suite("What operators see of the loopback backend")
struct OperatorTests {
    @Test(
        "Loop devices and mounts are counted while they are used, and each figure is described",
        arguments: Machine.available)
    func figures(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            func value(_ name: String, _ labels: String...) async throws -> Double? {
                try await rig.driver.figures().first { $0.metric.name == name && $0.labels == labels }?.value
            }
            let id = try await rig.driver.create(Requests.create("v")).id.rawValue
            #expect(try await value("csi_loop_devices", "used") == 0)
            try await rig.stage(id)
            #expect(try await value("csi_loop_devices", "used") == 1)
            #expect(try await value("csi_volume_mounts", "normal") == 1)
            _ = try await rig.publish(id)
            #expect(try await value("csi_volume_mounts", "normal") == 2)
            #expect(try await value("csi_volume_mounts", "abnormal") == 0)
            #expect(try await value("csi_pool_promised_bytes", "default") == Double(Requests.size))
            #expect(try await value("csi_pool_reserved_bytes", "default") == 0)
            #expect(try await value("csi_pool_snapshots", "default", "served") == 0)
            for figure in try await rig.driver.figures() {
                #expect(LoopbackDriver.metrics.contains(figure.metric))
                #expect(figure.labels.count == figure.metric.labels.count)
            }
            try await rig.unpublish(id)
            try await rig.unstage(id)
            #expect(try await value("csi_loop_devices", "used") == 0)
            #expect(try await value("csi_loop_devices", "unused") == 0)
            #expect(try await value("csi_volume_mounts", "normal") == 0)
            try await rig.driver.delete(Requests.delete(id))
        }
    }

    @Test(
        "A raw block volume that is staged and not published uses its device, and one that nothing stages is left over")
    func leftovers() async throws {
        let rig = try await Rig.on(Rig.fake())
        let id = try await rig.driver.create(Requests.create("b", .block)).id.rawValue
        try await rig.stage(id, .block)
        let used = DriverFigure(
            try #require(LoopbackDriver.metrics.first { $0.name == "csi_loop_devices" }), ["used"], 1)
        #expect(try await rig.driver.figures().contains(used))
        try await rig.driver.pool.setStagedBlock(nil, of: try VolumeID(id))
        let unused = DriverFigure(used.metric, ["unused"], 1)
        #expect(try await rig.driver.figures().contains(unused))
    }

    @Test("What is described of a class is what a class takes")
    func parameters() throws {
        let values = [
            "csi.storage.k8s.io/fstype": "xfs", "provisioning": "thick", "mkfsOptions": "", "fsFreeze": "false",
        ]
        #expect(Set(LoopbackDriver.parameters.map(\.name)) == Set(values.keys))
        #expect(throws: Never.self) { try VolumeClass(Parameters(StringMap(values)), []) }
        for description in LoopbackDriver.parameters where description.values.contains(", ") {
            for value in description.values.split(separator: ", ") {
                #expect(throws: Never.self, "\(description.name)=\(value)") {
                    try VolumeClass(Parameters(StringMap([description.name: String(value)])), [])
                }
            }
        }
        #expect(throws: CSIError.self) { try VolumeClass(Parameters(StringMap(["other": "x"])), []) }
    }

    @Test("Without the loop module, staging says what to load", arguments: [Use.block, Use()])
    func withoutLoopDevices(use: Use) async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        let id = try await rig.driver.create(Requests.create("b", use)).id.rawValue
        fake.changeMachine { $0.closedDevices["/dev/loop-control"] = .notFound }
        let error = await #expect(throws: CSIError.self) { try await rig.stage(id, use) }
        #expect(error?.code == .failedPrecondition && error?.message.contains("modprobe loop") == true)
        fake.changeMachine { $0.closedDevices = [:] }
        try await rig.stage(id, use)
    }

    @Test(
        "A machine without loop devices or programs is told so, by what becomes of the process",
        arguments: [Role.node, .controller])
    func preflight(role: Role) async throws {
        let host = Rig.fake()
        let configuration = try LoopbackConfiguration(
            info: PluginInfo(name: "loopback.swift-csi.dev", version: "1"), nodeID: NodeID("n"), pool: "/scratch/pool")
        let whole = await configuration.preflight(role).findings(on: host)
        #expect(whole.allSatisfy { $0.outcome == .met }, "\(whole)")
        host.changeMachine { machine in
            machine.closedDevices["/dev/loop-control"] = .notFound
            machine.missingPrograms = ["mkfs.xfs", "resize2fs"]
        }
        let wrong = await configuration.preflight(role).findings(on: host).filter { !$0.isMet }
        let expected = ["loop.control", "program.resize2fs", "program.mkfs.xfs"]
        #expect(wrong.map(\.check) == (role == .node ? expected : []))
        #expect(wrong.map(\.outcome) == (role == .node ? [.waiting, .warning, .warning] : []))
    }
}
