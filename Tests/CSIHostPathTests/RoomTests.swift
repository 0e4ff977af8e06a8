import CSIHost
import CSIPool
import CSIProto
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSICore
@testable import CSIHostPath

@Suite("hostPath keeps what it has promised")
struct RoomTests {
    private static let mebibyte: Int64 = 1 << 20
    /// What the file system needs for names and records.
    private static let small: Int64 = 256 << 10

    private static func room(_ driver: HostPathDriver, _ pool: String? = nil) async throws -> Int64 {
        let parameters: ProtoMap<String, String> = pool.map { ["pool": $0] } ?? [:]
        return try await driver.capacity(GetCapacity(validating: .init(parameters: parameters))).available
    }

    private static func bytes(_ mebibytes: Int64) -> [UInt8] { [UInt8](repeating: 7, count: Int(mebibytes << 20)) }

    /// A file system of 16 MiB with a volume `v` of 6 MiB that holds 4.
    private static func with(
        _ type: String, isBlock: Bool = false, _ enforcement: QuotaSupport.Enforcement = .enforcing,
        _ body: (Rig, FakeHost) async throws -> Void
    ) async throws {
        try await Rig.withQuotas(type, enforcement, policy: PoolPolicy(reserve: .bytes(0))) { rig, fake in
            fake.setCapacity(of: "/scratch", bytes: 16 * mebibyte)
            if isBlock {
                _ = try await rig.driver.create(Requests.block("v", required: 6 * mebibyte))
                let target = rig.targets.appending("v")
                try await rig.driver.publish(Requests.publishBlock("v", at: target))
                #expect(fake.applicationWrites(bytes(4), into: target, at: 0))
                try await rig.driver.unpublish(Requests.unpublish("v", at: target))
            } else {
                _ = try await rig.driver.create(Requests.create("v", required: 6 * mebibyte))
                #expect(fake.applicationWrites("/scratch/pool/volumes/v/data/file", bytes(4)))
            }
            try await body(rig, fake)
        }
    }

    private static let kinds = [("ext4", false), ("xfs", false), ("btrfs", false), ("ext4", true), ("xfs", true)]

