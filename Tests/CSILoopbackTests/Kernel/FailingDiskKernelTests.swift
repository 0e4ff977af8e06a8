import CSIHost
import CSIProto
import CSITestKit
import CSITransport
import Glibc
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

    @Test(
        "A mounted volume whose disk fails is told, and what it had synced is there when the disk is back",
        arguments: ["ext4", "xfs", "btrfs"])
    func pulledUnderAPod(volume fileSystem: String) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        _ = try await scratch.makeDisk("ext4", bytes: 512 << 20)
        let (use, size, bytes) = (Use(fileSystem: fileSystem), Int64(320 << 20), Array("what a pod has synced".utf8))
        // Not on the disk: the kubelet's directory is another one.
        let (staging, target) = (FilePath(scratch.root + "/staging"), FilePath(scratch.root + "/target"))
        try #require(mkdir(staging.string, 0o755) == 0)
        try await scratch.failing("ext4") { mountPoint, pull in
            let driver = try await started(at: mountPoint)
            _ = try await driver.create(try Requests.create("v", required: size, use))
            try await driver.stage(try Requests.stage("v", at: staging, use))
            try await driver.publish(try Requests.publish("v", at: target, staged: staging, use))
            try await LinuxHost().files.openDirectory(target).writeFileDurably("file", bytes)
            let stats = try Requests.stats("v", at: target)
            #expect(try await settled { try await driver.stats(stats).condition } == .normal)

            try await pull()
            // A file system that writes by itself can notice before anybody looks, and its own word comes first.
            let told = try #require(try await driver.stats(stats).condition)
            let words = ["cannot be read", "read-only", "does not answer"]
            #expect(told.isAbnormal && words.contains { told.message.contains($0) }, "\(told.message)")
            await #expect(throws: HostError.self) {
                try await LinuxHost().files.openDirectory(target).writeFileDurably("lost", bytes)
            }
            #expect(try await driver.stats(stats).condition?.isAbnormal == true)
            await #expect(throws: CSIError.self) {
                _ = try await driver.expand(try Requests.expand("v", to: 2 * size))
            }
            try await driver.unpublish(try Requests.unpublish("v", at: target))
            try await driver.unstage(try Requests.unstage("v", at: staging))
        }
        try await scratch.mounting("ext4") { mountPoint in
            let driver = try await started(at: mountPoint)
            try await driver.stage(try Requests.stage("v", at: staging, use))
            #expect(try await LinuxHost().files.openDirectory(staging).readFile("file", limit: 1024) == bytes)
            let staged = try Requests.stats("v", at: staging)
            #expect(try await settled { try await driver.stats(staged).condition } == .normal)
            try await driver.unstage(try Requests.unstage("v", at: staging))
        }
    }

    @Test("A loop device whose disk is dead is left out of a look at all of them")
    func deadDevice() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        _ = try await scratch.makeDisk("xfs", bytes: 512 << 20)
        let loops = LinuxHost().loops
        try await scratch.failing("xfs") { mountPoint, pull in
            let folder = try await LinuxHost().files.openDirectory(mountPoint)
            try await folder.createFile("image", size: 1 << 20, allocation: .sparse, permissions: [.ownerReadWrite])
            let device = try await loops.attach("image", in: folder, options: LoopOptions(name: "dead"))
            let others = try await loops.list().filter { $0.number != device.number }
            try await pull()
            // What the file system does once it has noticed.
            try await scratch.run("xfs_io", ["-x", "-c", "shutdown", mountPoint.string])
            await #expect(throws: HostError.self) { try await loops.device(device.number) }
            #expect(try await loops.list() == others)
            try await scratch.run("losetup", ["--detach", device.path.string])
        }
    }

    @Test("A disk that hangs under a mounted volume is told of within seconds, and no longer once it answers")
    func hungUnderAPod() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        _ = try await scratch.makeDisk("ext4", bytes: 256 << 20)
        let (use, staging) = (Use(fileSystem: "ext4"), FilePath(scratch.root + "/staging"))
        try #require(mkdir(staging.string, 0o755) == 0)
        try await scratch.hanging("ext4") { mountPoint, hang in
            let driver = try await started(at: mountPoint)
            _ = try await driver.create(try Requests.create("v", required: Self.small, use))
            try await driver.stage(try Requests.stage("v", at: staging, use))
            let stats = try Requests.stats("v", at: staging)
            try await hang {
                var held: Held?
                for _ in 0..<3 {
                    let asked = ContinuousClock.now
                    let told = try #require(try await driver.stats(stats).condition)
                    #expect(told.isAbnormal && told.message.contains("does not answer"))
                    // A look has two seconds. The read that the first left behind stays the only one.
                    #expect(ContinuousClock.now - asked < .seconds(20))
                    let now = try await Held.now()
                    #expect(now.children > 0 && held ?? now == now)
                    held = now
                }
            }
            #expect(try await settled { try await driver.stats(stats).condition } == .normal)
            try await driver.unstage(try Requests.unstage("v", at: staging))
        }
    }

    @Test(
        "A disk that hangs while a volume is unstaged costs a deadline and one child, and the next unstage ends what is left"
    )
    func hungWhileUnstaged() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        _ = try await scratch.makeDisk("ext4", bytes: 256 << 20)
        let (use, staging) = (Use(fileSystem: "ext4"), FilePath(scratch.root + "/staging"))
        try #require(mkdir(staging.string, 0o755) == 0)
        let bytes = [UInt8](repeating: 7, count: 1 << 20)
        try await scratch.hanging("ext4") { mountPoint, hang in
            let driver = try await started(at: mountPoint)
            _ = try await driver.create(try Requests.create("v", required: Self.small, use))
            try await driver.stage(try Requests.stage("v", at: staging, use))
            let unstage = try Requests.unstage("v", at: staging)
            let before = try await Held.now()
            // Not synced: the unmount has to write it.
            let file = open(staging.appending("file").string, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
            try #require(file >= 0 && write(file, bytes, bytes.count) == bytes.count)
            close(file)
            try await hang {
                var held: Held?
                for _ in 0..<2 {
                    let asked = ContinuousClock.now
                    let error = await #expect(throws: CSIError.self) { try await driver.unstage(unstage) }
                    #expect([.deadlineExceeded, .failedPrecondition].contains(error?.code), "\(error as Any)")
                    #expect(ContinuousClock.now - asked < .seconds(60))
                    let now = try await Held.now()
                    #expect(now.children == before.children + 1 && held ?? now == now)
                    held = now
                }
            }
            try await driver.unstage(unstage)
            #expect(try await LinuxHost().loops.list().allSatisfy { $0.name != "v" })
            try await driver.stage(try Requests.stage("v", at: staging, use))
            #expect(
                try await LinuxHost().files.openDirectory(staging).readFile("file", limit: bytes.count) == bytes)
            try await driver.unstage(unstage)
        }
    }

    @Test(
        "A disk that cannot be read is an error, never blank, wherever it fails",
        arguments: [("ext4", 16 << 20), ("xfs", 4 << 10), ("btrfs", 512 << 10)] as [(String, Int64)])
    func unreadable(type: String, bytes: Int64) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await scratch.unreadable(bytes, of: 16 << 20) { device in
            let fileSystems = LinuxHost().fileSystems
            let error = await #expect(throws: HostError.self) { _ = try await fileSystems.probe(device) }
            #expect(error?.kind == .inputOutput)
            let kind = try #require(FileSystemKind(rawValue: type))
            await #expect(throws: HostError.self) {
                _ = try await fileSystems.make(kind, on: device, options: MakeOptions(), within: .seconds(60))
            }
        }
    }

    /// What this process has of what can be used up.
    private struct Held: Equatable {
        var children = 0
        var descriptors = 0

        static func now() async throws -> Held {
            var held = Held()
            let files = LinuxHost().files
            for entry in try await files.openDirectory("/proc").list("", limit: .max)
            where UInt32(entry.name.string) != nil {
                var bytes = [UInt8](repeating: 0, count: 1024)
                let file = open("/proc/\(entry.name.string)/stat", O_RDONLY | O_CLOEXEC)
                guard file >= 0 else { continue }
                let count = read(file, &bytes, bytes.count)
                close(file)
                // After the name, which may have any letters, come the state and the parent.
                let fields =
                    String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
                    .split(separator: ")").last?.split(separator: " ") ?? []
                if fields.count > 1, fields[1] == "\(getpid())" { held.children += 1 }
            }
            held.descriptors = try await files.openDirectory(FilePath("/proc/\(getpid())/fd")).list("", limit: .max)
                .count
            return held
        }
    }

    private func started(at mountPoint: FilePath) async throws -> LoopbackDriver {
        let driver = try Rig.driver(LinuxHost(), mountPoint)
        try await driver.preflight()
        try await driver.start()
        return driver
    }
}
