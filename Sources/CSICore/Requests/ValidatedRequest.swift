public import CSIProto

/// A request whose every value has been checked; handlers receive nothing else.
///
/// The only way from the wire is ``init(validating:)``. Two equal requests of the same type that run at the same time
/// share one run and one answer.
public protocol ValidatedRequest: Sendable, Hashable {
    /// The message on the wire.
    associatedtype Wire: ProtoMessage

    /// Checks a message.
    /// - Throws: INVALID_ARGUMENT naming the first field that cannot be used.
    init(validating wire: Wire) throws(CSIError)

    /// What the operation holds alone while it runs; empty for an operation that changes nothing.
    var keys: [OperationKey] { get }

    /// What must stay as it is while the operation runs; others may hold it in the same way.
    var sharedKeys: [OperationKey] { get }

    /// What the operation ends where it is being made: a request to delete cancels the work of the request to create.
    var endedKey: OperationKey? { get }

    /// Whether the work may be cancelled because what it makes is not wanted any more.
    var isMaking: Bool { get }

    /// The id, name or path that the request is about, for the log line; nil when there is none.
    var subject: String? { get }
}

extension ValidatedRequest {
    /// Nothing is held.
    public var keys: [OperationKey] { [] }

    /// Nothing is shared.
    public var sharedKeys: [OperationKey] { [] }

    /// Nothing is ended.
    public var endedKey: OperationKey? { nil }

    /// Nothing is made.
    public var isMaking: Bool { false }

    /// No subject.
    public var subject: String? { nil }
}

extension Secrets {
    /// Checks the size; the values are nobody's business here.
    static func validated(_ wire: Secrets) throws(CSIError) -> Secrets {
        guard wire.totalBytes <= WireText.mapLimit else {
            throw .invalid("secrets", "is \(wire.totalBytes) bytes in total, the limit is \(WireText.mapLimit)")
        }
        return wire
    }
}
