import CSIHost
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
}
