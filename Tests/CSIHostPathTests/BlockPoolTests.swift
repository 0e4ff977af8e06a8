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

@Suite("hostPath, raw block volumes from another pool")
struct BlockPoolTests {
    private static let size: Int64 = 4 << 20
    private static let text: [UInt8] = Array("what was there".utf8)
    /// Where a file system is cut off from the next one.
    private static let types = ["ext4", "xfs", "btrfs"]

    /// A standard pool and one named `bulk`, on file systems of their own; volume `b`, in the standard one, is published.
    private static func with(
        _ type: String,
        _ body: (HostPathDriver, FakeHost) async throws -> Void
    ) async throws {
        let fake = machine(type)()
        let driver = try driver(fake)
        try await driver.preflight()
        try await driver.start()
        _ = try await driver.create(Requests.block("b"))
        try await driver.publish(Requests.publishBlock("b", at: "/pods/b"))
        #expect(fake.applicationWrites(text, into: "/pods/b", at: 8192))
        try await body(driver, fake)
    }

    private static func machine(_ type: String) -> @Sendable () -> FakeHost {
        {
            let fake = FakeHost()
            fake.addFileSystem(at: "/scratch", type: type, bytes: 1 << 30, inodes: 1 << 20)
            fake.addFileSystem(at: "/bulk", type: "xfs", bytes: 1 << 30, inodes: 1 << 20)
            for path in ["/scratch/pool", "/bulk/pool", "/pods"] as [FilePath] { fake.addDirectory(path) }
            return fake
        }
    }

    private static func driver(_ fake: FakeHost) throws -> HostPathDriver {
        try Rig.driver(fake, pools: [.init(path: "/scratch/pool"), .init(name: "bulk", path: "/bulk/pool")])
    }

    private static func content(_ driver: HostPathDriver, _ fake: FakeHost, _ id: String) async throws -> [UInt8]? {
        let target = FilePath("/pods").appending(id)
        try await driver.publish(Requests.publishBlock(id, at: target))
        let content = fake.bytes(of: target, at: 8192, count: text.count)
        try await driver.unpublish(Requests.unpublish(id, at: target))
        return content
    }

    private static func bulk(_ name: String, from source: ContentSource, required: Int64 = size) throws -> CreateVolume
    {
        try Requests.block(name, required: required, from: source, parameters: ["pool": "bulk"])
    }

    @Test(arguments: types)
    func `a restore and a clone into another pool have the content, and the holes`(type: String) async throws {
        try await Self.with(type) { driver, fake in
            try await driver.unpublish(Requests.unpublish("b", at: "/pods/b"))
            let snapshot = try await driver.createSnapshot(Requests.snapshot("s", of: "b"))
            let source = ContentSource.snapshot(snapshot.id)
            let request = try Self.bulk("r", from: source, required: 2 * Self.size)
            let restored = try await driver.restore(request, from: snapshot.id)
            #expect(restored.capacity == 2 * Self.size && restored.context["pool"] == "bulk")
            #expect(try await driver.restore(request, from: snapshot.id) == restored)
            _ = try await driver.clone(Self.bulk("c", from: .volume(VolumeID("b"))), from: VolumeID("b"))
            for id in ["r", "c"] {
                #expect(try await Self.content(driver, fake, id) == Self.text)
                let image = try #require(fake.metadata(of: FilePath("/bulk/pool/volumes/\(id)/image")))
                #expect(image.allocatedBytes < 1 << 20 && image.size >= Self.size)
            }
            // A class that names no pool means the one of its source.
            _ = try await driver.clone(Requests.block("n", from: .volume(VolumeID("c"))), from: VolumeID("c"))
            #expect(fake.metadata(of: "/bulk/pool/volumes/n/image") != nil)
            try await driver.deleteSnapshot(Requests.deleteSnapshot("s"))
            for id in ["b", "r", "c", "n"] { try await driver.delete(Requests.delete(id)) }
            for pool in ["/scratch/pool", "/bulk/pool"] {
                for place in ["volumes", "snapshots", ".trash"] as [FilePath] {
                    #expect(fake.paths(below: FilePath(pool).pushing(place)) == [FilePath(pool).pushing(place)])
                }
            }
        }
    }

