/// What becomes of a volume's directory when the volume is deleted: the parameter `onDelete`.
public enum DeletePolicy: String, Sendable, Hashable, CaseIterable {
    /// It is removed with all that is in it.
    case delete
    /// It stays where it is.
    case retain
    /// It is renamed to `archived-` and its name.
    case archive

    /// The policy of this name in whatever case; nil when there is none.
    init?(name: String) {
        guard let policy = Self.allCases.first(where: { $0.rawValue == name.lowercased() }) else { return nil }
        self = policy
    }
}
