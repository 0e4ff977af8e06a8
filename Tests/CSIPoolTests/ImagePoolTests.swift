import CSICore
import CSIHost
import CSITestKit
import CSITransport
import Logging
import SystemPackage
import Testing

@testable import CSIPool

@Suite("Pools of images")
struct ImagePoolTests {
    private let host = FakeHost()

    init() {
        host.addFileSystem(at: "/pool", type: "xfs", bytes: 16 << 30)
    }

    private func pool(_ access: VolumePool.Access = .manage) async throws -> VolumePool {
        let pool = VolumePool(
            path: "/pool", access: access, images: PoolPolicy(reserve: .bytes(0)), host: host,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await pool.open()
        try await pool.rebuild()
        return pool
    }

    private func volume(_ name: String, capacity: Int64 = 1 << 20, isThick: Bool = false) throws -> VolumeRecord {
        let name = try VolumeName(name)
        return VolumeRecord(
            id: VolumeID(derivedFrom: name), name: name, capacity: capacity,
            fingerprint: Fingerprint([.init("name", name.rawValue)]), content: .image, isThick: isThick,
            attributes: StringMap(["file_system": "ext4", "mkfs options": "-m 0"]))
    }

    private func snapshot(_ name: String, of source: String) throws -> SnapshotRecord {
        let name = try SnapshotName(name)
        return SnapshotRecord(
            id: SnapshotID(derivedFrom: name), name: name, source: try VolumeID(source), size: 1 << 20,
            creationTime: Timestamp(seconds: 1_700_000_000, nanoseconds: 5),
            fingerprint: Fingerprint([.init("source_volume_id", source)]))
    }

    @Test("What is made, grown and noted survives a power failure")
    func durable() async throws {
        let first = try await pool()
        var record = try volume("v")
        try await first.addImage(record, from: ImageOrigin(.zeros))
        try await first.setFormatState(.done(type: "ext4", uuid: "u-1"), of: record.id)
        try await first.addSnapshot(snapshot("s", of: "v"), from: ImageOrigin(.volume(record.id)))
        record.capacity = 2 << 20
        try await first.growImage(of: record.id, to: record.capacity, isThick: false)
        try await first.update(record)
        host.restart(after: .power)
        let second = try await pool()
        #expect(try await second.record(record.id) == record)
        #expect(second.page(after: nil, limit: 9).volumes == [record.summary])
        #expect(second.snapshotPage(after: nil, limit: 9).snapshots == [try snapshot("s", of: "v").summary])
        #expect(try await second.image(of: record.id)?.size == 2 << 20)
        #expect(try await second.formatState(of: record.id) == .done(type: "ext4", uuid: "u-1"))
        #expect(host.metadata(of: "/pool/snapshots/s/image")?.size == 1 << 20)
        #expect(host.content(of: "/pool/snapshots/s/format") == host.content(of: "/pool/volumes/v/format"))
    }

    @Test(
        "A copy takes along what is known of its file system, and nothing of where it was staged",
        arguments: [false, true])
    func notes(isThick: Bool) async throws {
        let pool = try await pool()
        let source = try volume("v")
        try await pool.addImage(source, from: ImageOrigin(.zeros))
        try await pool.setFormatState(.started(type: "xfs"), of: source.id)
        try await pool.setStagedBlock(StagedBlock(path: "/a b\n", isChanging: true), of: source.id)
        #expect(try await pool.stagedBlock(of: source.id) == StagedBlock(path: "/a b\n", isChanging: true))
        for (name, sharing) in [("a", CopyOptions.Sharing.preferred), ("b", .required)] {
            let copy = try volume(name, capacity: 2 << 20, isThick: isThick)
            try await pool.addImage(copy, from: ImageOrigin(.volume(source.id), sharing: sharing))
            #expect(try await pool.formatState(of: copy.id) == .started(type: "xfs"))
            #expect(try await pool.stagedBlock(of: copy.id) == nil)
            let image = try #require(try await pool.image(of: copy.id))
            #expect(image.size == 2 << 20)
            #expect(!isThick || image.allocatedBytes >= 2 << 20)
            #expect(host.metadata(of: FilePath("/pool/volumes/\(name)/moment")) == nil)
        }
        try await pool.setStagedBlock(nil, of: source.id)
        try await pool.setStagedBlock(nil, of: source.id)
        #expect(try await pool.stagedBlock(of: source.id) == nil)
    }

    @Test("A snapshot whose record cannot be used is set aside untouched; leftovers of copies go")
    func quarantine() async throws {
        let first = try await pool()
        try await first.addImage(volume("v"), from: ImageOrigin(.zeros))
        try await first.addSnapshot(snapshot("good", of: "v"), from: ImageOrigin(.volume(VolumeID("v"))))
        host.restart()
        host.addFile("/pool/snapshots/torn/snapshot", Array("swift-csi snapshot 1\nid torn\n".utf8))
        host.addFile("/pool/snapshots/torn/image", [42])
        host.addFile("/pool/snapshots/half.partial/image", [1])
        let second = try await pool()
        #expect(second.snapshotPage(after: nil, limit: 9).snapshots.map(\.id.rawValue) == ["good"])
        #expect(host.content(of: "/pool/snapshots/torn/image") == [42])
        #expect(host.metadata(of: "/pool/snapshots/half.partial") == nil)
        let error = await #expect(throws: CSIError.self) { try await second.snapshot(SnapshotID("torn")) }
        #expect(error?.message.contains("/pool/snapshots/torn/snapshot") == true)
    }

    @Test("A lock keeps others out until it is given back")
    func locks() async throws {
        let manager = try await pool()
        let reader = try await pool(.lookUp)
        let id = try VolumeID("v")
        let missing = await #expect(throws: CSIError.self) { try await manager.lockImage(of: id) }
        #expect(missing?.code == .notFound)
        try await manager.addImage(volume("v"), from: ImageOrigin(.zeros))
        let lock = try await manager.lockImage(of: id)
        let held = await #expect(throws: CSIError.self) { try await reader.lockImage(of: id) }
        #expect(held?.code == .aborted)
        lock.release()
        try await reader.lockImage(of: id).release()
    }

    @Test("Room that is being used counts before the volume is there")
    func reservations() async throws {
        let pool = try await pool()
        let all = try await pool.room().available(isThick: true)
        let first = try await pool.reserve(all / 2 + 1, isThick: true)
        await #expect(throws: CSIError.self) { try await pool.reserve(all / 2 + 1, isThick: false) }
        first.release()
        first.release()
        #expect(try await pool.room().available(isThick: true) == all)
        do {
            _ = try await pool.reserve(all, isThick: false)
        }
        #expect(try await pool.room().available(isThick: false) == all)
    }

    @Test(
        "Records with an unknown content, provisioning or source are refused",
        arguments: ["content tape", "provisioning fat", "source moon 1", "source volume", "attribute novalue"])
    func unknown(line: String) throws {
        let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
        let text = RecordText(
            kind: "volume", version: 1,
            lines: [("id", "v"), ("name", "v"), ("capacity_bytes", "1"), (parts[0], parts[1])])
        #expect(throws: RecordFailure.self) { try VolumeRecord(parsing: text.bytes, expecting: "v") }
    }

    @Test("Any damaged byte of a note about a file system is noticed")
    func damagedNote() throws {
        let bytes = FormatState.done(type: "xfs", uuid: "1b4e28ba").bytes
        #expect(try FormatState(parsing: bytes) == .done(type: "xfs", uuid: "1b4e28ba"))
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x01
            #expect(throws: RecordFailure.self) { try FormatState(parsing: damaged) }
            #expect(throws: RecordFailure.self) { try FormatState(parsing: Array(bytes[..<index])) }
        }
    }

    @Test("Sources and attributes are read back", arguments: [nil, .volume, .snapshot] as [Kind?])
    func roundTrip(kind: Kind?) throws {
        let record = VolumeRecord(
            id: try VolumeID("v"), name: try VolumeName("v"), capacity: 7, fingerprint: Fingerprint(), content: .image,
            isThick: true, source: try kind?.source, attributes: StringMap(["a b": "c d", "e%": ""]))
        #expect(try VolumeRecord(parsing: record.bytes, expecting: "v") == record)
    }

    enum Kind: Sendable {
        case volume, snapshot

        var source: ContentSource {
            get throws {
                switch self {
                case .volume: .volume(try VolumeID("w"))
                case .snapshot: .snapshot(try SnapshotID("s"))
                }
            }
        }
    }
}
