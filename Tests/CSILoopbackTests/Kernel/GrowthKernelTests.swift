import CSICore
import CSIHost
import Glibc
import SystemPackage
import Testing

@testable import CSILoopback

/// Growth of mounted ext4 asks for CAP_SYS_RESOURCE, which containers seldom have.
@Suite("Growth in use", .enabled(if: kernelIsOurs), .serialized, .timeLimit(.minutes(5)))
struct GrowthKernelTests {
    @Test("A mounted file system grows, and what is in it stays", arguments: ["ext4", "xfs", "btrfs"])
    func growsMounted(type: String) async throws {
        try await Rig.with(.linux) { rig in
            let use = Use(fileSystem: type)
            let (small, large): (Int64, Int64) = (400 << 20, 600 << 20)
            _ = try await rig.driver.create(Requests.create("v", required: small, use))
            try await rig.stage("v", use)
            let target = try await rig.publish("v", "target", use)
            let file = target.appending("file")
            let bytes = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 / 251) }
            try await LinuxHost().files.openDirectory(target).writeFileDurably("file", bytes)
            let before = try await rig.driver.stats(Requests.stats("v", at: target)).bytes.total

            let expansion = try await rig.driver.expand(Requests.expand("v", to: large))
            #expect(expansion.needsNode)
            let size = try await rig.driver.expandOnNode(Requests.expandOnNode("v", at: target, to: large))
            #expect(size == large)
            let after = try await rig.driver.stats(Requests.stats("v", at: target)).bytes.total
            #expect(after > before + (large - small) / 2)
            let kept = try await LinuxHost().files.openDirectory(target).readFile("file", limit: 2 << 20)
            #expect(kept == bytes, "\(file)")
            try await rig.unpublish("v")
            try await rig.unstage("v")
        }
    }
}
