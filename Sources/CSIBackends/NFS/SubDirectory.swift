import SystemPackage

/// The directory of a volume below its share: one or more names, none of which leads elsewhere.
struct SubDirectory: Sendable, Hashable, CustomStringConvertible {
    /// Why a text is no such directory, to follow the name of what was given.
    struct Refusal: Error, Hashable {
        let reason: String
    }

    /// The longest name of a file.
    private static let longestName = 255

    /// The path, relative to the share.
    let path: FilePath

    /// The names.
    let names: [String]

    /// Checks a path; slashes at its ends do not matter.
    init(_ text: String) throws(Refusal) {
        let trimmed = text.trimmingSlashes
        guard !trimmed.isEmpty else { throw Refusal(reason: "is empty") }
        guard trimmed.utf8.count <= 1024 else { throw Refusal(reason: "is longer than 1024 bytes") }
        if let scalar = trimmed.unicodeScalars.first(where: { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }) {
            throw Refusal(reason: "contains the control character 0x\(String(scalar.value, radix: 16))")
        }
        guard !trimmed.contains("#") else {
            throw Refusal(reason: "contains \"#\", which separates the parts of a volume's handle: \"\(text)\"")
        }
        let names = trimmed.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        for name in names {
            guard !name.isEmpty, name != ".", name != ".." else {
                throw Refusal(reason: "must not contain \"\(name)\" as a name: \"\(text)\"")
            }
            guard name.utf8.count <= Self.longestName else {
                throw Refusal(reason: "has a name longer than \(Self.longestName) bytes")
            }
        }
        guard names.first != ShareLayout.ownName else {
            throw Refusal(reason: "begins with \"\(ShareLayout.ownName)\", where the driver keeps its own files")
        }
        self.names = names
        path = FilePath(names.joined(separator: "/"))
    }

    private init(names: [String]) {
        self.names = names
        path = FilePath(names.joined(separator: "/"))
    }

    /// The directories above it, the outermost first.
    var parents: [SubDirectory] {
        names.indices.dropFirst().map { SubDirectory(names: Array(names[..<$0])) }
    }

    /// The path as text.
    var description: String { names.joined(separator: "/") }
}

extension String {
    /// Without slashes at its ends.
    var trimmingSlashes: String {
        var rest = self[...]
        while rest.first == "/" { rest.removeFirst() }
        while rest.last == "/" { rest.removeLast() }
        return String(rest)
    }
}
