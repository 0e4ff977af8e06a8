import CSIHost
import CSIPool
import CSIProto
import CSITestKit
import CSITransport
import Synchronization
import SystemPackage
import Testing

@testable import CSICore
@testable import CSIHostPath

@Suite("hostPath holds sizes")
struct SizeTests {
    private static let size: Int64 = 1 << 20

    private func publish(_ id: String, _ rig: Rig) async throws -> FilePath {
        let target = rig.targets.appending(id)
        try await rig.driver.publish(Requests.publish(id, at: target))
        return target
    }

    private func bytes(_ count: Int64) -> [UInt8] { [UInt8](repeating: 7, count: Int(count)) }

    @Test("Writing past the size fails in the volume and nowhere else", arguments: ["ext4", "xfs", "btrfs"])
    func held(type: String) async throws {
        try await Rig.withQuotas(type) { rig, host in
            for id in ["a", "b"] {
                let made = try await rig.driver.create(Requests.create(id, required: Self.size))
                #expect(made.context["quota"] == (type == "btrfs" ? "subvolume" : "project"))
            }
            let (a, b) = (try await publish("a", rig), try await publish("b", rig))
            #expect(host.applicationWrites(a.appending("half"), bytes(Self.size / 2)))
            #expect(!host.applicationWrites(a.appending("more"), bytes(Self.size)))
            #expect(host.applicationWrites(b.appending("most"), bytes(Self.size * 3 / 4)))
            let stats = try await rig.driver.stats(Requests.stats("a", at: a))
            #expect(stats.bytes.total == Self.size)
            #expect(stats.bytes.used == Self.size / 2)
            #expect(stats.bytes.available == Self.size / 2)
            #expect(stats.condition == .normal)
            // What is there already is found again.
            #expect(try await rig.driver.create(Requests.create("a", required: Self.size)).capacity == Self.size)
        }
    }

