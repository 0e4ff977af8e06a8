public import SystemPackage

/// An absolute path of this machine: no `..` component, no banned control character, at most 4,095 bytes.
///
/// Being well formed says nothing of what is there: links are dealt with when the path is opened.
public struct AbsolutePath: Sendable, Hashable, CustomStringConvertible {
    /// The path with repeated and trailing separators removed.
    public let filePath: FilePath

    /// Checks a path.
    /// - Throws: INVALID_ARGUMENT naming `field` when the path is empty, relative, too long, the root itself, or has
    ///   `..` components or banned control characters.
    public init(_ text: String, field: String) throws(CSIError) {
        let text = try WireText.required(text, field, limit: WireText.pathLimit)
        guard text.utf8.first == UInt8(ascii: "/") else {
            throw .invalid(field, "must be an absolute path, and \"\(text)\" is relative")
        }
        // One pass over the bytes: taking a path apart with FilePath allocates for each component.
        var isPlain = true
        var depth = 0
        for name in text.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard !name.elementsEqual("..".utf8) else { throw .invalid(field, "must not contain \"..\"") }
            guard name.count <= 255 else { throw .invalid(field, "has a component longer than 255 bytes") }
            if name.isEmpty || name.elementsEqual(".".utf8) { isPlain = false } else { depth += 1 }
        }
        guard depth > 0 else { throw .invalid(field, "must not be the root directory") }
        let path = FilePath(text)
        filePath = isPlain ? path : FilePath(root: path.root, path.components.filter { $0.kind == .regular })
    }

    /// The path as text.
    public var description: String { filePath.string }
}
