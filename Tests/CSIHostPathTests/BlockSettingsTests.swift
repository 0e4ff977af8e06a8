import CSIHost
import CSIProto
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSICore
@testable import CSIHostPath

@Suite("hostPath, settings of raw block volumes")
struct BlockSettingsTests {
    private static func device(_ rig: Rig) async throws -> LoopDevice {
        try #require(try await rig.host.loops.list().first { $0.backingPath.hasPrefix(rig.pool.string) })
    }

    private static func readAhead(_ rig: Rig) async throws -> Int64 {
        try await rig.host.devices.readAhead(of: device(rig).path)
    }

    @Test("What a class says holds from the first moment, and a change at once", arguments: Machine.available)
    func applied(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            let made = try await rig.driver.create(
                Requests.block("b", parameters: ["directIO": "false"], mutable: ["readAhead": "64Ki"]))
            #expect(made.context["readAhead"] == "65536" && made.context["directIO"] == "false")
            let target = rig.targets.appending("t")
            try await rig.driver.publish(Requests.publishBlock("b", at: target))
            #expect(try await Self.readAhead(rig) == 64 << 10)
            #expect(try await !Self.device(rig).isDirectIO)
            try await rig.driver.modify(Requests.modify("b", ["readAhead": "1Mi", "onDelete": "retain"]))
            #expect(try await Self.readAhead(rig) == 1 << 20)
            #expect(try await rig.driver.read(Requests.read("b"))?.volume.context["readAhead"] == "1048576")
            // Somebody changed it meanwhile: the same again mends it, and so does the next publish.
            for mend in [
                { try await rig.driver.modify(Requests.modify("b", ["readAhead": "1Mi"])) },
                { try await rig.driver.publish(Requests.publishBlock("b", at: rig.targets.appending("u"))) },
            ] {
                try await rig.host.devices.setReadAhead(4096, of: Self.device(rig).path)
                try await mend()
                #expect(try await Self.readAhead(rig) == 1 << 20)
            }
            for name in ["t", "u"] {
                try await rig.driver.unpublish(Requests.unpublish("b", at: rig.targets.appending(name)))
            }
            try await rig.driver.publish(Requests.publishBlock("b", at: target))
            #expect(try await Self.readAhead(rig) == 1 << 20)
            try await rig.driver.unpublish(Requests.unpublish("b", at: target))
            try await rig.driver.modify(Requests.modify("b", ["onDelete": "delete"]))
        }
    }

    @Test("Direct I/O goes on and off under a pod")
    func directIO() async throws {
        try await Rig.withQuotas("xfs") { rig, _ in
            _ = try await rig.driver.create(Requests.block("b"))
            let target = rig.targets.appending("t")
            try await rig.driver.publish(Requests.publishBlock("b", at: target))
            #expect(try await Self.device(rig).isDirectIO)
            for isDirect in [false, true] {
                try await rig.driver.modify(Requests.modify("b", ["directIO": "\(isDirect)"]))
                #expect(try await Self.device(rig).isDirectIO == isDirect)
            }
        }
    }

    @Test("Direct I/O that the file system cannot do is refused, and nothing of the request done")
    func impossible() async throws {
        try await Rig.withQuotas("tmpfs", .none) { rig, _ in
            _ = try await rig.driver.create(Requests.block("b", mutable: ["readAhead": "64Ki"]))
            let target = rig.targets.appending("t")
            try await rig.driver.publish(Requests.publishBlock("b", at: target))
            let error = await #expect(throws: CSIError.self) {
                try await rig.driver.modify(Requests.modify("b", ["directIO": "true", "readAhead": "4Ki"]))
            }
            #expect(error?.code == .failedPrecondition && error?.message.contains("directIO") == true)
            #expect(try await Self.readAhead(rig) == 64 << 10)
            #expect(try await rig.driver.read(Requests.read("b"))?.volume.context["directIO"] == nil)
            _ = try await rig.driver.create(Requests.block("d", mutable: ["directIO": "true"]))
            let refused = await #expect(throws: CSIError.self) {
                try await rig.driver.publish(Requests.publishBlock("d", at: rig.targets.appending("d")))
            }
            #expect(refused?.code == .failedPrecondition && refused?.message.contains("directIO") == true)
            #expect(try await rig.host.loops.list().count == 1)
        }
    }

    @Test("A record that cannot be written leaves the device as it was")
    func atomic() async throws {
        try await Rig.withQuotas("xfs") { rig, fake in
            _ = try await rig.driver.create(Requests.block("b", mutable: ["readAhead": "64Ki"]))
            try await rig.driver.publish(Requests.publishBlock("b", at: rig.targets.appending("t")))
            fake.fail(.writeFile, with: .noSpace)
            let full = await #expect(throws: CSIError.self) {
                try await rig.driver.modify(Requests.modify("b", ["readAhead": "8Ki", "directIO": "false"]))
            }
            #expect(full?.code == .resourceExhausted)
            #expect(try await Self.readAhead(rig) == 64 << 10)
            #expect(try await Self.device(rig).isDirectIO)
            let error = await #expect(throws: CSIError.self) {
                try await rig.driver.modify(Requests.modify("b", ["inodeLimit": "5"]))
            }
            #expect(error?.code == .invalidArgument)
        }
    }
}
