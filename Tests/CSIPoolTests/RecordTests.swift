import CSICore
import Testing

@testable import CSIPool

@Suite("Records on disk")
struct RecordTests {
    private static func record(name: String = "v", key: String = "parameters[\"a\"]", value: String = "1") throws
        -> VolumeRecord
    {
        VolumeRecord(
            id: VolumeID(derivedFrom: try VolumeName(name)), name: try VolumeName(name), capacity: 1 << 30,
            fingerprint: Fingerprint([.init("name", name), .init(key, value), .init("empty", "")]))
    }

    @Test(
        "What is written is read back",
        arguments: [
            ("v", "k", "1"), ("Name With Spaces", "parameters[\"a b%20c\"]", "two words"),
            ("\u{e9}\u{1F600}", "k", "line\nbreak\ttab\\x41 \u{7f}"), ("v", "k%25", "%20"),
        ])
    func roundTrip(name: String, key: String, value: String) throws {
        let record = try Self.record(name: name, key: key, value: value)
        #expect(try VolumeRecord(parsing: record.bytes, expecting: record.id.rawValue) == record)
        #expect(String(validating: record.bytes, as: UTF8.self)?.hasPrefix("swift-csi volume 1\nid ") == true)
    }

    @Test("What limits a volume is read back", arguments: [nil, .subvolume, .project(1), .project(.max)] as [VolumeQuota?])
    func quotas(quota: VolumeQuota?) throws {
        var record = try Self.record()
        record.quota = quota
        record.attributes = StringMap(["inodeLimit": "7"])
        #expect(try VolumeRecord(parsing: record.bytes, expecting: "v") == record)
        // A start leaves out what it has no use for, and nothing else.
        let short = try VolumeRecord(parsing: record.bytes, expecting: "v", isForSummary: true)
        #expect(short.fingerprint == Fingerprint())
        #expect(short.summary == record.summary)
    }

    @Test("Any damaged byte and any cut is noticed")
    func damage() throws {
        let record = try Self.record()
        let bytes = record.bytes
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x01
            #expect(throws: RecordFailure.self) { try VolumeRecord(parsing: damaged, expecting: record.id.rawValue) }
            #expect(throws: RecordFailure.self) {
                try VolumeRecord(parsing: Array(bytes[..<index]), expecting: record.id.rawValue)
            }
        }
        #expect(throws: RecordFailure.self) { try VolumeRecord(parsing: bytes + bytes, expecting: record.id.rawValue) }
        #expect(throws: RecordFailure.self) { try VolumeRecord(parsing: [], expecting: record.id.rawValue) }
    }

    @Test(
        "A whole record that makes no sense is refused with the reason",
        arguments: [
            ([("id", "other"), ("name", "v"), ("capacity_bytes", "1")], "another volume"),
            ([("name", "v"), ("capacity_bytes", "1")], "another volume"),
            ([("id", "v"), ("name", "v")], "capacity_bytes"),
            ([("id", "v"), ("name", "v"), ("capacity_bytes", "-1")], "capacity_bytes"),
            ([("id", "v"), ("name", "v"), ("capacity_bytes", "99999999999999999999")], "capacity_bytes"),
            ([("id", "v"), ("capacity_bytes", "1")], "name"),
            ([("id", "v"), ("name", "v"), ("capacity_bytes", "1"), ("quota", "project 0")], "quota"),
            ([("id", "v"), ("name", "v"), ("capacity_bytes", "1"), ("quota", "subvolume 7")], "quota"),
            ([("id", "v"), ("name", "v"), ("capacity_bytes", "1"), ("request", "novalue")], "request line"),
        ] as [([(String, String)], String)])
    func nonsense(lines: [(String, String)], reason: String) throws {
        let text = RecordText(kind: "volume", version: 1, lines: lines.map { (key: $0.0, value: $0.1) })
        let failure = #expect(throws: RecordFailure.self) {
            try VolumeRecord(parsing: text.bytes, expecting: "v")
        }
        #expect(failure?.reason.contains(reason) == true)
    }

    @Test("Another kind or a newer version is refused")
    func otherKinds() throws {
        let other = RecordText(kind: "snapshot", version: 1, lines: []).bytes
        let newer = RecordText(kind: "volume", version: 2, lines: []).bytes
        for bytes in [other, newer] {
            #expect(throws: RecordFailure.self) { try VolumeRecord(parsing: bytes, expecting: "v") }
        }
    }

    @Test("CRC-32 gives the known check values", arguments: [("", "00000000"), ("123456789", "cbf43926")])
    func checksums(text: String, hex: String) {
        #expect(CRC32.hex(of: text.utf8) == hex)
    }
}