    /// Whether an effect is the part of a copy into the other pool that takes time.
    @Sendable private static func isSlow(_ effect: HostEffect) -> Bool {
        effect.operation == .copyFile && effect.path.starts(with: "/scratch/pool/.trash")
            && effect.destination?.starts(with: "/bulk") == true
    }

    @Test(arguments: ["xfs", "btrfs"])
    func `a volume in use is copied as it was at one moment, and only that moment locks it`(type: String) async throws {
        try await Self.with(type) { driver, fake in
            let seen = Mutex<[(hasWritten: Bool, refusal: RPCCode?)]>([])
            fake.beforeEachEffect { (effect) throws(HostError) in
                guard Self.isSlow(effect) else { return }
                // What the copy is made of is kept already, so neither writers nor the kubelet wait for it.
                let hasWritten = fake.applicationWrites(Array("later".utf8), into: "/pods/b", at: 8192)
                let refusal = await code { try await driver.unpublish(Requests.unpublish("b", at: "/pods/b")) }
                seen.withLock { $0.append((hasWritten, refusal)) }
            }
            _ = try await driver.clone(Self.bulk("c", from: .volume(VolumeID("b"))), from: VolumeID("b"))
            fake.beforeEachEffect(nil)
            let calls = seen.withLock { $0 }
            #expect(calls.map(\.hasWritten) == [true] && calls.map(\.refusal) == [nil])
            #expect(try await Self.content(driver, fake, "c") == Self.text)
            #expect(fake.paths(below: "/scratch/pool/.trash") == ["/scratch/pool/.trash"])
        }
    }

    @Test func `two pools of one file system share blocks`() async throws {
        try await Rig.withQuotas(
            "xfs", pools: [.init(path: "/scratch/pool"), .init(name: "bulk", path: "/scratch/bulk")]
        ) { rig, fake in
            _ = try await rig.driver.create(Requests.block("b"))
            try await rig.driver.publish(Requests.publishBlock("b", at: "/scratch/pods/b"))
            #expect(fake.applicationWrites([UInt8](repeating: 1, count: 1 << 20), into: "/scratch/pods/b", at: 0))
            let before = try await rig.host.files.capacity(of: "/scratch").usedBytes
            _ = try await rig.driver.clone(Self.bulk("c", from: .volume(VolumeID("b"))), from: VolumeID("b"))
            #expect(try await rig.host.files.capacity(of: "/scratch").usedBytes - before < 1 << 20)
            #expect(fake.bytes(of: "/scratch/bulk/volumes/c/image", at: 0, count: 2) == [1, 1])
        }
    }

