extension ConformanceReport {
    /// The report for people: the rows by group, and a summary in the last line.
    ///
    /// - Parameter kinds: the sorts of rows to list; the summary counts all of them.
    public func text(including kinds: Set<OutcomeKind> = Set(OutcomeKind.allCases)) -> String {
        var lines: [String] = []
        var group: String?
        for result in results where kinds.contains(result.kind) {
            if result.group != group {
                group = result.group
                lines.append(result.group)
            }
            lines.append(result.description)
        }
        lines.append(summary)
        return lines.joined(separator: "\n")
    }

    /// One line: how many rows passed, failed and were skipped.
    public var summary: String {
        let name = driver.isEmpty ? "the driver" : driver.escapingControls
        return
            "\(name): \(passed.count) passed, \(failed.count) failed, \(skipped.count) skipped of \(results.count) rows"
            + " in \(Self.seconds(took)) s"
    }

    /// Seconds with three decimals.
    static func seconds(_ duration: Duration) -> String {
        let milliseconds = duration / .milliseconds(1)
        let whole = Int64(milliseconds.rounded())
        let fraction = String(whole % 1_000)
        return "\(whole / 1_000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
    }
}

extension String {
    /// The text with control characters written as escapes: what a driver sends must not move the cursor.
    var escapingControls: String {
        guard unicodeScalars.contains(where: { Self.isControl($0) }) else { return self }
        return unicodeScalars.map { Self.isControl($0) ? "\\u{\(String($0.value, radix: 16))}" : String($0) }.joined()
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
    }
}
