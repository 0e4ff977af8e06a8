import CSIHost
import CSIProto
import CSITestKit
import SystemPackage
import Testing

@testable import CSICore
@testable import CSILoopback

@Suite("Loopback copies take turns", .timeLimit(.minutes(5)))
struct CopyTurnTests {
    /// As many as go on at once.
    private static let limit = 4

    private func wait(until isTrue: () -> Bool) async {
        while !isTrue() { await Task.yield() }
    }

    @Test("Restores that copy every byte leave threads to others", arguments: ["thin", "thick"])
    func restores(provisioning: String) async throws {
        let fake = Rig.fake(pool: provisioning == "thin" ? "ext4" : "xfs")
        let rig = try await Rig.on(fake)
        _ = try await rig.driver.create(Requests.create("v"))
        let snapshot = try await rig.driver.createSnapshot(Requests.snapshot("s", of: "v")).id
        let restore = { (index: Int) in
            try Requests.create(
                "r\(index)", parameters: ["provisioning": provisioning], source: Requests.from(snapshot: "s"))
        }
        // Whether blocks can be shared is known after the first one.
        _ = try await rig.driver.restore(restore(0), from: snapshot)
        fake.hang(.copyFile)
        let restores = try (1...Self.limit + 2).map { index in
            let request = try restore(index)
            return Task { try await rig.driver.restore(request, from: snapshot) }
        }
        await wait { fake.hungCalls.count == Self.limit }
        for _ in 0..<1000 { await Task.yield() }
        #expect(fake.hungCalls.count == Self.limit)
        fake.release(.copyFile)
        for restore in restores { _ = try await restore.value }
        #expect(try await rig.driver.list(ListVolumes(validating: .init())).entries.count == Self.limit + 4)
    }
}
