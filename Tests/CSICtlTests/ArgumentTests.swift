import ArgumentParser
import CSICore
import CSIProto
import Testing

@testable import csictl

@Suite("csictl arguments")
struct ArgumentTests {
    @Test(
        "Sizes",
        arguments: [
            ("0", 0), ("4096", 4096), ("1k", 1000), ("1Ki", 1024), ("10Mi", 10 << 20), ("1Gi", 1 << 30),
            ("2G", 2_000_000_000),
            ("1Ti", 1 << 40), ("7Pi", 7 << 50),
        ] as [(String, Int64)])
    func sizes(text: String, bytes: Int64) {
        #expect(ByteSize(argument: text)?.bytes == bytes)
    }

    @Test(
        "Not sizes",
        arguments: ["", "Gi", "-1", "1.5Gi", "1gi", "1GiB", "9223372036854775808", "9000Pi", "1 Gi", "\u{0661}"])
    func notSizes(text: String) {
        #expect(ByteSize(argument: text) == nil)
    }

    @Test(
        "Sizes as people read them",
        arguments: [
            (0, "0"), (1023, "1023"), (1024, "1Ki"), (1536, "1.5Ki"), (1 << 30, "1Gi"), (Int64.max, "8191.9Pi"),
            (-5, "-5"),
        ] as [(Int64, String)])
    func descriptions(bytes: Int64, text: String) {
        #expect(ByteSize(bytes: bytes).description == text)
    }

    @Test(
        "Times of snapshots", arguments: [(1, "1970-01-01T00:00:01Z"), (1_700_000_000, "2023-11-14T22:13:20Z")])
    func times(seconds: Int64, text: String) {
        #expect(SnapshotState.text(Timestamp(seconds: seconds, nanoseconds: 999_999_999)) == text)
    }

    @Test("Pairs", arguments: [("a=b", "a", "b"), ("a=", "a", ""), ("a=b=c", "a", "b=c")])
    func pairs(text: String, key: String, value: String) {
        #expect(KeyValue(argument: text)?.key == key)
        #expect(KeyValue(argument: text)?.value == value)
    }

    @Test("Access modes are taken in both spellings", arguments: ["single-node-writer", "SINGLE_NODE_WRITER"])
    func modes(text: String) throws {
        let options = try CapabilityOptions.parse(["--access-mode", text])
        #expect(options.capability.accessMode?.mode == .singleNodeWriter)
    }

    @Test(
        "Wrong usage is refused by the parser",
        arguments: [
            ["create-volume"], ["create-volume", "v", "--capacity", "big"],
            ["create-volume", "v", "--parameter", "novalue"],
            ["create-volume", "v", "--access-mode", "everybody"],
            ["create-volume", "v", "--block", "--fs-type", "ext4"],
            ["node", "publish", "v"], ["unknown"], ["info", "--timeout", "0"],
        ])
    func usage(arguments: [String]) {
        let error = #expect(throws: (any Error).self) { try CsictlCommand.parseAsRoot(arguments) }
        #expect(error.map { CsictlCommand.exitCode(for: $0) == .validationFailure } == true)
    }
}