    @Test("A snapshot takes no room that is promised to volumes", arguments: kinds)
    func snapshots(type: String, isBlock: Bool) async throws {
        try await Self.with(type, isBlock: isBlock) { rig, fake in
            _ = try await rig.driver.create(Requests.create("w", required: 7 * Self.mebibyte))
            // 2 to 3 MiB are left, which shared blocks of directories do not need.
            let group = try CreateGroupSnapshot(validating: .init(name: "g", sourceVolumeIDs: ["v"]))
            if type == "ext4" || isBlock {
                let error = await #expect(throws: CSIError.self) {
                    _ = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "v"))
                }
                #expect(error?.code == .resourceExhausted && error?.message.contains("left for copies") == true)
                #expect(await code { try await rig.driver.createGroupSnapshot(group) } == .resourceExhausted)
                for place in ["snapshots", "groups", ".trash"] as [FilePath] {
                    let path = FilePath("/scratch/pool").pushing(place)
                    #expect(fake.paths(below: path) == [path])
                }
                try await rig.driver.delete(Requests.delete("w"))
            }
            #expect(try await rig.driver.createSnapshot(Requests.snapshot("s", of: "v")).isReady)
            if type == "xfs" || type == "btrfs" { _ = try await rig.driver.createGroupSnapshot(group) }
            #expect(fake.paths(below: "/scratch/pool/.trash") == ["/scratch/pool/.trash"])
        }
    }

    @Test("A snapshot of a volume that nobody counts needs as much room as the volume was promised")
    func uncountedSnapshot() async throws {
        try await Self.with("ext4", .none) { rig, fake in
            fake.setCapacity(of: "/scratch", bytes: 17 * Self.mebibyte)
            // 4 are used and 6 promised; with the snapshot 8 are used.
            let first = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "v"))
            #expect(first.isReady)
            #expect(
                await code { try await rig.driver.createSnapshot(Requests.snapshot("t", of: "v")) }
                    == .resourceExhausted)
        }
    }

    @Test("Room is kept until a copy has ended, also after a crash, and when it fails")
    func duringCopies() async throws {
        try await Self.with("ext4") { rig, fake in
            let before = try await Self.room(rig.driver)
            fake.hang(.copyTree)
            fake.manualClock.isAutomatic = true
            #expect(try await !rig.driver.createSnapshot(Requests.snapshot("s", of: "v")).isReady)
            let during = try await Self.room(rig.driver)
            #expect(before - during >= 4 * Self.mebibyte && before - during < 4 * Self.mebibyte + Self.small)
            // Asking again takes it once.
            #expect(try await !rig.driver.createSnapshot(Requests.snapshot("s", of: "v")).isReady)
            #expect(try await Self.room(rig.driver) == during)
            fake.restart()
            fake.hang(.copyTree)
            let second = try Rig.driver(
                fake, pools: [.init(path: "/scratch/pool")], policy: PoolPolicy(reserve: .bytes(0)))
            try await second.preflight()
            try await second.start()
            // The copy may have made its directories by now, or not.
            let afterwards = try await Self.room(second)
            #expect(abs(afterwards - during) < Self.small, "\(afterwards) bytes, before \(during)")
            fake.fail(.copyTree, with: .inputOutput)
            fake.release(.copyTree)
            fake.manualClock.isAutomatic = false
            #expect(await code { try await second.createSnapshot(Requests.snapshot("s", of: "v")) } == .internalError)
            let failed = try await Self.room(second)
            #expect(before - failed < Self.small)
            #expect(try await second.createSnapshot(Requests.snapshot("s", of: "v")).isReady)
            let after = try await Self.room(second)
            #expect(before - after >= 4 * Self.mebibyte && before - after < 4 * Self.mebibyte + Self.small)
        }
    }

    @Test("What others have is not taken for what a volume holds that nobody counts")
    func uncounted() async throws {
        try await Self.with("ext4", .none) { rig, fake in
            #expect(fake.applicationWrites("/scratch/pool/volumes/v/data/file", []))
            fake.addFile("/scratch/others", Self.bytes(8))
            let room = try await Self.room(rig.driver)
            #expect(room <= 2 * Self.mebibyte && room > 2 * Self.mebibyte - Self.small)
            #expect(
                await code { try await rig.driver.create(Requests.create("w", required: 3 * Self.mebibyte)) }
                    == .resourceExhausted)
        }
    }

    @Test("Pools on one file system give its room out once")
    func sharedRoom() async throws {
        let pools: [HostPathConfiguration.Pool] = [
            .init(path: "/scratch/pool"), .init(name: "fast", path: "/scratch/fast"),
        ]
        try await Rig.withQuotas("xfs", pools: pools, policy: PoolPolicy(reserve: .bytes(0))) { rig, fake in
            fake.setCapacity(of: "/scratch", bytes: 16 * Self.mebibyte)
            let before = try await Self.room(rig.driver)
            #expect(try await Self.room(rig.driver, "fast") == before)
            _ = try await rig.driver.create(
                Requests.create("v", required: 9 * Self.mebibyte, parameters: ["pool": "fast"]))
            for pool in ["fast", nil] {
                let room = try await Self.room(rig.driver, pool)
                #expect(before - room >= 9 * Self.mebibyte && before - room < 9 * Self.mebibyte + Self.small)
            }
            #expect(
                await code { try await rig.driver.create(Requests.create("w", required: 8 * Self.mebibyte)) }
                    == .resourceExhausted)
            // What is written was promised already.
            #expect(fake.applicationWrites("/scratch/fast/volumes/v/data/file", Self.bytes(5)))
            let written = try await Self.room(rig.driver)
            #expect(before - written < 9 * Self.mebibyte + Self.small)
            try await rig.driver.delete(Requests.delete("v"))
            #expect(before - (try await Self.room(rig.driver)) < Self.small)
            // All at once: of three that fit alone, one can be made.
            let made = await withTaskGroup(of: Bool.self) { group in
                for (name, pool) in [("a", "fast"), ("b", ""), ("c", "fast")] {
                    group.addTask {
                        await code {
                            try await rig.driver.create(
                                Requests.create(
                                    name, required: 9 * Self.mebibyte,
                                    parameters: pool.isEmpty ? [:] : ["pool": pool]))
                        } == nil
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(made == 1)
        }
    }

    @Test("Growth that the pool can never hold is OUT_OF_RANGE", arguments: [false, true])
    func growth(isBlock: Bool) async throws {
        try await Self.with("ext4", isBlock: isBlock) { rig, _ in
            #expect(
                await code { try await rig.driver.expand(Requests.expand("v", to: 20 * Self.mebibyte)) } == .outOfRange)
            _ = try await rig.driver.create(Requests.create("w", required: 8 * Self.mebibyte))
            #expect(
                await code { try await rig.driver.expand(Requests.expand("v", to: 10 * Self.mebibyte)) }
                    == .resourceExhausted)
        }
    }
}
