import Testing

@testable import CSITransport

@Suite("Encodings of gRPC")
struct CodingTests {
    private func wire<Result>(_ text: String, _ body: (WireText) -> Result) -> Result {
        Array(text.utf8).withUnsafeBufferPointer(body)
    }

    @Test(arguments: [
        ("1n", UInt64(1)), ("5u", 5_000), ("20m", 20_000_000), ("3S", 3_000_000_000), ("2M", 120_000_000_000),
        ("1H", 3_600_000_000_000), ("0S", 0), ("00000001S", 1_000_000_000), ("99999999H", UInt64(Int64.max)),
    ])
    func parsesTimeouts(_ text: String, _ nanoseconds: UInt64) {
        #expect(wire(text) { GRPCTimeout.parse($0) } == nanoseconds)
    }

    @Test(arguments: ["", "S", "1", "1s", "1h", "-1S", "+1S", " 1S", "1 S", "123456789S", "1.5S", "0x1S", "\u{661}S"])
    func refusesTimeouts(_ text: String) {
        #expect(wire(text) { GRPCTimeout.parse($0) } == nil)
    }

    @Test(arguments: [
        (UInt64(0), "0n"), (1, "1n"), (99_999_999, "99999999n"), (100_000_000, "100000u"), (1_500_000_001, "1500001u"),
        (86_400_000_000_000, "86400000m"), (UInt64(Int64.max), "2562048H"),
    ])
    func formatsTimeouts(_ nanoseconds: UInt64, _ text: String) {
        #expect(GRPCTimeout.format(nanoseconds) == text)
        let parsed = wire(text) { GRPCTimeout.parse($0) }
        #expect(parsed.map { $0 >= nanoseconds } == true)
    }

    @Test(arguments: [
        ("", ""), ("plain text", "plain text"), ("100%", "100%25"), ("a\nb\u{0}", "a%0Ab%00"),
        ("\u{FC}\u{1F600}", "%C3%BC%F0%9F%98%80"), ("~\u{7F}", "~%7F"),
    ])
    func percentEncodes(_ text: String, _ encoded: String) {
        var bytes: [UInt8] = []
        PercentEncoding.append(text, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == encoded)
        #expect(wire(encoded) { PercentEncoding.decode($0) } == text)
    }

    @Test(arguments: [
        ("%", "%"), ("%4", "%4"), ("%zz", "%zz"), ("%41%", "A%"), ("%c3%bc", "\u{FC}"), ("%ff", "\u{FFFD}"),
    ])
    func percentDecodesWhatIsNotRight(_ encoded: String, _ text: String) {
        #expect(wire(encoded) { PercentEncoding.decode($0) } == text)
    }

    @Test func base64GoesBothWays() {
        for count in 0..<70 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 37 + count) }
            var encoded: [UInt8] = []
            Base64.append(bytes, to: &encoded)
            #expect(encoded.withUnsafeBufferPointer { Base64.decode($0[...]) } == bytes)
            while encoded.count % 4 != 0 { encoded.append(UInt8(ascii: "=")) }
            #expect(encoded.withUnsafeBufferPointer { Base64.decode($0[...]) } == bytes)
        }
    }

    @Test(arguments: ["A", "AAAAA", "A===", "AA=", "AAA==", "AA A", "AA-_", "===="])
    func refusesBase64(_ text: String) {
        #expect(wire(text) { Base64.decode($0[...]) } == nil)
    }

    @Test func metadataKeepsWhatGRPCAllows() {
        var metadata: Metadata = ["Key": "value", "bytes-bin": .binary([1, 2])]
        #expect(metadata["key"] == "value")
        #expect(metadata["KEY"] == "value")
        #expect(metadata.binaryValues(for: "bytes-bin") == [[1, 2]])
        for name in ["grpc-status", ":path", "te", "content-type", "", "sp ace", "new\nline", "x-bin"] {
            metadata.add("value", for: name)
        }
        metadata.add("control\u{1}", for: "key")
        metadata.add("\u{FC}", for: "key")
        metadata.addBinary([1], for: "key")
        #expect(metadata.count == 2)
        let isAdded = metadata.add("second", for: "key")
        #expect(isAdded)
        #expect(metadata.textValues(for: "key") == ["value", "second"])
    }

    @Test func codesHaveNames() {
        #expect(RPCCode.internalError.name == "INTERNAL")
        #expect(RPCCode.unauthenticated.name == "UNAUTHENTICATED")
        #expect(RPCCode(rawValue: 99).name == "CODE_99")
        #expect(RPCCode(rawValue: -1).name == "CODE_-1")
    }

    @Test func routesAreFoundByTheirBytes() {
        let paths = (0..<200).map { "/service.\($0 % 7)/Method\($0)" }
        let table = RouteTable(paths.map { Route(path: $0, shape: Route.Shape()) { _ in } })
        for path in paths { #expect(wire(path) { table.route(for: $0) }?.path == path) }
        for path in ["", "/", "/service.0/Method", "/service.0/Method0 "] {
            #expect(wire(path) { table.route(for: $0) } == nil)
        }
        #expect(wire("/x") { RouteTable([]).route(for: $0) } == nil)
    }
}