    @Test("A volume grows while it is in use, and never shrinks", arguments: ["ext4", "btrfs"])
    func grows(type: String) async throws {
        try await Rig.withQuotas(type) { rig, host in
            _ = try await rig.driver.create(Requests.create("v", required: Self.size))
            let target = try await publish("v", rig)
            #expect(!host.applicationWrites(target.appending("file"), bytes(2 * Self.size)))
            let expansion = try await rig.driver.expand(Requests.expand("v", to: 4 * Self.size))
            #expect(expansion == Expansion(capacity: 4 * Self.size, needsNode: false))
            #expect(host.applicationWrites(target.appending("file"), bytes(2 * Self.size)))
            #expect(try await rig.driver.stats(Requests.stats("v", at: target)).bytes.total == 4 * Self.size)
            // The same again, and less, is success; a limit below is impossible.
            #expect(try await rig.driver.expand(Requests.expand("v", to: Self.size)).capacity == 4 * Self.size)
            let error = await #expect(throws: CSIError.self) {
                try await rig.driver.expand(Requests.expand("v", to: 1, limit: Self.size))
            }
            #expect(error?.code == .outOfRange)
            #expect(try await rig.driver.expandOnNode(Requests.expandOnNode("v", at: target, to: 1)) == 4 * Self.size)
            let large = try Requests.expandOnNode("v", at: target, to: 5 * Self.size)
            #expect(try await rig.driver.expandOnNode(large) == 5 * Self.size)
            let full = await #expect(throws: CSIError.self) {
                try await rig.driver.expand(Requests.expand("v", to: 2 << 30))
            }
            #expect(full?.code == .outOfRange || full?.code == .resourceExhausted)
        }
    }

    @Test("Deleting leaves neither a project nor a limit", arguments: ["xfs", "btrfs"])
    func deleted(type: String) async throws {
        try await Rig.withQuotas(type) { rig, host in
            for id in ["a", "b"] { _ = try await rig.driver.create(Requests.create(id)) }
            #expect(host.quotaLimits(onFileSystemOf: "/scratch").count == 2)
            for id in ["a", "b"] { try await rig.driver.delete(Requests.delete(id)) }
            #expect(host.quotaLimits(onFileSystemOf: "/scratch").isEmpty)
        }
    }

    @Test("Projects that others use or limit are left to them")
    func strangers() async throws {
        try await Rig.withQuotas { rig, host in
            _ = try await rig.driver.create(Requests.create("a"))
            let first = try #require(host.quota(of: "/scratch/pool/volumes/a/data")).id
            host.addDirectory("/scratch/other")
            let next = try #require(UInt32(exactly: first + 1))
            host.anotherProgramSetsQuota(of: "/scratch/other", project: next, limits: QuotaLimits(bytes: 5 << 20))
            _ = try await rig.driver.create(Requests.create("b"))
            #expect(host.quota(of: "/scratch/pool/volumes/b/data")?.id == first + 2)
            for id in ["a", "b"] { try await rig.driver.delete(Requests.delete(id)) }
            #expect(host.quotaLimits(onFileSystemOf: "/scratch") == [first + 1: QuotaLimits(bytes: 5 << 20)])
        }
    }

    @Test("The project that an operator has put the whole pool in keeps its limit")
    func operatorsProject() async throws {
        try await Rig.withQuotas { rig, host in
            let theirs = ProjectTableRange.first + 77
            host.anotherProgramSetsQuota(
                of: "/scratch/pool", project: theirs, limits: QuotaLimits(bytes: 512 << 20))
            host.restart()
            let driver = try Rig.driver(host, pools: [.init(path: "/scratch/pool")])
            try await driver.preflight()
            // What a crash leaves that came before the volume had a project of its own.
            let pool = try await host.files.openDirectory("/scratch/pool")
            try await pool.createDirectory("volumes/v.partial", permissions: .ownerReadWriteExecute)
            try await pool.createDirectory("volumes/v.partial/data", permissions: .ownerReadWriteExecute)
            try await driver.start()
            #expect(host.quotaLimits(onFileSystemOf: "/scratch") == [UInt64(theirs): QuotaLimits(bytes: 512 << 20)])
        }
    }

    private enum ProjectTableRange { static let first: UInt32 = 0x4000_0000 }

    @Test("Where nothing holds sizes, the volume says so, and --require-quota refuses", arguments: ["ext4", "tmpfs"])
    func none(type: String) async throws {
        for enforcement in [QuotaSupport.Enforcement.none, .accounting] {
            try await Rig.withQuotas(type, enforcement) { rig, host in
                let made = try await rig.driver.create(Requests.create("v"))
                #expect(made.context["quota"] == "none")
                host.restart()
                let driver = try Rig.driver(host, pools: [.init(path: "/scratch/pool")], requiresQuota: true)
                let error = await #expect(throws: CSIError.self) { try await driver.preflight() }
                #expect(error?.code == .failedPrecondition)
                #expect(error?.message.contains("/scratch/pool") == true)
            }
        }
        try await Rig.withQuotas("ext4", requiresQuota: true) { _, _ in }
    }

    @Test("Room counts what was promised")
    func promises() async throws {
        try await Rig.withQuotas(policy: PoolPolicy(reserve: .percent(10))) { rig, host in
            func room() async throws -> Int64 {
                try await rig.driver.capacity(GetCapacity(validating: .init())).available
            }
            let before = try await room()
            #expect(before <= (1 << 30) / 10 * 9 + 10 && before > (1 << 30) / 10 * 8)
            _ = try await rig.driver.create(Requests.create("v", required: 300 << 20))
            let after = try await room()
            #expect(before - after >= 300 << 20 && before - after < (300 << 20) + 65536)
            let target = try await publish("v", rig)
            #expect(host.applicationWrites(target.appending("file"), bytes(100 << 20)))
            // What a volume writes was promised already.
            let written = try await room()
            #expect(before - written < (300 << 20) + 65536)
            let error = await #expect(throws: CSIError.self) {
                _ = try await rig.driver.create(Requests.create("w", required: 700 << 20))
            }
            #expect(error?.code == .resourceExhausted)
            try await rig.driver.unpublish(Requests.unpublish("v", at: target))
            try await rig.driver.delete(Requests.delete("v"))
            let empty = try await room()
            #expect(before - empty < 65536)
        }
    }

    @Test("A limit that a power failure or a human took away comes back with the next publish")
    func repaired() async throws {
        try await Rig.withQuotas { rig, host in
            _ = try await rig.driver.create(Requests.create("v", required: Self.size))
            host.anotherProgramSetsQuota(
                of: "/scratch/pool/volumes/v/data", project: nil, limits: .unlimited)
            let target = try await publish("v", rig)
            #expect(!host.applicationWrites(target.appending("file"), bytes(2 * Self.size)))
            try await rig.driver.unpublish(Requests.unpublish("v", at: target))
            host.anotherProgramSetsQuota(of: "/scratch/pool/volumes/v/data", project: 5, limits: nil)
            let error = await #expect(throws: CSIError.self) { _ = try await publish("v", rig) }
            #expect(error?.code == .failedPrecondition)
            #expect(error?.message.contains("project 5") == true)
        }
    }

    /// - Parameter project: What the owner of the volume's root has moved it into; 0 is none.
    @Test("A volume that left its project is refused, and its limit goes with it", arguments: [0, 5, 0x7000_0000])
    func escaped(project: UInt32) async throws {
        try await Rig.withQuotas { rig, host in
            _ = try await rig.driver.create(Requests.create("v", required: Self.size))
            host.anotherProgramSetsQuota(of: "/scratch/pool/volumes/v/data", project: project, limits: nil)
            for body: @Sendable () async throws -> Void in [
                { _ = try await rig.driver.publish(Requests.publish("v", at: "/scratch/pods/v")) },
                { _ = try await rig.driver.expand(Requests.expand("v", to: 4 * Self.size)) },
                { _ = try await rig.driver.modify(Requests.modify("v", ["inodeLimit": "7"])) },
            ] {
                let error = await #expect(throws: CSIError.self) { try await body() }
                #expect(error?.code == .failedPrecondition)
                #expect(error?.message.contains("project \(project),") == true)
            }
            // What the volume holds is not what another project holds.
            #expect(try await rig.driver.read(Requests.read("v"))?.condition == .normal)
            try await rig.driver.delete(Requests.delete("v"))
            #expect(host.quotaLimits(onFileSystemOf: "/scratch").isEmpty)
        }
    }

    @Test(
        "A volume that moved into the project of another one does not take its limit along", arguments: [true, false])
    func thieves(isRetained: Bool) async throws {
        try await Rig.withQuotas { rig, host in
            for id in ["a", "b"] {
                let parameters: [String: String] = isRetained && id == "a" ? ["onDelete": "retain"] : [:]
                _ = try await rig.driver.create(
                    Requests.create(id, parameters: ProtoMap(parameters.map { ($0.key, $0.value) })))
            }
            let first = try #require(host.quota(of: "/scratch/pool/volumes/a/data"))
            if isRetained { try await rig.driver.delete(Requests.delete("a")) }
            host.anotherProgramSetsQuota(
                of: "/scratch/pool/volumes/b/data", project: UInt32(first.id), limits: nil)
            // A process that never saw the other volume.
            host.restart()
            let driver = try rig.secondDriver(role: .all)
            try await driver.preflight()
            try await driver.start()
            try await driver.delete(Requests.delete("b"))
            #expect(host.quotaLimits(onFileSystemOf: "/scratch") == [first.id: first.limits])
        }
    }

    /// - Parameter isNodeFirst: Whether the node has read the old record when the controller begins; otherwise it publishes
    ///   between the controller's two steps.
    @Test("A publish during an expansion does not take what was gained", arguments: [true, false])
    func overtaken(isNodeFirst: Bool) async throws {
        try await Rig.withQuotas { rig, host in
            _ = try await rig.driver.create(Requests.create("v", required: Self.size))
            let data = FilePath("/scratch/pool/volumes/v/data")
            let node = try rig.secondDriver(role: .node)
            try await node.preflight()
            try await node.start()
            let isOver = Mutex(false)
            host.beforeEachEffect { (effect) async throws(HostError) in
                let isNow =
                    isNodeFirst
                    ? effect.operation == .readQuota && effect.path == data : effect.operation == .writeFile
                guard isNow else { return }
                let isFirst = isOver.withLock { isOver in
                    defer { isOver = true }
                    return !isOver
                }
                guard isFirst else { return }
                await #expect(throws: Never.self) {
                    if isNodeFirst {
                        _ = try await rig.driver.expand(Requests.expand("v", to: 4 * Self.size))
                    } else {
                        try await node.publish(Requests.publish("v", at: rig.targets.appending("v")))
                    }
                }
            }
            if isNodeFirst {
                try await node.publish(Requests.publish("v", at: rig.targets.appending("v")))
            } else {
                _ = try await rig.driver.expand(Requests.expand("v", to: 4 * Self.size))
            }
            host.beforeEachEffect(nil)
            #expect(isOver.withLock { $0 })
            #expect(host.quota(of: data)?.limits.bytes == 4 * Self.size)
        }
    }

    @Test("An expansion does not fail where quotas were switched off since", arguments: [true, false])
    func switchedOff(isGone: Bool) async throws {
        try await Rig.withQuotas { rig, host in
            _ = try await rig.driver.create(Requests.create("v", required: Self.size))
            if isGone {
                host.anotherProgramRemoves("/scratch/pool/volumes/v/data")
            } else {
                host.setQuotas(.none, fileSystemOf: "/scratch")
            }
            let grown = try await rig.driver.expand(Requests.expand("v", to: 4 * Self.size))
            #expect(grown.capacity == 4 * Self.size)
        }
    }

    @Test("A full volume, a nearly full pool and a read-only pool are conditions")
    func health() async throws {
        try await Rig.withQuotas { rig, host in
            _ = try await rig.driver.create(Requests.create("v", required: Self.size))
            func condition() async throws -> VolumeCondition? {
                try await rig.driver.read(Requests.read("v"))?.condition
            }
            #expect(try await condition() == .normal)
            let target = try await publish("v", rig)
            #expect(host.applicationWrites(target.appending("file"), bytes(Self.size)))
            #expect(try await condition()?.message.contains("the volume is full") == true)
            let stats = try await rig.driver.stats(Requests.stats("v", at: target))
            #expect(stats.condition?.isAbnormal == true)
            #expect(stats.bytes.available == 0)
            #expect(host.applicationWrites(target.appending("file"), []))
            #expect(try await condition() == .normal)
            host.setCapacity(of: "/scratch", bytes: 300 << 10)
            host.addFile("/scratch/big", bytes(290 << 10))
            #expect(try await condition()?.message.contains("nearly full") == true)
            host.setReadOnly(true, fileSystemOf: "/scratch")
            #expect(try await condition()?.message.contains("read-only") == true)
        }
    }
}
