/// The flags of a command line: `--name value` or `--name=value`.
struct CommandLineFlags: Sendable, Hashable {
    private var values: [String: String] = [:]

    /// What is no flag with a value.
    private(set) var stray: [String] = []

    /// Whether the caller wants the help.
    let wantsHelp: Bool

    /// - Parameter arguments: The command line without the program's name.
    init(_ arguments: [String]) {
        wantsHelp = arguments.contains("--help") || arguments.contains("-h")
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("--") else {
                stray.append(argument)
                continue
            }
            if let equals = argument.firstIndex(of: "=") {
                values[String(argument[..<equals])] = String(argument[argument.index(after: equals)...])
            } else if let value = rest.first, !value.hasPrefix("--") {
                values[argument] = value
                rest.removeFirst()
            } else {
                stray.append("\(argument) (without a value)")
            }
        }
    }

    /// The value of a flag; nil when it was not given.
    subscript(flag: String) -> String? { values[flag] }

    /// What was given and is none of these flags.
    func unknown(besides known: [String]) -> [String] {
        values.keys.filter { !known.contains($0) }.sorted() + stray
    }
}
