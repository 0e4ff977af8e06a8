import CSITransport
import Testing

@testable import CSICore

@Suite("Plugin info")
struct PluginInfoTests {
    @Test("Names in domain form", arguments: ["hostpath.swift-csi.dev", "ab", "a", "A.b_c-d"])
    func accepted(name: String) throws {
        #expect(try PluginInfo(name: name, version: "1").name == name)
    }

    @Test(
        "Other names are refused",
        arguments: [
            "", "1a", "a1", ".a", "a.", "a b", "a/b", "a\u{e9}z", "a" + String(repeating: "b", count: 63),
        ])
    func refused(name: String) {
        let error = #expect(throws: CSIError.self) { try PluginInfo(name: name, version: "1") }
        #expect(error?.code == .invalidArgument)
    }
}