    @Test func `a volume in use is not copied where there is no such moment`() async throws {
        try await Self.with("ext4") { driver, fake in
            let error = await #expect(throws: CSIError.self) {
                _ = try await driver.clone(Self.bulk("c", from: .volume(VolumeID("b"))), from: VolumeID("b"))
            }
            #expect(error?.code == .failedPrecondition)
            #expect(error?.message.contains("/scratch/pool cannot copy it in one moment; unpublish it first") == true)
            #expect(fake.paths(below: "/bulk/pool/volumes") == ["/bulk/pool/volumes"])
            #expect(fake.paths(below: "/scratch/pool/.trash") == ["/scratch/pool/.trash"])
        }
    }

    @Test func `a copy that finds no room leaves nothing in either pool`() async throws {
        try await Self.with("xfs") { driver, fake in
            fake.beforeEachEffect { (effect) throws(HostError) in
                if Self.isSlow(effect) { throw HostError(effect.operation, at: effect.destination, kind: .noSpace) }
            }
            func clone() async throws -> Volume {
                try await driver.clone(Self.bulk("c", from: .volume(VolumeID("b"))), from: VolumeID("b"))
            }
            #expect(await code(clone) == .resourceExhausted)
            #expect(fake.paths(below: "/bulk/pool/volumes") == ["/bulk/pool/volumes"])
            #expect(fake.paths(below: "/scratch/pool/.trash") == ["/scratch/pool/.trash"])
            fake.beforeEachEffect(nil)
            let made = try await clone()
            #expect(made.capacity == Self.size)
        }
    }

    @Test func `a copy that is cancelled leaves nothing`() async throws {
        try await Self.with("ext4") { driver, fake in
            try await driver.unpublish(Requests.unpublish("b", at: "/pods/b"))
            fake.hang(.copyFile, at: "/bulk/pool/volumes/c.partial/image")
            let clone = Task {
                await code {
                    try await driver.clone(Self.bulk("c", from: .volume(VolumeID("b"))), from: VolumeID("b"))
                }
            }
            while fake.hungCalls.isEmpty { await Task.yield() }
            // The source rests as long as it is read.
            #expect(await code { try await driver.publish(Requests.publishBlock("b", at: "/pods/b")) } == .aborted)
            clone.cancel()
            #expect(await clone.value == .cancelled)
            #expect(fake.paths(below: "/bulk/pool/volumes") == ["/bulk/pool/volumes"])
            try await driver.publish(Requests.publishBlock("b", at: "/pods/b"))
        }
    }

    @Test(arguments: types)
    func `directories are copied between pools as well`(type: String) async throws {
        try await Self.with(type) { driver, fake in
            _ = try await driver.create(Requests.create("d"))
            fake.addFile("/scratch/pool/volumes/d/data/file", [1, 2, 3])
            let snapshot = try await driver.createSnapshot(Requests.snapshot("s", of: "d"))
            let bulk: ProtoMap<String, String> = ["pool": "bulk"]
            let made = try await driver.restore(
                Requests.filled("r", from: .snapshot(snapshot.id), parameters: bulk), from: snapshot.id)
            #expect(made.context["pool"] == "bulk")
            _ = try await driver.clone(
                Requests.filled("c", from: .volume(VolumeID("d")), parameters: bulk), from: VolumeID("d"))
            for id in ["r", "c"] {
                #expect(fake.content(of: FilePath("/bulk/pool/volumes/\(id)/data/file")) == [1, 2, 3])
            }
        }
    }

    @Test func `a crash at any moment of a copy between pools leaves nothing of it`() async throws {
        func step(_ name: String, _ call: @escaping @Sendable (LocalDriver) async throws(RPCError) -> Void)
            -> Scenario.Step
        { Scenario.Step(name, call: call) }
        func create(_ name: String, _ source: CSIv1.VolumeContentSource? = nil, _ pool: ProtoMap<String, String> = [:])
            -> Scenario.Step
        {
            step("create \(name)") { (driver) async throws(RPCError) in
                _ = try await driver.call(
                    CSIv1.Controller.createVolume,
                    .init(
                        name: name, capacityRange: .init(requiredBytes: 1 << 20),
                        volumeCapabilities: [Requests.blockCapability()], parameters: pool,
                        volumeContentSource: source))
            }
        }
        let publish = step("publish") { (driver) async throws(RPCError) in
            _ = try await driver.call(
                CSIv1.Node.nodePublishVolume,
                .init(volumeID: "v", targetPath: "/pods/v", volumeCapability: Requests.blockCapability()))
        }
        let scenario = Scenario([
            create("v"), publish, create("c", .init(type: .volume(.init(volumeID: "v"))), ["pool": "bulk"]),
        ])
        let explorer = CrashExplorer(host: Self.machine("xfs")) { try Self.driver($0) }
        let report = try await explorer.explore(scenario)
        try report.requireNoFailures()
        #expect(report.explored > 60)
    }
}
