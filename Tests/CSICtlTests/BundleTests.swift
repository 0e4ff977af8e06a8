import Testing

@testable import csictl

@Suite("What leaves the machine in a support bundle")
struct BundleTests {
    @Test(
        "Secrets are taken out of texts, and the rest stays",
        arguments: [
            ("rw,password=hunter2,vers=4.1", "rw,password=<redacted>,vers=4.1"),
            ("//nas/share nfs user=me,pass=x y", "//nas/share nfs user=me,pass=<redacted> y"),
            ("attribute adminPassword two words", "attribute adminPassword <redacted>"),
            ("request parameters[\"apiKey\"] abc", "request parameters[\"apiKey\"] <redacted>"),
            ("request name pvc-1", "request name pvc-1"),
            ("  \"token\" : \"abc\",", "  \"token\" : \"<redacted>\","),
            ("secret: abc", "secret: <redacted>"),
            ("url nfs://user:pw@example.com/x", "url nfs://<redacted>@example.com/x"),
            ("keyring=/etc/keys data_key=abc", "keyring=/etc/keys data_key=<redacted>"),
            ("plain text = fine", "plain text = fine"), ("", ""), ("a\n\nb", "a\n\nb"),
        ])
    func redaction(text: String, expected: String) {
        #expect(Redaction.redacted(text) == expected)
        #expect(Redaction.redacted(expected) == expected)
    }

    @Test("The value that follows a flag is taken out, too")
    func flags() {
        #expect(
            Redaction.redacted(["--pool", "/p", "--auth-token", "abc", "--password=x", "--token", "--json"])
                == ["--pool", "/p", "--auth-token", "<redacted>", "--password=<redacted>", "--token", "--json"])
    }

    @Test("An archive is what tar reads", arguments: [0, 1, 511, 512, 513])
    func tar(size: Int) {
        var archive = TarArchive()
        archive.add("dir/file", [UInt8](repeating: 0x61, count: size), time: 1_700_000_000)
        let bytes = archive.finished
        #expect(bytes.count == 512 + (size + 511) / 512 * 512 + 1024)
        #expect(String(decoding: bytes[0..<8], as: UTF8.self) == "dir/file")
        #expect(String(decoding: bytes[257..<262], as: UTF8.self) == "ustar")
        #expect(Int(String(decoding: bytes[124..<135], as: UTF8.self), radix: 8) == size)
        var header = Array(bytes[0..<512])
        let sum = Int(String(decoding: header[148..<154], as: UTF8.self), radix: 8)
        header.replaceSubrange(148..<156, with: [UInt8](repeating: 0x20, count: 8))
        #expect(sum == header.reduce(0) { $0 + Int($1) })
        #expect(bytes[512..<512 + size].allSatisfy { $0 == 0x61 })
        #expect(bytes[(512 + size)...].allSatisfy { $0 == 0 })
    }
}

@Suite("How csictl shows figures")
struct FigureTests {
    @Test(
        "A bar is as long as the share",
        arguments: [
            (0, 4, "[----]", "0%"), (1, 4, "[#---]", "25%"), (4, 4, "[####]", "100%"), (9, 4, "[####]", "100%"),
        ])
    func bars(done: Int, all: Int, bar: String, share: String) {
        let line = ProgressBar.line("working", done, of: all, width: 4)
        #expect(line.contains(" \(bar) \(share) (\(done) of \(all))"))
        #expect(line.hasPrefix("\r") && line.hasSuffix("\u{1b}[K"))
    }

    @Test("There is no bar where nobody looks at a terminal")
    func hidden() {
        #expect(!ProgressBar(isWanted: false).isVisible)
    }

    @Test("Quantiles are values that occurred")
    func quantiles() {
        let times = (1...100).map { Duration.milliseconds($0) }
        #expect(Samples.quantile(0.5, of: times) == 50)
        #expect(Samples.quantile(0.99, of: times) == 99)
        #expect(Samples.quantile(1, of: times) == 100)
        #expect(Samples.quantile(0.5, of: [.microseconds(1500)]) == 1.5)
        #expect(Samples.quantile(0.5, of: []) == 0)
        #expect(Samples.text(12.3456) == "12.346")
        #expect(Samples.text(0.0004) == "0.000")
        #expect(Samples.text(2) == "2.000")
    }
}
