import CSIHost
import CSIPool
import CSITestKit
import SystemPackage
import Testing

@testable import CSICore
@testable import CSILoopback

@Suite("Loopback with many volumes")
struct ManyVolumesTests {
    @Test("A call does the same with one volume as with fifty")
    func cost() async throws {
        let fake = Rig.fake()
        let rig = try await Rig.on(fake)
        var costs: [[String]] = []
        for number in 0..<50 {
            let name = "v\(number)"
            fake.clearEffects()
            _ = try await rig.driver.create(Requests.create(name))
            try await rig.stage(name)
            _ = try await rig.publish(name, name)
            _ = try await rig.driver.stats(Requests.stats(name, at: rig.targets.appending(name)))
            if number % 49 == 0 {
                // What is looked at again in turn, for the pool's room, is bounded but not one.
                costs.append(fake.effects.map(\.operation.rawValue).filter { $0 != HostOperation.metadata.rawValue })
            }
        }
        #expect(costs.first == costs.last)
        #expect(costs.first?.contains(HostOperation.attachLoop.rawValue) == true)
        fake.clearEffects()
        try await rig.unpublish("v7", "v7")
        try await rig.unstage("v7")
        try await rig.driver.delete(Requests.delete("v7"))
        #expect(fake.effects.filter { $0.operation == .listLoops && $0.path == "/sys/block" }.isEmpty)
    }

    @Test(
        "Five hundred devices are told apart, also by a process that has just started",
        .enabled(if: Machine.realMountsAreAllowed), .timeLimit(.minutes(5)))
    func many() async throws {
        try await Rig.with(.linux) { rig in
            let names = (0..<500).map { "many-\($0)" }
            let published = names.enumerated().filter { $0.offset % 25 == 0 }.map(\.element)
            for name in names {
                _ = try await rig.driver.create(Requests.create(name, required: 1 << 20, .block))
                try await rig.stage(name, .block)
            }
            for name in published { _ = try await rig.publish(name, name, .block) }
            let devices = try await rig.devices()
            #expect(Set(devices.map(\.number)).count == names.count)
            #expect(devices.contains { $0.number > 255 })
            #expect(Set(devices.map(\.name)) == Set(names))
            for name in published {
                let shown = try await rig.host.devices.device(at: rig.targets.appending(name))
                let own = try #require(devices.first { $0.name == name })
                #expect(shown?.number == own.device)
                #expect(own.backing == (try await rig.driver.pool.image(of: VolumeID(name))?.identity))
            }
            let node = try rig.secondDriver(role: .node)
            try await node.preflight()
            try await node.start()
            #expect(try await rig.devices().count == names.count)
            for name in published {
                try await node.unpublish(Requests.unpublish(name, at: rig.targets.appending(name)))
            }
            for name in names {
                try await node.unstage(Requests.unstage(name, at: rig.staging.appending(name)))
                try await rig.driver.delete(Requests.delete(name))
            }
            #expect(try await rig.devices().isEmpty)
        }
    }
}
