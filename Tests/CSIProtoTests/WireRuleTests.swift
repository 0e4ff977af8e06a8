import CSIProto
import Testing

private typealias Everything = SwiftCsiTest.Everything
private typealias Inner = SwiftCsiTest.Everything.Inner

/// One rule of the wire format: these bytes mean this message, which is written as those bytes.
struct WireRule: Sendable, CustomTestStringConvertible {
    let name: String
    let input: [UInt8]
    let output: [UInt8]
    let matches: @Sendable (SwiftCsiTest.Everything) -> Bool

    /// `output` is what must be written again; nil when it is the input.
    init(
        _ name: String, _ input: String, output: String? = nil,
        _ matches: @escaping @Sendable (SwiftCsiTest.Everything) -> Bool
    ) {
        self.name = name
        self.input = hex(input)
        self.output = hex(output ?? input)
        self.matches = matches
    }

    var testDescription: String { name }
}

@Suite("Wire format")
struct WireRuleTests {
    static let scalars: [WireRule] = [
        .init("empty", "") { $0 == Everything() },
        .init("double", "09 000000000000f0bf") { $0.fDouble == -1 },
        .init("minus zero is not the default", "09 0000000000000080") { $0.fDouble.sign == .minus },
        .init("float", "15 0000c07f") { $0.fFloat.isNaN },
        .init("int32 negative in ten bytes", "18 ffffffffffffffffff01") { $0.fInt32 == -1 },
        .init("int32 is cut to 32 bits", "18 8280808010", output: "18 02") { $0.fInt32 == 2 },
        .init("int64", "20 ffffffffffffffff7f") { $0.fInt64 == .max },
        .init("uint32", "28 ffffffff0f") { $0.fUint32 == .max },
        .init("uint32 is cut to 32 bits", "28 ffffffffffffffffff01", output: "28 ffffffff0f") { $0.fUint32 == .max },
        .init("uint64", "30 ffffffffffffffffff01") { $0.fUint64 == .max },
        .init("bits beyond the 64th are dropped", "30 ffffffffffffffffff7f", output: "30 ffffffffffffffffff01") {
            $0.fUint64 == .max
        },
        .init("varint longer than needed", "18 818000", output: "18 01") { $0.fInt32 == 1 },
        .init("tag longer than needed", "9800 01", output: "18 01") { $0.fInt32 == 1 },
        .init("sint32", "38 03") { $0.fSint32 == -2 },
        .init("sint32 smallest", "38 ffffffff0f") { $0.fSint32 == .min },
        .init("sint64 smallest", "40 ffffffffffffffffff01") { $0.fSint64 == .min },
        .init("fixed32", "4d 04030201") { $0.fFixed32 == 0x0102_0304 },
        .init("fixed64", "51 0807060504030201") { $0.fFixed64 == 0x0102_0304_0506_0708 },
        .init("sfixed32", "5d ffffffff") { $0.fSfixed32 == -1 },
        .init("sfixed64", "61 feffffffffffffff") { $0.fSfixed64 == -2 },
        .init("bool", "68 01") { $0.fBool },
        .init("bool is true unless zero", "68 8080808080808080 8001", output: "68 01") { $0.fBool },
        .init("string", "72 02 c3a9") { $0.fString == "\u{e9}" },
        .init("string of NUL", "72 01 00") { $0.fString == "\0" },
        .init("bytes", "7a 02 ff00") { $0.fBytes == [255, 0] },
        .init("defaults are not written", "18 00 7200 6800", output: "") { $0 == Everything() },
        .init("the last one wins", "18 01 18 02", output: "18 02") { $0.fInt32 == 2 },
        .init("enum", "8001 01") { $0.fEnum == .colorRed && $0.fEnum == .colorScarlet },
        .init("enum number without a name", "8001 2a") { $0.fEnum.rawValue == 42 && $0.fEnum.name == nil },
        .init("enum negative", "8001 ffffffffffffffffff01") { $0.fEnum == .colorNegative },
        .init("fields in any order", "20 01 18 02", output: "18 02 20 01") { $0.fInt64 == 1 && $0.fInt32 == 2 },
        .init("two-byte tag", "f87f 07") { $0.far == 7 },
        .init("three-byte tag", "808001 07") { $0.farther == 7 },
        .init("five-byte tag", "faffffff0f 01 61") { $0.farthest == "a" },
    ]

