import CSIHost
import CSIProto
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSICore
@testable import CSINFS

@Suite("Copies on a share")
struct CopyTests {
    @Test("Clones, snapshots and restores have the content of their moment")
    func copies() async throws {
        let rig = try Rig()
        let volume = try await rig.create("pvc-1")
        rig.fake.addFile("/servers/one/pvc-1/deep/file", [1], permissions: FilePermissions(rawValue: 0o640))
        let snapshot = try await rig.snapshot("snap-1", of: volume.id)
        #expect(snapshot.isReady)
        #expect(snapshot.id.rawValue == "nfs.example#export#snap-1#snap-1#pvc-1")
        rig.fake.addFile("/servers/one/pvc-1/deep/file", [2])
        let clone = try await rig.clone("pvc-2", of: volume.id)
        let restored = try await rig.restore("pvc-3", from: snapshot.id)
        #expect(clone.source == .volume(volume.id))
        #expect(rig.fake.content(of: "/servers/one/pvc-2/deep/file") == [2])
        #expect(rig.fake.content(of: "/servers/one/pvc-3/deep/file") == [1])
        #expect(try await rig.clone("pvc-2", of: volume.id) == clone)
        #expect(try await rig.restore("pvc-3", from: snapshot.id) == restored)
        #expect(try await rig.snapshot("snap-1", of: volume.id) == snapshot)
        await expectRefusal(.alreadyExists, naming: "source_volume_id") {
            _ = try await rig.snapshot("snap-1", of: clone.id)
        }
        let listed = try await rig.driver.listSnapshots(try ListSnapshots(validating: .init()))
        #expect(listed.snapshots == [snapshot])
        try await rig.driver.deleteSnapshot(try DeleteSnapshot(validating: .init(snapshotID: snapshot.id.rawValue)))
        try await rig.driver.deleteSnapshot(try DeleteSnapshot(validating: .init(snapshotID: snapshot.id.rawValue)))
        await expectRefusal(.notFound) { _ = try await rig.restore("pvc-4", from: snapshot.id) }
        await expectRefusal(.notFound) {
            _ = try await rig.clone("pvc-5", of: try VolumeID("nfs.example#export#none##"))
        }
        for place in ["making", "trash", "snapshots"] {
            let path = FilePath("/servers/one/.swift-csi/\(place)")
            #expect(rig.fake.paths(below: path) == [path])
        }
    }

    @Test("A snapshot of another share, and a clone from one to the other")
    func shares() async throws {
        let rig = try Rig()
        let volume = try await rig.create("pvc-1")
        rig.fake.addFile("/servers/one/pvc-1/file", [7])
        let request = try CreateSnapshot(
            validating: .init(
                sourceVolumeID: volume.id.rawValue, name: "s",
                parameters: ["server": "other.example", "Share": "/export"]))
        let snapshot = try await rig.driver.createSnapshot(request)
        #expect(snapshot.id.rawValue == "other.example#export#s#s#pvc-1")
        #expect(rig.fake.content(of: "/servers/two/.swift-csi/snapshots/s/data/file") == [7])
        let restored = try await rig.restore("pvc-2", from: snapshot.id)
        #expect(restored.id.rawValue == "nfs.example#export#pvc-2##")
        #expect(rig.fake.content(of: "/servers/one/pvc-2/file") == [7])
    }

    @Test("What takes long is not ready yet, and cannot be restored, deleted or made twice meanwhile")
    func long() async throws {
        let rig = try Rig()
        let volume = try await rig.create("pvc-1")
        rig.fake.hang(.copyTree)
        async let first = rig.snapshot("snap-1", of: volume.id)
        while rig.fake.hungCalls.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        while rig.fake.manualClock.sleeperCount == 0 { try await Task.sleep(for: .milliseconds(5)) }
        rig.fake.manualClock.advance(by: .seconds(11))
        let answer = try await first
        #expect(!answer.isReady)
        await expectRefusal(.aborted) { _ = try await rig.restore("pvc-2", from: answer.id) }
        await expectRefusal(.aborted) {
            try await rig.driver.deleteSnapshot(try DeleteSnapshot(validating: .init(snapshotID: answer.id.rawValue)))
        }
        await expectRefusal(.aborted) { try await rig.delete(volume.id.rawValue) }
        rig.fake.release(.copyTree)
        var ready = try await rig.snapshot("snap-1", of: volume.id)
        while !ready.isReady { ready = try await rig.snapshot("snap-1", of: volume.id) }
        #expect(ready.creationTime == answer.creationTime)
    }

    @Test("An archive that csi-driver-nfs made is restored and deleted")
    func archive() async throws {
        let rig = try Rig()
        rig.fake.addFile("/servers/one/snapshot-1/pvc-1.tar.gz", Tar.archive([("./", nil), ("./f", [1, 2, 3])]))
        let id = try SnapshotID("nfs.example#export#snapshot-1#snapshot-1#pvc-1")
        _ = try await rig.restore("pvc-2", from: id)
        #expect(rig.fake.content(of: "/servers/one/pvc-2/f") == [1, 2, 3])
        rig.fake.addFile("/servers/one/snapshot-1/other", [1])
        let delete = try DeleteSnapshot(validating: .init(snapshotID: id.rawValue))
        await expectRefusal(.failedPrecondition, naming: "more than the archive") {
            try await rig.driver.deleteSnapshot(delete)
        }
        _ = try await rig.fake.files.openDirectory("/servers/one/snapshot-1").removeFile("other")
        try await rig.driver.deleteSnapshot(delete)
        #expect(rig.names == ["pvc-2", "pvc-2/f"])
    }
}

/// Plain tar archives.
enum Tar {
    /// - Parameter entries: Paths, with the bytes of files and nil for directories.
    static func archive(_ entries: [(path: String, bytes: [UInt8]?)]) -> [UInt8] {
        var archive: [UInt8] = []
        for (path, bytes) in entries {
            var head = [UInt8](repeating: 0, count: 512)
            func put(_ text: String, at offset: Int) {
                for (index, byte) in text.utf8.enumerated() { head[offset + index] = byte }
            }
            func octal(_ number: Int, _ digits: Int) -> String {
                let text = String(number, radix: 8)
                return String(repeating: "0", count: digits - text.count) + text
            }
            put(path, at: 0)
            put(octal(bytes == nil ? 0o755 : 0o644, 7), at: 100)
            put(octal(0, 7), at: 108)
            put(octal(0, 7), at: 116)
            put(octal(bytes?.count ?? 0, 11), at: 124)
            put(octal(0, 11), at: 136)
            put("        ", at: 148)
            head[156] = UInt8(ascii: bytes == nil ? "5" : "0")
            put("ustar\u{0}00", at: 257)
            put(octal(head.reduce(0) { $0 + Int($1) }, 6) + "\u{0} ", at: 148)
            archive += head
            archive += bytes ?? []
            archive += [UInt8](repeating: 0, count: (512 - (bytes?.count ?? 0) % 512) % 512)
        }
        return archive + [UInt8](repeating: 0, count: 1024)
    }
}
