import CSITransport
import Testing

@testable import CSICore

@Suite("Absolute paths")
struct AbsolutePathTests {
    @Test(
        "Paths are normalised without touching the disk",
        arguments: [
            ("/a/b", "/a/b"), ("/a//b/", "/a/b"), ("/a/./b", "/a/b"), ("/with space/x", "/with space/x"),
            ("/a\tb\nc", "/a\tb\nc"),
        ])
    func accepted(text: String, expected: String) throws {
        #expect(try AbsolutePath(text, field: "target_path").description == expected)
    }

    @Test(
        "Anything that is not a plain absolute path names the field",
        arguments: [
            ("", "target_path is required"), ("relative/path", "must be an absolute path"), ("a", "absolute"),
            ("/", "root directory"), ("//", "root directory"), ("/a/../b", "\"..\""), ("/..", "\"..\""),
            ("/a\u{0}b", "control character"), ("/a\u{1b}b", "control character"),
            ("/" + String(repeating: "x", count: 256), "longer than 255"),
            ("/" + String(repeating: "x/", count: 2048), "the limit is 4095"),
        ])
    func refused(text: String, complaint: String) {
        let error = #expect(throws: CSIError.self) { try AbsolutePath(text, field: "target_path") }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("target_path") == true)
        #expect(error?.message.contains(complaint) == true)
    }
}
