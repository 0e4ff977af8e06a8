import Logging
import Testing

@testable import CSICore

@Suite("Log lines")
struct LogLineTests {
    private func line(_ format: LogFormat, _ message: String, _ pairs: [(String, String)]) -> String {
        var line = LogLine(format: format)
        line.begin(level: .info, message: message)
        for (key, value) in pairs { line.add(key, value) }
        line.end()
        return String(decoding: line.bytes, as: UTF8.self)
    }

    @Test("Text quotes what would be ambiguous")
    func text() {
        let line = line(.text, "call", [("method", "Probe"), ("error", "no such \"thing\""), ("empty", "")])
        #expect(line.hasSuffix("Z info call method=Probe error=\"no such \\\"thing\\\"\" empty=\"\"\n"))
        #expect(line.utf8.count(where: { $0 == 0x0A }) == 1)
    }

    @Test("JSON is one object on one line")
    func json() {
        let line = line(.json, "a\"b\\c", [("k\n", "v\u{1}\u{7f}\t\r")])
        #expect(line.hasPrefix("{\"time\":\"20"))
        #expect(line.hasSuffix("\"level\":\"info\",\"msg\":\"a\\\"b\\\\c\",\"k\\n\":\"v\\u0001\\u007f\\t\\r\"}\n"))
    }

    @Test("A caller cannot forge a line", arguments: LogFormat.allCases)
    func forging(format: LogFormat) {
        let line = line(format, "call", [("subject", "x\n2026-01-01T00:00:00.000Z error forged")])
        #expect(line.utf8.count(where: { $0 == 0x0A }) == 1)
    }
}