    static let presence: [WireRule] = [
        .init("optional tells zero from absence", "b801 00") { $0.oInt32 == 0 && $0.oInt64 == nil },
        .init("optional empty string", "9202 00") { $0.oString == "" },
        .init("optional last one wins", "b801 01 b801 00", output: "b801 00") { $0.oInt32 == 0 },
        .init("empty message is present", "8a01 00") { $0.fMessage == Inner() },
        .init(
            "occurrences of a message merge", "8a01 04 0801 1801 8a01 05 1201 61 1802",
            output: "8a01 09 0801 120161 1a02 0102"
        ) {
            $0.fMessage == Inner(number: 1, text: "a", numbers: [1, 2])
        },
        .init("nested messages merge", "8a01 04 2a02 0801 8a01 05 2a03 1201 61", output: "8a01 07 2a05 0801 120161") {
            $0.fMessage?.inner == Inner(number: 1, text: "a")
        },
        .init("oneof", "ea05 00", output: "ea05 00") { $0.unknownFields.bytes == hex("ea05 00") && $0.choice == nil },
        .init("oneof keeps its default", "e805 00") { $0.choice == .cInt32(0) },
        .init("oneof last one wins", "e805 01 8a06 01 61", output: "8a06 01 61") { $0.choice == .cString("a") },
        .init("oneof message replaces a scalar", "e805 01 a206 00", output: "a206 00") {
            $0.choice == .cMessage(Inner())
        },
        .init("oneof message merges with itself", "a206 02 0801 a206 03 1201 61", output: "a206 05 0801 120161") {
            $0.choice == .cMessage(Inner(number: 1, text: "a"))
        },
        .init(
            "oneof message starts anew after another field", "a206 02 0801 e805 01 a206 03 1201 61",
            output: "a206 03 120161"
        ) { $0.choice == .cMessage(Inner(text: "a")) },
        .init("oneof recursive", "aa06 02 1801") { $0.choice == .cEverything(Everything(fInt32: 1)) },
        .init("recursive", "fa06 05 fa06 02 1801") { $0.child?.child?.fInt32 == 1 },
        .init("recursive merges", "fa06 02 1801 fa06 02 2001", output: "fa06 04 1801 2001") {
            $0.child == Everything(fInt32: 1, fInt64: 1)
        },
        .init("recursive by way of another", "9207 06 0a02 0a00 1001", output: "9207 06 0a02 0a00 1001") {
            $0.ping?.count == 1 && $0.ping?.pong?.next == .ping(.init())
        },
    ]

    static let repetition: [WireRule] = [
        .init("packed", "da02 03 01 8001", output: "da02 03 01 8001") { $0.rInt32 == [1, 128] },
        .init("packed read unpacked", "d802 01 d802 02", output: "da02 02 0102") { $0.rInt32 == [1, 2] },
        .init("packed and unpacked mixed", "d802 01 da02 02 0203 d802 04", output: "da02 04 01020304") {
            $0.rInt32 == [1, 2, 3, 4]
        },
        .init("packed empty", "da02 00", output: "") { $0.rInt32.isEmpty && $0.unknownFields.isEmpty },
        .init("packed doubles", "ca02 08 000000000000f03f") { $0.rDouble == [1] },
        .init("unpacked read packed", "fa03 02 0102", output: "f803 01 f803 02") { $0.uInt32 == [1, 2] },
        .init("packed bools", "aa03 02 0100") { $0.rBool == [true, false] },
        .init("packed enums", "c203 02 0105") { $0.rEnum.map(\.rawValue) == [1, 5] },
        .init("strings keep empties", "b203 00 b203 01 61") { $0.rString == ["", "a"] },
        .init("messages do not merge", "ca03 02 0801 ca03 03 1201 61") {
            $0.rMessage == [Inner(number: 1), Inner(text: "a")]
        },
        .init("messages with others between", "ca03 02 0801 18 01 ca03 00", output: "18 01 ca03 02 0801 ca03 00") {
            $0.rMessage.count == 2
        },
    ]

