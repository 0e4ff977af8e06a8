/// Collects lines of Swift at their indentation.
struct SourceWriter {
    private(set) var text = ""
    private var depth = 0

    mutating func line(_ line: String = "") {
        if !line.isEmpty { text += String(repeating: "    ", count: depth) + line }
        text += "\n"
    }

    /// Writes `head {`, what `body` writes, and `}`.
    mutating func block<Failure: Error>(
        _ head: String, _ body: (inout SourceWriter) throws(Failure) -> Void
    ) throws(Failure) {
        line(head + " {")
        depth += 1
        try body(&self)
        depth -= 1
        line("}")
    }

    /// Writes lines one level deeper.
    mutating func indented(_ lines: [String]) {
        depth += 1
        for text in lines { line(text) }
        depth -= 1
    }

    mutating func documentation(_ lines: [String]) {
        for text in lines { line(text.isEmpty ? "///" : "/// " + text) }
    }
}
