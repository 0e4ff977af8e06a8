import CSITransport
import Testing

@testable import CSICore

@Suite("Page tokens")
struct PageTokenTests {
    @Test("A token leads back to the entry", arguments: ["a", "pvc-1", "a/b#c d", "\u{e9}\u{1F600}"])
    func roundTrip(last: String) throws {
        #expect(try PageToken.decoded(PageToken.encoded(after: last)) == last)
    }

    @Test(
        "Anything else is ABORTED",
        arguments: [
            "invalid-token", "x", "a", "aa", "abcd", "a00", "a616", "A6161", "a6161 ", "a\u{e9}", "aff" + "00",
        ])
    func refused(token: String) {
        let error = #expect(throws: CSIError.self) { try PageToken.decoded(token) }
        #expect(error?.code == .aborted)
        #expect(error?.message.contains("starting_token") == true)
    }
}
