import CSIHost
import CSIProto
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSICore
@testable import CSILoopback

@Suite("Thick volumes keep their room")
struct ThickTests {
    private static let image: FilePath = "/scratch/pool/volumes/v/image"

    private static func rig(_ fake: FakeHost, _ use: Use = Use()) async throws -> Rig {
        let rig = try await Rig.on(fake)
        _ = try await rig.driver.create(
            Requests.create("v", required: 512 << 20, use, parameters: ["provisioning": "thick"]))
        return rig
    }

    private static func allocated(_ fake: FakeHost) -> Int64 { fake.metadata(of: image)?.allocatedBytes ?? 0 }

    private static func giveBack(_ bytes: Int64, in fake: FakeHost) async throws {
        try await fake.files.openDirectory(image.removingLastComponent()).punchHole(in: "image", at: 0, length: bytes)
    }

    @Test("Their devices take no discards, and thin ones do", arguments: ["ext4", "xfs", "btrfs"])
    func discards(type: String) async throws {
        let fake = Rig.fake()
        let use = Use(fileSystem: type, flags: type == "btrfs" ? [] : ["noatime"])
        let rig = try await Self.rig(fake, use)
        _ = try await rig.driver.create(Requests.create("thin", required: 512 << 20, use))
        for id in ["v", "thin"] { try await rig.stage(id, use) }
        #expect(await trimFailure(rig, "v") == .notSupported)
        #expect(await trimFailure(rig, "thin") == nil)
    }

    private func trimFailure(_ rig: Rig, _ id: String) async -> HostError.Kind? {
        do throws(HostError) {
            _ = try await rig.host.fileSystems.trim(rig.staging.appending(id))
            return nil
        } catch {
            return error.kind
        }
    }

    @Test("A stage takes the room again that is missing, mounted or raw", arguments: [Use(), .block])
    func refilled(use: Use) async throws {
        let fake = Rig.fake()
        let rig = try await Self.rig(fake, use)
        let all = Self.allocated(fake)
        try await Self.giveBack(64 << 20, in: fake)
        #expect(Self.allocated(fake) < all)
        try await rig.stage("v", use)
        #expect(Self.allocated(fake) == all)
    }

    @Test("Without the room in the pool a stage is refused, and says why")
    func noRoom() async throws {
        let fake = Rig.fake()
        let rig = try await Self.rig(fake)
        try await Self.giveBack(64 << 20, in: fake)
        fake.fail(.setFileSize, with: .noSpace)
        await expectRefusal(.resourceExhausted, naming: "thick", "\(64 << 20) bytes") { try await rig.stage("v") }
        #expect(fake.loopDevices.isEmpty)
        try await rig.stage("v")
    }

    @Test(
        "The condition tells of room that is missing, and not of a few blocks", arguments: [4096, 64 << 20] as [Int64])
    func condition(missing: Int64) async throws {
        let fake = Rig.fake()
        let rig = try await Self.rig(fake)
        try await rig.stage("v")
        try await Self.giveBack(missing, in: fake)
        let stats = try Requests.stats("v", at: rig.staging.appending("v"))
        let told = try #require(try await rig.driver.stats(stats).condition)
        #expect(told.isAbnormal == (missing > 4096))
        #expect(!told.isAbnormal || told.message.contains("thick"))
    }

    @Test("The mount flag discard is refused when they are made, and has no effect on those that are there")
    func flag() async throws {
        let fake = Rig.fake()
        let rig = try await Self.rig(fake)
        for flag in ["discard", "noatime,discard"] {
            await expectRefusal(.invalidArgument, naming: "discard", "thick") {
                _ = try await rig.driver.create(
                    Requests.create("w", Use(flags: [flag]), parameters: ["provisioning": "thick"]))
            }
        }
        let use = Use(flags: ["discard"])
        for _ in 0..<2 { try await rig.stage("v", use) }
        let options = fake.mountTable.topmost(at: rig.staging.appending("v"))?.superOptions
        #expect(options?.contains("discard") == false)
        #expect(options?.contains("noinit_itable") == true)
    }

    @Test("Options that keep room lose those that give it back")
    func options() throws {
        let rows: [(FileSystemKind, [String], [String])] = [
            (.ext4, ["discard", "init_itable", "commit=9"], ["commit=9", "noinit_itable"]),
            (.xfs, ["discard", "wsync"], ["wsync"]), (.btrfs, ["discard=async"], ["nodiscard"]),
            (.btrfs, ["nodiscard"], ["nodiscard"]), (.ext3, ["discard"], []),
        ]
        for (kind, flags, expected) in rows {
            #expect(try FileSystemMountOptions(kind, mountFlags: flags).keepingRoom().options == expected)
        }
    }
}
