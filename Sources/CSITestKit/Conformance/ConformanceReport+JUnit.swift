extension ConformanceReport {
    /// The report as JUnit XML, one test suite for each group.
    public var junit: String {
        var lines = ["<?xml version=\"1.0\" encoding=\"UTF-8\"?>"]
        lines.append(
            "<testsuites name=\"\(Self.escape("CSI conformance of \(driver) \(version)"))\" \(Self.counts(results))>")
        var groups: [String] = []
        for result in results where !groups.contains(result.group) { groups.append(result.group) }
        for group in groups {
            let members = results.filter { $0.group == group }
            lines.append("  <testsuite name=\"\(Self.escape(group))\" \(Self.counts(members))>")
            for member in members { lines += Self.lines(of: member) }
            lines.append("  </testsuite>")
        }
        lines.append("</testsuites>")
        return lines.joined(separator: "\n") + "\n"
    }

    private static func counts(_ results: [Result]) -> String {
        let failures = results.count { $0.kind == .failed }
        let skipped = results.count { $0.kind == .skipped }
        let took = results.reduce(Duration.zero) { $0 + $1.took }
        return "tests=\"\(results.count)\" failures=\"\(failures)\" skipped=\"\(skipped)\" time=\"\(seconds(took))\""
    }

    private static func lines(of result: Result) -> [String] {
        let name = escape("\(result.title) [\(result.origin)]")
        let head = "    <testcase classname=\"\(escape(result.id))\" name=\"\(name)\" time=\"\(seconds(result.took))\""
        switch result.outcome {
        case .passed: return [head + "/>"]
        case .skipped(let reason):
            return [head + ">", "      <skipped message=\"\(escape(reason))\"/>", "    </testcase>"]
        case .failed(let findings):
            let failures = findings.map { "      <failure message=\"\(escape($0.description))\"/>" }
            return [head + ">"] + failures + ["    </testcase>"]
        }
    }

    /// Text for an attribute; what XML cannot hold is written as an escape.
    private static func escape(_ text: String) -> String {
        var out = ""
        for scalar in text.escapingControls.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "\u{FFFE}", "\u{FFFF}": out += "\\u{\(String(scalar.value, radix: 16))}"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}
