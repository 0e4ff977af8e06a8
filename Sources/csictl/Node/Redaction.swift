/// Takes out of texts what could be a secret, before they leave the machine.
enum Redaction {
    static let mark = "<redacted>"

    /// Parts of names whose values nobody else shall see.
    private static let names = [
        "pass", "secret", "token", "credential", "apikey", "api_key", "api-key", "privatekey", "auth",
    ]

    /// Whether the value of this name is left out.
    static func hides(_ name: some StringProtocol) -> Bool {
        let name = name.lowercased()
        return names.contains { name.contains($0) } || name == "key" || name.hasSuffix("_key") || name.hasSuffix("-key")
    }

    /// The text with the values of such names replaced: `name=value` and `name: value` in options and flags, the value of a
    /// flag that follows it, and the user part of a URL.
    static func redacted(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line(String($0)) }.joined(separator: "\n")
    }

    /// A command line with the values of such flags replaced.
    static func redacted(_ arguments: [String]) -> [String] {
        var hidesNext = false
        return arguments.map { argument in
            defer { hidesNext = argument.hasPrefix("-") && !argument.contains("=") && hides(argument) }
            return hidesNext && !argument.hasPrefix("-") ? mark : line(argument)
        }
    }

    private static let separators: Set<Character> = [",", " ", "\t", ";", "&", "\"", "'", "{", "}"]

    private static func line(_ line: String) -> String {
        // A record's `request NAME VALUE` and `attribute NAME VALUE`: the value is the rest of the line.
        let words = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        if words.count == 3, words[0] == "request" || words[0] == "attribute", hides(words[1]) {
            return "\(words[0]) \(words[1]) \(mark)"
        }
        var output = ""
        var rest = line[...]
        while !rest.isEmpty {
            let token = rest.prefix { !separators.contains($0) }
            output += redactedToken(token, following: output)
            rest = rest.dropFirst(token.count)
            if let separator = rest.popFirst() { output.append(separator) }
        }
        return output
    }

    private static func redactedToken(_ token: Substring, following before: String) -> String {
        if let equals = token.firstIndex(of: "="), hides(token[..<equals]) {
            return String(token[...equals]) + mark
        }
        if let at = token.lastIndex(of: "@"), let scheme = token.firstRange(of: "://"), scheme.upperBound < at {
            return String(token[..<scheme.upperBound]) + mark + String(token[at...])
        }
        // `name: value`, and in JSON `"name": "value"`.
        let name = before.reversed().drop { $0 == " " || $0 == "\"" || $0 == "\t" }
        if name.first == ":", !token.isEmpty {
            let word = name.dropFirst().drop { $0 == "\"" || $0 == " " }.prefix { !separators.contains($0) }
            if hides(String(word.reversed())) { return mark }
        }
        return String(token)
    }
}
