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
        let path = FilePath(text)
        guard path.isAbsolute else { throw .invalid(field, "must be an absolute path, and \"\(text)\" is relative") }
        guard !path.components.isEmpty else { throw .invalid(field, "must not be the root directory") }
        guard path.components.allSatisfy({ $0.kind != .parentDirectory }) else {
            throw .invalid(field, "must not contain \"..\"")
        }
        guard path.components.allSatisfy({ $0.string.utf8.count <= 255 }) else {
            throw .invalid(field, "has a component longer than 255 bytes")
        }
        filePath = FilePath(root: path.root, path.components.filter { $0.kind == .regular })
    }

    /// The path as text.
    public var description: String { filePath.string }
}
