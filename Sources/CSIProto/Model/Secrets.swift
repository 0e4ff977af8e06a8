/// A map of secrets, which nothing can print.
///
/// Values are reachable only through ``withValue(for:_:)``, so that every use of a secret is a place to point at.
public struct Secrets: Sendable, Hashable {
    @usableFromInline var pairs: ProtoMap<String, String>

    /// No secrets.
    @inlinable
    public init() {
        pairs = ProtoMap()
    }

    /// Takes over the pairs of `map`.
    public init(_ map: ProtoMap<String, String>) {
        pairs = map
    }

    /// The names of the secrets.
    public var keys: [String] { pairs.keys }

    /// Whether there are none.
    @inlinable
    public var isEmpty: Bool { pairs.isEmpty }

    /// The number of secrets.
    public var count: Int { pairs.count }

    /// The length of all names and values in bytes, for limits.
    public var totalBytes: Int { pairs.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count } }

    /// Calls `body` with the value of `key`; returns nil without calling it when there is none.
    public func withValue<Result, Failure: Error>(
        for key: String, _ body: (String) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        guard let value = pairs[key] else { return nil }
        return try body(value)
    }
}

extension Secrets: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Always `<redacted>`.
    public var description: String { "<redacted>" }

    /// Always `<redacted>`.
    public var debugDescription: String { "<redacted>" }

    /// A mirror without children, so that `dump` shows nothing either.
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
