import CSITransport
import Testing

@Suite("Endpoints")
struct EndpointTests {
    @Test(arguments: [
        ("unix:///run/csi.sock", "/run/csi.sock"), ("unix:/run/csi.sock", "/run/csi.sock"),
        ("/run/csi.sock", "/run/csi.sock"), ("UNIX:///a.sock", "/a.sock"),
        ("/with:colon/a.sock", "/with:colon/a.sock"),
    ])
    func accepts(_ text: String, _ path: String) throws {
        #expect(try Endpoint(parsing: text).path == path)
    }

    @Test(arguments: [
        ("", EndpointError.empty), ("tcp://127.0.0.1:10000", .unsupportedScheme("tcp")),
        ("dns:host", .unsupportedScheme("dns")), ("run/csi.sock", .relative("run/csi.sock")),
        ("unix://run/csi.sock", .relative("run/csi.sock")), ("unix:run/csi.sock", .relative("run/csi.sock")),
        ("@abstract.sock", .abstract("@abstract.sock")), ("unix:@abstract.sock", .abstract("unix:@abstract.sock")),
        ("unix-abstract:a.sock", .abstract("unix-abstract:a.sock")), ("unix:///a\0b.sock", .containsNUL),
        ("unix://\0a.sock", .abstract("unix://\0a.sock")), ("/run/csi.socket", .missingSuffix("/run/csi.socket")),
    ])
    func refuses(_ text: String, _ expected: EndpointError) {
        #expect(throws: expected) { try Endpoint(parsing: text) }
    }

    @Test func namesTheLengthOfALongPath() {
        let longest = "/" + String(repeating: "x", count: 101) + ".sock"
        #expect(throws: Never.self) { try Endpoint(parsing: longest) }
        let path = "/" + String(repeating: "x", count: 102) + ".sock"
        let error = #expect(throws: EndpointError.self) { try Endpoint(parsing: path) }
        #expect(error == .tooLong(path, bytes: 108))
        #expect(error?.description.contains("108") == true)
        #expect(error?.description.contains("107") == true)
    }
}