    static let maps: [WireRule] = [
        .init("entry", "a205 06 0a01 61 1201 62") { $0.mStringString == ["a": "b"] },
        .init("without a key", "a205 03 1201 62", output: "a205 05 0a00 1201 62") { $0.mStringString == ["": "b"] },
        .init("without a value", "a205 03 0a01 61", output: "a205 05 0a01 61 1200") { $0.mStringString == ["a": ""] },
        .init("empty entry", "a205 00", output: "a205 04 0a00 1200") { $0.mStringString == ["": ""] },
        .init("value before key", "a205 06 1201 62 0a01 61", output: "a205 06 0a01 61 1201 62") {
            $0.mStringString == ["a": "b"]
        },
        .init(
            "last value of a key wins", "a205 06 0a0161 120162 a205 06 0a0161 120163",
            output: "a205 06 0a0161 120163"
        ) { $0.mStringString == ["a": "c"] },
        .init("last key of an entry wins", "a205 09 0a0161 0a0163 120162", output: "a205 06 0a0163 120162") {
            $0.mStringString == ["c": "b"]
        },
        .init("unknown fields of an entry are dropped", "a205 08 0a0161 1801 120162", output: "a205 06 0a0161 120162") {
            $0.mStringString == ["a": "b"]
        },
        .init("canonically equivalent keys differ", "a205 06 0a02c3a9 1200 a205 07 0a0365cc81 1200") {
            $0.mStringString.count == 2
        },
        .init(
            "messages in one entry merge", "ba05 0e 0a0161 12020801 1205 1a03010203",
            output: "ba05 0c 0a0161 1207 0801 1a03010203"
        ) {
            $0.mStringMessage["a"] == Inner(number: 1, numbers: [1, 2, 3])
        },
        .init("bool keys", "8a05 07 0801 15 05000000", output: "8a05 07 0801 15 05000000") {
            $0.mBoolSfixed32[true] == 5
        },
        .init("negative keys", "da04 04 0801 1001", output: "da04 04 0801 1001") { $0.mSint32Uint32[-1] == 1 },
        .init("recursive", "8a07 07 0a0161 12021801") { $0.namedChildren["a"]?.fInt32 == 1 },
    ]

    static let unknowns: [WireRule] = [
        .init("varint", "9807 01") { $0.unknownFields.bytes == hex("9807 01") },
        .init("fixed64", "9907 0102030405060708") { !$0.unknownFields.isEmpty },
        .init("bytes", "9a07 02 0102") { !$0.unknownFields.isEmpty },
        .init("fixed32", "9d07 01020304") { !$0.unknownFields.isEmpty },
        .init("group", "9b07 08 01 9b07 9c07 9c07") { !$0.unknownFields.isEmpty },
        .init("after the known", "9807 01 18 02", output: "18 02 9807 01") { $0.fInt32 == 2 },
        .init("in their order", "9807 01 18 02 9d07 01020304 9807 02", output: "18 02 9807 01 9d07 01020304 9807 02") {
            $0.fInt32 == 2
        },
        .init("known number with another wire type", "1d 01020304") { $0.fInt32 == 0 && !$0.unknownFields.isEmpty },
        .init("known message as a varint", "8801 01") { $0.fMessage == nil && !$0.unknownFields.isEmpty },
        .init("inside a message", "8a01 03 9807 01") { $0.fMessage?.unknownFields.bytes == hex("9807 01") },
        .init("largest field number", "f8ffffff0f 01") { !$0.unknownFields.isEmpty },
    ]

    @Test(arguments: scalars + presence + repetition + maps + unknowns)
    func rule(_ rule: WireRule) throws {
        let message = try Everything(decoding: rule.input)
        #expect(rule.matches(message), "\(message)")
        #expect(message.encoded() == rule.output)
        let again = try Everything(decoding: rule.output)
        #expect(again.encoded() == rule.output)
        #expect(message.encodedFrame().array.dropFirst(5).elementsEqual(rule.output))
    }
}
