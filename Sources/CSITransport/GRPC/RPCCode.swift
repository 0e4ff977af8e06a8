/// A status code of gRPC.
///
/// A struct, so that a number from a peer that is not in the list keeps its value.
public struct RPCCode: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    /// The number on the wire.
    public let rawValue: Int

    /// The code with this number.
    public init(rawValue: Int) {
        self.rawValue = rawValue
    }

    /// The call succeeded.
    public static let ok = RPCCode(rawValue: 0)
    /// The call was cancelled, usually by its caller.
    public static let cancelled = RPCCode(rawValue: 1)
    /// An error that carries no better code.
    public static let unknown = RPCCode(rawValue: 2)
    /// The request is wrong, whatever the state of the system.
    public static let invalidArgument = RPCCode(rawValue: 3)
    /// The deadline passed first; the work may have been done all the same.
    public static let deadlineExceeded = RPCCode(rawValue: 4)
    /// What the request names does not exist.
    public static let notFound = RPCCode(rawValue: 5)
    /// What should be created exists already.
    public static let alreadyExists = RPCCode(rawValue: 6)
    /// The caller may not do this.
    public static let permissionDenied = RPCCode(rawValue: 7)
    /// Something ran out: space, quota, memory, a limit.
    public static let resourceExhausted = RPCCode(rawValue: 8)
    /// The system is not in a state in which this can be done.
    public static let failedPrecondition = RPCCode(rawValue: 9)
    /// Another operation was in the way; the caller may try again.
    public static let aborted = RPCCode(rawValue: 10)
    /// A value is past the valid range.
    public static let outOfRange = RPCCode(rawValue: 11)
    /// The method or feature is not served here.
    public static let unimplemented = RPCCode(rawValue: 12)
    /// An invariant of the server is broken.
    public static let internalError = RPCCode(rawValue: 13)
    /// The service cannot be reached now; the caller may try again.
    public static let unavailable = RPCCode(rawValue: 14)
    /// Data was lost or is corrupt.
    public static let dataLoss = RPCCode(rawValue: 15)
    /// The caller did not prove who it is.
    public static let unauthenticated = RPCCode(rawValue: 16)

    private static let names: [String] = [
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
        "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
        "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
    ]

    /// The name as the gRPC documents write it, for example `INVALID_ARGUMENT`.
    public var name: String {
        RPCCode.names.indices.contains(rawValue) ? RPCCode.names[rawValue] : "CODE_\(rawValue)"
    }

    /// The name.
    public var description: String { name }
}
