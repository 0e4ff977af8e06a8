import CSIHost
import CSITestKit
import SystemPackage
import Testing

@testable import CSICore
@testable import CSIHostPath

@Suite("Metrics of the hostPath backend")
struct MetricsTests {
    @Test("The pool, its volumes, and its mounts by health, each with a description", arguments: Machine.available)
    func figures(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            func value(_ name: String, _ labels: String...) async throws -> Double? {
                try await rig.driver.figures().first { $0.metric.name == name && $0.labels == labels }?.value
            }
            #expect(try await value("csi_pool_volumes", "default", "served") == 0)
            let volumes = try await ["a", "b"].asyncMap { (name: String) in
                try await rig.driver.create(Requests.create(name, required: 3 << 20))
            }
            for (index, volume) in volumes.enumerated() {
                try await rig.driver.publish(
                    Requests.publish(volume.id.rawValue, at: rig.targets.appending("pod-\(index)")))
            }
            #expect(try await value("csi_pool_volumes", "default", "served") == 2)
            #expect(try await value("csi_pool_volumes", "default", "set_aside") == 0)
            #expect(try await value("csi_pool_promised_bytes", "default") == Double(6 << 20))
            #expect(try await value("csi_volume_mounts", "normal") == 2)
            #expect(try await value("csi_volume_mounts", "abnormal") == 0)
            let capacity = try #require(try await value("csi_pool_capacity_bytes", "default"))
            let used = try #require(try await value("csi_pool_used_bytes", "default"))
            let available = try #require(try await value("csi_pool_available_bytes", "default"))
            #expect(used + available <= capacity && capacity > 0)
            #expect(try await value("csi_pool_inodes", "default") ?? 0 > 0)
            for figure in try await rig.driver.figures() {
                #expect(HostPathDriver.metrics.contains(figure.metric))
                #expect(figure.labels.count == figure.metric.labels.count)
            }
            for (index, volume) in volumes.enumerated() {
                try await rig.driver.unpublish(
                    Requests.unpublish(volume.id.rawValue, at: rig.targets.appending("pod-\(index)")))
                try await rig.driver.delete(Requests.delete(volume.id.rawValue))
            }
            #expect(try await value("csi_pool_promised_bytes", "default") == 0)
            #expect(try await value("csi_volume_mounts", "normal") == 0)
        }
    }

    @Test("Loop devices of raw block volumes are counted, in use and left over", arguments: Machine.available)
    func loopDevices(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            func values() async throws -> [Double?] {
                let figures = try await rig.driver.figures()
                for figure in figures { #expect(HostPathDriver.metrics.contains(figure.metric)) }
                return [("csi_loop_devices", "used"), ("csi_loop_devices", "unused"), ("csi_volume_mounts", "normal")]
                    .map { (name, label) in figures.first { $0.metric.name == name && $0.labels == [label] }?.value }
            }
            #expect(try await values() == [0, 0, 0])
            _ = try await rig.driver.create(Requests.block("b"))
            #expect(try await values() == [0, 0, 0])
            let targets = ["t", "u"].map { rig.targets.appending($0) }
            for target in targets { try await rig.driver.publish(Requests.publishBlock("b", at: target)) }
            #expect(try await values() == [1, 0, 2])
            for target in targets { try await rig.driver.unpublish(Requests.unpublish("b", at: target)) }
            #expect(try await values() == [0, 0, 0])
            guard let fake = rig.fake else { return }
            let pool = try await rig.host.files.openDirectory(rig.pool)
            _ = try await rig.host.loops.attach("volumes/b/image", in: pool, options: LoopOptions(name: "b"))
            #expect(try await values() == [0, 1, 0])
            // Other figures do not suffer where nobody may look at the devices.
            fake.fail(.listLoops, with: .permissionDenied)
            #expect(try await values() == [nil, nil, 0])
        }
    }

    @Test("A file system that became read-only makes its mounts abnormal, and a record that is damaged is counted")
    func abnormal() async throws {
        try await Rig.with(.fake) { rig in
            let volume = try await rig.driver.create(Requests.create("a"))
            try await rig.driver.publish(Requests.publish(volume.id.rawValue, at: rig.targets.appending("pod")))
            let fake = try #require(rig.fake)
            fake.setReadOnly(true, fileSystemOf: rig.pool)
            #expect(
                try await rig.driver.figures().contains(DriverFigure(.volumeMounts, ["abnormal"], 1)))
            fake.setReadOnly(false, fileSystemOf: rig.pool)
            fake.addFile(rig.pool.pushing("volumes/a/volume"), Array("nonsense".utf8))
            fake.restart()
            let next = try rig.secondDriver(role: .all)
            try await next.preflight()
            try await next.start()
            let figures = try await next.figures()
            #expect(figures.contains { $0.labels == ["default", "set_aside"] && $0.value == 1 })
            #expect(figures.contains { $0.labels == ["default", "served"] && $0.value == 0 })
        }
    }
}

extension Array {
    fileprivate func asyncMap<Value>(_ transform: (Element) async throws -> Value) async throws -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await transform(element)) }
        return values
    }
}
