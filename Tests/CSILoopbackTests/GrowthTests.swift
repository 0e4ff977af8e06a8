import CSIHost
import CSIProto
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSICore
@testable import CSILoopback

@Suite("Growth at a stage")
struct GrowthTests {
    private static func grown(_ fake: FakeHost) async throws -> Rig {
        let rig = try await Rig.on(fake)
        _ = try await rig.driver.create(Requests.create("v"))
        try await rig.stage("v")
        try await rig.unstage("v")
        _ = try await rig.driver.expand(Requests.expand("v", to: 2 * Requests.size))
        fake.clearEffects()
        return rig
    }

    @Test(
        "ext4 grows by the kernel once it is mounted, and before only where the kernel would refuse",
        arguments: [(true, [.mount, .growFileSystem]), (false, [.growFileSystem, .mount, .growFileSystem])]
            as [(Bool, [HostOperation])])
    func order(mayGrowMounted: Bool, expected: [HostOperation]) async throws {
        let fake = Rig.fake()
        if !mayGrowMounted { fake.changeMachine { $0.capabilities.remove(.systemResource) } }
        let rig = try await Self.grown(fake)
        try await rig.stage("v")
        #expect(fake.effects.map(\.operation).filter { [.mount, .growFileSystem].contains($0) } == expected)
        let stats = try await rig.driver.stats(Requests.stats("v", at: rig.staging.appending("v")))
        #expect(stats.bytes.total > Requests.size * 3 / 2)
    }

    @Test("A growth that fails after the mount says that it is the growth")
    func failure() async throws {
        let fake = Rig.fake()
        let rig = try await Self.grown(fake)
        fake.fail(.growFileSystem, with: .programFailed)
        await expectRefusal(.internalError, naming: "could be mounted at", "not grown") { try await rig.stage("v") }
        #expect(fake.loopDevices.isEmpty)
        try await rig.stage("v")
    }

    @Test("A stage that fails after the mount, and cannot undo it, is ABORTED, which callers repeat")
    func staysMounted() async throws {
        let fake = Rig.fake()
        let rig = try await Self.grown(fake)
        fake.fail(.growFileSystem, with: .programFailed)
        fake.fail(.unmount, with: .busy)
        await expectRefusal(.aborted, naming: "not grown", "cannot be let go yet") { try await rig.stage("v") }
        #expect(fake.loopDevices.count == 1)
        try await rig.stage("v")
        try await rig.unstage("v")
        #expect(fake.loopDevices.isEmpty)
    }

    @Test(
        "A thick growth that was cut off is finished where the pool has its room but once, and nobody else gets that room"
    )
    func cutOff() async throws {
        let (fake, gibibyte) = (Rig.fake(bytes: 30 << 30), Int64(1 << 30))
        let rig = try await Rig.on(fake)
        _ = try await rig.driver.create(
            Requests.create("v", required: 10 * gibibyte, parameters: ["provisioning": "thick"]))
        fake.fail(.writeFile, at: "/scratch/pool/volumes/v/volume", with: .inputOutput)
        await #expect(throws: CSIError.self) {
            _ = try await rig.driver.expand(Requests.expand("v", to: 22 * gibibyte))
        }
        #expect(try await rig.driver.volume(VolumeID("v"))?.capacity == 10 * gibibyte)
        await expectRefusal(.resourceExhausted) {
            _ = try await rig.driver.create(Requests.create("thin", required: 12 * gibibyte))
        }
        _ = try await rig.driver.expand(Requests.expand("v", to: 22 * gibibyte))
        #expect(try await rig.driver.volume(VolumeID("v"))?.capacity == 22 * gibibyte)
        _ = try await rig.driver.create(Requests.create("thin", required: 4 * gibibyte))
    }
}
