import CSIHost
import CSIPool
import CSIProto
import Glibc
import SystemPackage
import Testing

@testable import CSICore
@testable import CSILoopback

/// Tests that need a kernel of their own; `dev/test kernel` gives them one.
let kernelIsOurs = getenv("CSI_TEST_KERNEL") != nil

/// The power fails between any two flushes of the disk: dm-log-writes records what a pool writes, and the pool is opened as
/// every one of them would have left it.
@Suite("Power failures", .enabled(if: kernelIsOurs), .serialized, .timeLimit(.minutes(10)))
struct PowerLossKernelTests {
    /// What callers have been told that there is.
    private struct Promise: Equatable {
        var volumes: [String: Int64] = [:]
        var snapshots: Set<String> = []
        /// Volumes that hold a file system with the test's file.
        var written: Set<String> = []
    }

    private static let small: Int64 = 16 << 20
    private static let text = "what a pod has synced\n"

    @Test(
        "Nothing that was acknowledged is lost, and nothing is half there",
        arguments: [("ext4", 128 << 20), ("xfs", 320 << 20)] as [(String, Int64)])
    func everyFlush(pool type: String, bytes: Int64) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let before = try await scratch.makeDisk(type, bytes: bytes)
        var promises = [Promise()]
        try await scratch.recording(type) { mountPoint, mark in
            let driver = try await Self.driver(at: mountPoint)
            for (index, step) in Self.steps(at: mountPoint).enumerated() {
                var promise = promises[index]
                try await step(driver, &promise)
                promises.append(promise)
                try await mark(index)
            }
        }
        var failures = 0
        try await scratch.replaying(onto: before, type) { mountPoint, calls in
            failures += 1
            try await Self.check(mountPoint, [promises[calls], promises[min(calls + 1, promises.count - 1)]])
        }
        // Every call but those that write nothing reaches the disk at least once.
        #expect(failures > 2 * promises.count)
    }

    @Test("The failures are noticed by those who do not sync")
    func harness() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let before = try await scratch.makeDisk("ext4", bytes: 32 << 20)
        try await scratch.recording("ext4") { mountPoint, mark in
            try Self.writeFile(at: mountPoint, syncing: false)
            try await mark(0)
            try Self.writeFile(at: mountPoint.appending("pool"), syncing: true)
            try await mark(1)
        }
        var losses = 0
        try await scratch.replaying(onto: before, "ext4") { mountPoint, calls in
            let root = try await LinuxHost().files.openDirectory(mountPoint)
            if calls == 1, try await !root.exists("file") { losses += 1 }
            if calls == 2 { #expect(try await root.exists("pool/file")) }
        }
        #expect(losses > 0)
    }

    private static func driver(at mountPoint: FilePath) async throws -> LoopbackDriver {
        let driver = try Rig.driver(LinuxHost(), mountPoint)
        try await driver.preflight()
        try await driver.start()
        return driver
    }

    private typealias Step = (LoopbackDriver, inout Promise) async throws -> Void

    private static func steps(at mountPoint: FilePath) -> [Step] {
        let staging = mountPoint.appending("staging")
        return [
            { driver, promise in
                _ = try await driver.create(try Requests.create("a", required: small))
                promise.volumes["a"] = small
            },
            { driver, promise in
                _ = try await driver.create(
                    try Requests.create("thick", required: small, parameters: ["provisioning": "thick"]))
                promise.volumes["thick"] = small
            },
            { driver, promise in
                try await driver.stage(try Requests.stage("a", at: staging))
                try writeFile(at: staging, syncing: true)
                promise.written.insert("a")
            },
            { driver, promise in try await driver.unstage(try Requests.unstage("a", at: staging)) },
            { driver, promise in
                _ = try await driver.createSnapshot(try Requests.snapshot("s", of: "a"))
                promise.snapshots.insert("s")
            },
            { driver, promise in
                _ = try await driver.expand(try Requests.expand("a", to: 2 * small))
                promise.volumes["a"] = 2 * small
            },
            { driver, promise in
                _ = try await driver.restore(
                    try Requests.create("r", required: small, source: Requests.from(snapshot: "s")),
                    from: SnapshotID("s"))
                promise.volumes["r"] = small
                promise.written.insert("r")
            },
            { driver, promise in
                try await driver.delete(try Requests.delete("thick"))
                promise.volumes["thick"] = nil
            },
            { driver, promise in
                try await driver.deleteSnapshot(try DeleteSnapshot(validating: .init(snapshotID: "s")))
                promise.snapshots.remove("s")
            },
        ]
    }

    private static func writeFile(at directory: FilePath, syncing: Bool) throws {
        let file = try FileDescriptor.open(
            directory.appending("file"), .writeOnly, options: [.create], permissions: .ownerReadWrite)
        try file.closeAfter {
            try file.writeAll(text.utf8)
            if syncing { try #require(fsync(file.rawValue) == 0) }
        }
    }

    /// The pool is what one of the states says, whole, and what pods have synced is there.
    private static func check(_ mountPoint: FilePath, _ states: [Promise]) async throws {
        let driver = try await driver(at: mountPoint)
        var found = Promise()
        for entry in try await driver.list(try ListVolumes(validating: .init())).entries {
            found.volumes[entry.volume.id.rawValue] = entry.volume.capacity
            #expect(entry.condition == .normal)
        }
        for snapshot in try await driver.listSnapshots(try ListSnapshots(validating: .init())).snapshots {
            found.snapshots.insert(snapshot.id.rawValue)
        }
        let state = states.first { $0.volumes == found.volumes && $0.snapshots == found.snapshots }
        guard let state else {
            Issue.record("\(found) is none of \(states)")
            return
        }
        let staging = mountPoint.appending("staging")
        for id in found.volumes.keys.sorted() {
            // Whatever was cut short, the volume can be used; what was promised to be in it is.
            try await driver.stage(try Requests.stage(id, at: staging))
            if states[0].written.contains(id), state.written.contains(id) {
                let file = try FileDescriptor.open(staging.appending("file"), .readOnly)
                let bytes = try file.closeAfter { try readAll(file) }
                #expect(String(decoding: bytes, as: UTF8.self) == text)
            }
            try await driver.unstage(try Requests.unstage(id, at: staging))
        }
    }

    private static func readAll(_ file: FileDescriptor) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: 256) { buffer, count in
            count = try file.read(into: UnsafeMutableRawBufferPointer(buffer))
        }
    }
}
