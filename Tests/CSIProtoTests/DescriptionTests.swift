import CSIProto
import Testing

@Suite("Messages in logs")
struct DescriptionTests {
    static let cases: [(SwiftCsiTest.Everything, String)] = [
        (.init(), "{}"),
        (.init(fDouble: 1.5, fInt32: -1, fBool: true), #"{"f_double":1.5,"f_int32":-1,"f_bool":true}"#),
        (.init(fString: "a\"b\\c\n\r\t"), #"{"f_string":"a\"b\\c\n\r\t"}"#),
        (.init(fString: "\u{1b}[31m\u{0}\u{7f}"), #"{"f_string":"\u001b[31m\u0000\u007f"}"#),
        (.init(fString: "\u{202e}\u{2028}\u{85}\u{feff}"), #"{"f_string":"\u202e\u2028\u0085\ufeff"}"#),
        (.init(fString: "\u{e9}\u{1f600}\u{e0001}"), "{\"f_string\":\"\u{e9}\u{1f600}\\udb40\\udc01\"}"),
        (.init(fBytes: [1, 2, 3]), #"{"f_bytes":"3 bytes"}"#),
        (.init(fEnum: .colorDeepBlue, oEnum: .init(rawValue: 7)), #"{"f_enum":"COLOR_DEEP_BLUE","o_enum":7}"#),
        (
            .init(rString: ["a", "b"], rMessage: [.init(number: 1), .init()]),
            #"{"r_string":["a","b"],"r_message":[{"number":1},{}]}"#
        ),
        (
            .init(mBoolSfixed32: [true: 1], mStringString: ["k\n": "v"]),
            #"{"m_bool_sfixed32":{"true":1},"m_string_string":{"k\n":"v"}}"#
        ),
        (.init(choice: .cInt32(0)), #"{"c_int32":0}"#),
        (.init(child: .init(description_: "x")), #"{"child":{"description":"x"}}"#),
    ]

    @Test(arguments: cases)
    func oneLine(message: SwiftCsiTest.Everything, text: String) {
        #expect(message.description == text)
    }

    @Test func unknownFieldsAreCounted() throws {
        let message = try CSIv1.ProbeRequest(decoding: hex("08 01"))
        #expect(message.description == #"{"unknown_fields":"2 bytes"}"#)
    }

    @Test func tokensInTheVolumeContextAreRedacted() {
        let message = CSIv1.NodePublishVolumeRequest(volumeContext: [
            "csi.storage.k8s.io/serviceAccount.tokens": "ey...", "a": "b",
        ])
        #expect(
            message.description
                == #"{"volume_context":{"csi.storage.k8s.io/serviceAccount.tokens":"***stripped***","a":"b"}}"#)
        #expect(message.described(redactedKeys: ["a"]).contains(#""a":"***stripped***""#))
    }

    @Test func longMessagesAreCut() {
        let message = SwiftCsiTest.Everything(rString: Array(repeating: "abc", count: 100_000))
        let text = message.described(maximumLength: 100)
        #expect(text.utf8.count <= 103)
        #expect(text.hasSuffix("..."))
        #expect(message.description.utf8.count < 20_000)
    }
}
