import CSIHost
import CSIProto
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSICore
@testable import CSIHostPath

@Suite("hostPath serves the rest of a damaged pool")
struct DamageTests {
    /// Three volumes, one of which is damaged.
    private static func with(
        _ type: String, isBlock: Bool, _ body: (Rig, FakeHost) async throws -> Void
    ) async throws {
        try await Rig.withQuotas(type) { rig, fake in
            for id in ["a", "b", "c"] {
                _ = try await rig.driver.create(isBlock ? Requests.block(id) : Requests.create(id))
            }
            try await body(rig, fake)
        }
    }

    private static let kinds = [("ext4", false), ("btrfs", false), ("ext4", true)]

    @Test("A volume that cannot be looked at is abnormal, and nothing else fails", arguments: kinds)
    func volumes(type: String, isBlock: Bool) async throws {
        for child in ["", isBlock ? "image" : "data"] {
            try await Self.with(type, isBlock: isBlock) { rig, fake in
                fake.damage(FilePath("/scratch/pool/volumes/b").pushing(FilePath(child)))
                let page = try await rig.driver.list(ListVolumes(validating: .init()))
                #expect(page.entries.map(\.volume.id.rawValue) == ["a", "b", "c"])
                #expect(page.entries.map { $0.condition?.isAbnormal } == [false, true, false])
                #expect(page.entries[1].condition?.message.contains("cannot be looked at") == true)
                #expect(page.entries[1].condition?.message.contains("/volumes/b/") == true)
                #expect(try await rig.driver.capacity(GetCapacity(validating: .init())).available > 0)
                _ = try await rig.driver.create(isBlock ? Requests.block("d") : Requests.create("d"))
                _ = try await rig.driver.expand(Requests.expand("a", to: 8 << 20))
                #expect(try await rig.driver.createSnapshot(Requests.snapshot("s", of: "a")).isReady)
                guard !child.isEmpty else { return }
                let read = try await rig.driver.read(Requests.read("b"))
                #expect(read?.condition?.message.contains("cannot be looked at") == true)
                #expect(await code { try await rig.driver.createSnapshot(Requests.snapshot("t", of: "b")) } != nil)
            }
        }
    }

    @Test("A snapshot that cannot be looked at when the driver starts is not ready and not touched")
    func snapshots() async throws {
        try await Self.with("ext4", isBlock: false) { rig, fake in
            let data: FilePath = "/scratch/pool/volumes/a/data/file"
            #expect(fake.applicationWrites(data, [1]))
            for name in ["s", "t"] { _ = try await rig.driver.createSnapshot(Requests.snapshot(name, of: "a")) }
            #expect(fake.applicationWrites(data, [2]))
            fake.restart()
            fake.damage("/scratch/pool/snapshots/s/data")
            fake.fail(.metadata, at: "/scratch/pool/snapshots/s/data", with: .inputOutput)
            let second = try rig.secondDriver(role: .all)
            try await second.preflight()
            try await second.start()
            let listed = try await second.listSnapshots(Requests.snapshots()).snapshots
            #expect(listed.map(\.isReady) == [false, true])
            #expect(await code { try await second.createSnapshot(Requests.snapshot("s", of: "a")) } == .internalError)
            fake.damage("/scratch/pool/snapshots/s/data", with: nil)
            #expect(try await second.createSnapshot(Requests.snapshot("s", of: "a")).isReady)
            #expect(fake.content(of: "/scratch/pool/snapshots/s/data/file") == [1])
        }
    }
}
