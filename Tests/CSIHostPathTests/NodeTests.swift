import CSIHost
import CSIProto
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSICore
@testable import CSIHostPath

@Suite("hostPath node")
struct NodeTests {
    @Test("What one process made, another publishes; what is written stays", arguments: Machine.available)
    func publish(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            _ = try await rig.driver.create(Requests.create("v"))
            let node = try rig.secondDriver(role: .node)
            try await node.preflight()
            try await node.start()
            let target = rig.targets.appending("t")
            try await node.publish(Requests.publish("v", at: target))
            try await node.publish(Requests.publish("v", at: target))
            #expect(try await rig.host.mounts.mountTable().entries(at: target).count == 1)
            let tree = try await rig.host.files.openDirectory(target)
            try await tree.writeFileDurably("file", [1, 2, 3])
            try await node.unpublish(Requests.unpublish("v", at: target))
            #expect(try await rig.host.files.metadata(of: target) == nil)
            let pool = try await rig.host.files.openDirectory(rig.pool)
            #expect(try await pool.readFile("volumes/v/data/file", limit: 10) == [1, 2, 3])
        }
    }

    @Test("A read-only publish refuses writes", arguments: Machine.available)
    func readOnly(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            _ = try await rig.driver.create(Requests.create("v"))
            for (name, request) in [
                ("flag", try Requests.publish("v", at: rig.targets.appending("flag"), readOnly: true)),
                ("mode", try Requests.publish("v", at: rig.targets.appending("mode"), mode: .singleNodeReaderOnly)),
                ("option", try Requests.publish("v", at: rig.targets.appending("option"), flags: ["ro,noexec"])),
            ] {
                try await rig.driver.publish(request)
                let tree = try await rig.host.files.openDirectory(rig.targets.appending(name))
                let error = await #expect(throws: HostError.self) { try await tree.writeFileDurably("file", [1]) }
                #expect(error?.kind == .readOnlyFileSystem, "\(name)")
            }
        }
    }

    @Test("The same target with other arguments is ALREADY_EXISTS and nothing changes", arguments: Machine.available)
    func conflicting(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            _ = try await rig.driver.create(Requests.create("v"))
            _ = try await rig.driver.create(Requests.create("w"))
            let target = rig.targets.appending("t")
            try await rig.driver.publish(Requests.publish("v", at: target, flags: ["nosuid"]))
            let before = try await rig.host.mounts.mountTable()
            for (request, field) in [
                (try Requests.publish("v", at: target, readOnly: true, flags: ["nosuid"]), "readonly"),
                (try Requests.publish("v", at: target), "mount_flags"),
                (try Requests.publish("v", at: target, flags: ["nosuid", "noexec"]), "mount_flags"),
                (try Requests.publish("w", at: target, flags: ["nosuid"]), "source"),
            ] {
                let error = await #expect(throws: CSIError.self) { try await rig.driver.publish(request) }
                #expect(error?.code == .alreadyExists)
                #expect(error?.message.contains(field) == true, "\(error?.message ?? "")")
            }
            #expect(try await rig.host.mounts.mountTable() == before)
        }
    }

    @Test("What many others have mounted is not read for one volume", arguments: [false, true])
    func partsOfTheMountTable(isBlock: Bool) async throws {
        try await Rig.withQuotas("xfs") { rig, fake in
            let request = isBlock ? try Requests.block("v") : try Requests.create("v", mode: .singleNodeSingleWriter)
            _ = try await rig.driver.create(request)
            fake.clearEffects()
            let target = rig.targets.appending("a")
            let publish =
                isBlock
                ? try Requests.publishBlock("v", at: target, mode: .singleNodeSingleWriter)
                : try Requests.publish("v", at: target, mode: .singleNodeSingleWriter)
            try await rig.driver.publish(publish)
            await #expect(throws: CSIError.self) { try await rig.driver.delete(Requests.delete("v")) }
            _ = try await rig.driver.stats(Requests.stats("v", at: target))
            try await rig.driver.unpublish(Requests.unpublish("v", at: target))
            try await rig.driver.unpublish(Requests.unpublish("v", at: target))
            try await rig.driver.delete(Requests.delete("v"))
            let looks = fake.effects.filter { $0.operation == .mountTable }
            #expect(looks.count > 3 && looks.allSatisfy { $0.path != "/proc/self/mountinfo" }, "\(looks)")
        }
    }

    @Test(
        "The second target of a single-writer volume is refused before anything is made", arguments: Machine.available)
    func singleWriter(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            _ = try await rig.driver.create(Requests.create("v", mode: .singleNodeSingleWriter))
            let first = rig.targets.appending("first")
            let second = rig.targets.appending("second")
            try await rig.driver.publish(Requests.publish("v", at: first, mode: .singleNodeSingleWriter))
            try await rig.driver.publish(Requests.publish("v", at: first, mode: .singleNodeSingleWriter))
            let error = await #expect(throws: CSIError.self) {
                try await rig.driver.publish(Requests.publish("v", at: second, mode: .singleNodeSingleWriter))
            }
            #expect(error?.code == .failedPrecondition)
            #expect(error?.message.contains(first.string) == true)
            #expect(try await rig.host.files.metadata(of: second) == nil)
        }
    }

    @Test("What cannot be published says why and leaves nothing behind", arguments: Machine.available)
    func refusals(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            _ = try await rig.driver.create(Requests.create("v"))
            let target = rig.targets.appending("t")
            let cases: [(PublishVolume, RPCCode)] = [
                (try Requests.publish("unknown", at: target), .notFound),
                (try Requests.publish("../v", at: target), .notFound),
                (try Requests.publish("v", at: rig.targets.appending("no/such/parent")), .failedPrecondition),
            ]
            for (request, code) in cases {
                let error = await #expect(throws: CSIError.self) { try await rig.driver.publish(request) }
                #expect(error?.code == code, "\(error?.message ?? "")")
            }
            try await rig.host.files.openDirectory(rig.pool).removeTree("volumes/v/data")
            let error = await #expect(throws: CSIError.self) {
                try await rig.driver.publish(Requests.publish("v", at: target))
            }
            #expect(error?.code == .failedPrecondition)
            #expect(try await rig.host.files.metadata(of: target) == nil)
        }
    }

    @Test("Unpublishing the absent is success", arguments: Machine.available)
    func absent(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            try await rig.driver.unpublish(Requests.unpublish("unknown", at: rig.targets.appending("no/such")))
            try await rig.driver.unpublish(Requests.unpublish("unknown", at: rig.targets.appending("t")))
            _ = try await rig.driver.create(Requests.create("v"))
            let target = rig.targets.appending("t")
            try await rig.driver.publish(Requests.publish("v", at: target))
            for _ in 0..<2 { try await rig.driver.unpublish(Requests.unpublish("v", at: target)) }
        }
    }

    @Test("Stacked mounts of the volume all go; what is not the volume's stays", arguments: Machine.available)
    func stacked(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            _ = try await rig.driver.create(Requests.create("v"))
            _ = try await rig.driver.create(Requests.create("w"))
            let target = rig.targets.appending("t")
            try await rig.driver.publish(Requests.publish("v", at: target))
            let data = rig.pool.appending("volumes/v/data")
            try await rig.host.mounts.bindMount(source: data, at: target, options: [])
            let error = await #expect(throws: CSIError.self) {
                try await rig.driver.unpublish(Requests.unpublish("w", at: target))
            }
            #expect(error?.code == .failedPrecondition)
            #expect(try await rig.host.mounts.mountTable().entries(at: target).count == 2)
            try await rig.driver.unpublish(Requests.unpublish("v", at: target))
            #expect(try await rig.host.mounts.mountTable().entries(at: target).isEmpty)
            #expect(try await rig.host.files.metadata(of: target) == nil)
        }
    }

    @Test("Files under the mount point are never removed", arguments: Machine.available)
    func userFiles(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            _ = try await rig.driver.create(Requests.create("v"))
            let target = rig.targets.appending("t")
            try await rig.host.files.createMountPoint(target, kind: .directory, permissions: .ownerReadWriteExecute)
            try await rig.host.files.openDirectory(target).writeFileDurably("precious", [1])
            let error = await #expect(throws: CSIError.self) {
                try await rig.driver.unpublish(Requests.unpublish("v", at: target))
            }
            #expect(error?.code == .failedPrecondition)
            #expect(try await rig.host.files.openDirectory(target).readFile("precious", limit: 9) == [1])
        }
    }

    @Test("Stats are of the published volume only", arguments: Machine.available)
    func stats(machine: Machine) async throws {
        try await Rig.with(machine) { rig in
            _ = try await rig.driver.create(Requests.create("v"))
            _ = try await rig.driver.create(Requests.create("w"))
            let target = rig.targets.appending("t")
            try await rig.driver.publish(Requests.publish("v", at: target))
            let stats = try await rig.driver.stats(Requests.stats("v", at: target))
            #expect(stats.bytes.total > 0 && stats.bytes.available <= stats.bytes.total)
            #expect(stats.inodes != nil)
            #expect(stats.condition == .normal)
            for (id, path) in [("unknown", target), ("w", target), ("v", rig.targets)] {
                let error = await #expect(throws: CSIError.self) {
                    try await rig.driver.stats(Requests.stats(id, at: path))
                }
                #expect(error?.code == .notFound)
            }
        }
    }

    @Test("A mount that fails leaves no mount point behind")
    func failedMount() async throws {
        try await Rig.with(.fake) { rig in
            let fake = try #require(rig.fake)
            _ = try await rig.driver.create(Requests.create("v"))
            fake.fail(.bindMount, with: .permissionDenied, times: 1)
            let target = rig.targets.appending("t")
            await #expect(throws: CSIError.self) { try await rig.driver.publish(Requests.publish("v", at: target)) }
            #expect(fake.metadata(of: target) == nil)
            try await rig.driver.publish(Requests.publish("v", at: target))
        }
    }

    @Test(
        "Real mounts were tested as well",
        .enabled(if: Machine.realMountsAreAllowed, "run dev/test to test real mounts"))
    func realMounts() {
        #expect(Machine.available.contains(.linux))
    }
}
