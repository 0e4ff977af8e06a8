import CSIHost
import CSIProto
import SystemPackage
import Testing

@testable import CSICore
@testable import CSILoopback

/// The disk under the pool fails: every read and write is an error, as of a disk that was pulled.
@Suite("A failing disk", .enabled(if: kernelIsOurs), .serialized, .timeLimit(.minutes(5)))
struct FailingDiskKernelTests {
    private static let small: Int64 = 16 << 20

    @Test(
        "Calls fail and say so, nothing is half there, and what was acknowledged is there when the disk is back",
        arguments: ["ext4"])
    func pulled(pool type: String) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        _ = try await scratch.makeDisk(type, bytes: 128 << 20)
        let bytes = Array("what a pod has synced".utf8)
        try await scratch.failing(type) { mountPoint, pull in
            let driver = try await started(at: mountPoint)
            let staging = mountPoint.appending("staging")
            _ = try await driver.create(try Requests.create("kept", required: Self.small))
            try await driver.stage(try Requests.stage("kept", at: staging))
            try await LinuxHost().files.openDirectory(staging).writeFileDurably("file", bytes)
            try await driver.unstage(try Requests.unstage("kept", at: staging))

            try await pull()
            await #expect(throws: CSIError.self) {
                _ = try await driver.create(try Requests.create("lost", required: Self.small))
            }
            await #expect(throws: CSIError.self) {
                _ = try await driver.createSnapshot(try Requests.snapshot("s", of: "kept"))
            }
            await #expect(throws: CSIError.self) {
                try await driver.stage(try Requests.stage("kept", at: staging))
            }
            await #expect(throws: CSIError.self) { try await driver.delete(try Requests.delete("kept")) }
        }
        try await scratch.mounting(type) { mountPoint in
            let driver = try await started(at: mountPoint)
            let found = try await driver.list(try ListVolumes(validating: .init())).entries
            #expect(found.map(\.volume.id.rawValue) == ["kept"])
            #expect(found.map(\.condition) == [.normal])
            #expect(try await driver.listSnapshots(try ListSnapshots(validating: .init())).snapshots.isEmpty)
            let staging = mountPoint.appending("staging")
            try await driver.stage(try Requests.stage("kept", at: staging))
            #expect(try await LinuxHost().files.openDirectory(staging).readFile("file", limit: 1024) == bytes)
            try await driver.unstage(try Requests.unstage("kept", at: staging))
            _ = try await driver.create(try Requests.create("lost", required: Self.small))
        }
    }

    private func started(at mountPoint: FilePath) async throws -> LoopbackDriver {
        let driver = try Rig.driver(LinuxHost(), mountPoint)
        try await driver.preflight()
        try await driver.start()
        return driver
    }
}
