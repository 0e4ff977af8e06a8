import CSIProto
import Testing

/// Bytes that are no message, and why.
struct Malformed: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    let error: WireError

    init(_ name: String, _ bytes: String, _ error: WireError) {
        self.name = name
        self.bytes = hex(bytes)
        self.error = error
    }

    var testDescription: String { name }
}

@Suite("Malformed input")
struct MalformedInputTests {
    private typealias Everything = SwiftCsiTest.Everything

    static let cases: [Malformed] = [
        .init("tag cut", "80", .truncated),
        .init("varint missing", "18", .truncated),
        .init("varint cut", "18 80", .truncated),
        .init("varint of eleven bytes", "18 ffffffffffffffffffff01", .malformedVarint),
        .init("varint that never ends", "18 ffffffffffffffffffffffffffffff", .malformedVarint),
        .init("tag of six bytes", "808080808001 00", .malformedVarint),
        .init("tag beyond 32 bits", "f8ffffff1f 01", .malformedTag),
        .init("field number zero", "00 01", .malformedTag),
        .init("field number zero in a long tag", "8000 01", .malformedTag),
        .init("wire type six", "1e 01", .malformedTag),
        .init("wire type seven", "1f 01", .malformedTag),
        .init("wire type six in a long tag", "9e07 01", .malformedTag),
        .init("fixed32 cut", "4d 010203", .truncated),
        .init("fixed64 cut", "51 01020304050607", .truncated),
        .init("string cut", "72 02 61", .truncated),
        .init("string length cut", "72", .truncated),
        .init("string length huge", "72 ffffffffffffffffff01", .truncated),
        .init("string length negative", "72 8080808080808080 8001 61", .truncated),
        .init("bytes cut", "7a 05 61", .truncated),
        .init("message cut", "8a01 05 0801", .truncated),
        .init("field runs out of its message", "8a01 01 08 18 01", .truncated),
        .init("string runs out of its message", "8a01 03 1204 61 62 63 64", .truncated),
        .init("string not UTF-8", "72 01 ff", .invalidUTF8),
        .init("string with a surrogate", "72 03 eda080", .invalidUTF8),
        .init("string with an overlong form", "72 02 c080", .invalidUTF8),
        .init("string beyond Unicode", "72 04 f4908080", .invalidUTF8),
        .init("string cut inside a character", "72 01 c3", .invalidUTF8),
        .init("long string not UTF-8", "72 10 61616161616161616161616161616 1ff", .invalidUTF8),
        .init("map key not UTF-8", "a205 03 0a01 ff", .invalidUTF8),
        .init("oneof string not UTF-8", "8a06 01 ff", .invalidUTF8),
        .init("packed doubles cut", "ca02 07 000000000000f0", .malformedPacked),
        .init("packed varint cut", "da02 01 80", .truncated),
        .init("packed length cut", "da02 05 01", .truncated),
        .init("map entry cut", "a205 05 0a01", .truncated),
        .init("end of a group that never began", "9c07", .malformedTag),
        .init("group without an end", "9b07 08 01", .truncated),
        .init("group with another's end", "9b07 a407", .malformedTag),
        .init("group ends outside its message", "8a01 02 9b07 9c07", .truncated),
        .init("unknown fixed64 cut", "9907 01", .truncated),
        .init("unknown bytes cut", "9a07 05 01", .truncated),
    ]

    @Test(arguments: cases)
    func isRefused(_ malformed: Malformed) {
        #expect(throws: malformed.error) { try Everything(decoding: malformed.bytes) }
    }

    /// Whatever the prefix of a valid message is, it never traps, and it is refused unless it ends between fields.
    @Test func everyPrefixOfAMessage() throws {
        let whole = RoundTripTests.request.encoded()
        for count in whole.indices {
            let prefix = Array(whole[..<count])
            guard let message = try? CSIv1.CreateVolumeRequest(decoding: prefix) else { continue }
            #expect(message.encoded() == prefix)
        }
    }

    @Test(arguments: [(100, true), (101, false)])
    func messagesNestToTheLimit(depth: Int, isAccepted: Bool) {
        var bytes: [UInt8] = []
        for _ in 0..<depth { bytes = delimited(111, bytes) }
        #expect(((try? Everything(decoding: bytes)) != nil) == isAccepted)
    }

    @Test(arguments: [(100, true), (101, false), (1_000_000, false)])
    func groupsNestToTheLimit(depth: Int, isAccepted: Bool) {
        let bytes =
            [[UInt8]](repeating: hex("9b07"), count: depth).flatMap { $0 }
            + [[UInt8]](repeating: hex("9c07"), count: depth).flatMap { $0 }
        #expect(((try? Everything(decoding: bytes)) != nil) == isAccepted)
    }

    @Test func depthIsAnOption() throws {
        let bytes = delimited(111, delimited(111, []))
        #expect(throws: WireError.tooDeep) { try Everything(decoding: bytes, limits: WireLimits(depth: 1)) }
        _ = try Everything(decoding: bytes, limits: WireLimits(depth: 2))
    }

    @Test func sizeIsLimited() throws {
        let bytes = hex("18 01")
        _ = try Everything(decoding: bytes, limits: WireLimits(size: 2))
        #expect(throws: WireError.tooLarge) { try Everything(decoding: bytes, limits: WireLimits(size: 1)) }
    }

    /// Two bytes each, a hundred times that in memory: refused long before the memory is gone.
    @Test(arguments: [57, 87, 112, 113])
    func elementsCannotExpandWithoutBound(field: UInt64) {
        let element = delimited(field, [])
        let bytes = [[UInt8]](repeating: element, count: 1 << 18).flatMap { $0 }
        // A map does not grow when one key comes over and over, but each occurrence is paid for.
        #expect(throws: WireError.tooLarge) { try Everything(decoding: bytes) }
    }

    /// Very many short packed runs take time in proportion, too.
    @Test func packedRunsAreNotQuadratic() throws {
        let run = delimited(49, [1, 0, 0, 0])
        let bytes = [[UInt8]](repeating: run, count: 200_000).flatMap { $0 }
        #expect(try Everything(decoding: bytes).rFixed32.count == 200_000)
    }

    /// A map of very many keys takes time in proportion.
    @Test func largeMapsAreNotQuadratic() throws {
        var bytes: [UInt8] = []
        for index in 0..<100_000 {
            bytes += delimited(84, delimited(1, Array("key-\(index)".utf8)) + delimited(2, [0x61]))
        }
        let message = try Everything(decoding: bytes)
        #expect(message.mStringString.count == 100_000)
        #expect(message.mStringString["key-99999"] == "a")
    }
}
