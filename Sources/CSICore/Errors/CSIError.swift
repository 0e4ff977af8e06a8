public import CSITransport

/// Why an operation failed, said by intent; the gRPC code follows from the intent.
///
/// Handlers can throw nothing else, so a caller never sees `UNKNOWN`, a nested status text or a secret. The code
/// decides what the sidecars do next: CANCELED, DEADLINE_EXCEEDED, UNAVAILABLE and ABORTED say "work may still be
/// going on", RESOURCE_EXHAUSTED says "try elsewhere or later", everything else is final. Never report a final code
/// while work continues.
///
/// ```swift
/// guard let volume = try await pool.volume(id) else { throw .notFound(.volume(id)) }
/// ```
public struct CSIError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The gRPC status code that the caller receives.
    public let code: RPCCode

    /// One line for the caller that names the thing and, where there is one, the fix; never empty.
    public let message: String

    init(_ code: RPCCode, _ message: String) {
        self.code = code
        self.message = message.isEmpty ? code.name : message
    }

    /// The code's name and the message.
    public var description: String { "\(code.name): \(message)" }
}

extension CSIError {
    /// A required field is absent or empty: INVALID_ARGUMENT.
    public static func missing(_ field: String) -> CSIError {
        CSIError(.invalidArgument, "\(field) is required")
    }

    /// A field's value cannot be used: INVALID_ARGUMENT.
    ///
    /// `reason` completes the sentence that begins with the field's name.
    public static func invalid(_ field: String, _ reason: String) -> CSIError {
        CSIError(.invalidArgument, "\(field) \(reason)")
    }

    /// A thing does not exist: NOT_FOUND.
    public static func notFound(_ resource: Resource, _ detail: String? = nil) -> CSIError {
        CSIError(.notFound, "\(resource) not found" + suffix(detail))
    }

    /// The thing exists but `field` differs from what was asked for: ALREADY_EXISTS.
    public static func alreadyExists(
        _ resource: Resource, differingIn field: String, existing: String, requested: String
    ) -> CSIError {
        CSIError(
            .alreadyExists,
            "\(resource) already exists with another \(field): \(existing), and \(requested) was asked for")
    }

    /// Whether callers take it for the last word: that nothing is under way any more, and nothing was left behind.
    ///
    /// The kubelet and the sidecars do so of all codes but these.
    package var isFinal: Bool {
        switch code {
        case .cancelled, .deadlineExceeded, .resourceExhausted, .aborted, .unavailable: false
        default: true
        }
    }

    /// Another operation holds the thing: ABORTED, the caller retries.
    public static func pending(_ operation: String, on key: OperationKey, age: Duration) -> CSIError {
        CSIError(.aborted, "\(operation) on \(key) has been running for \(age.inSeconds); retry when it has ended")
    }

    /// Another process works on the thing: ABORTED, the caller retries.
    public static func pendingElsewhere(_ detail: String) -> CSIError { CSIError(.aborted, detail) }

    /// A `starting_token` was not given out by this driver: ABORTED, the caller starts listing anew.
    public static func badStartingToken() -> CSIError {
        CSIError(.aborted, "starting_token is not one that this driver returned; list again without a token")
    }

    /// There is no room here now, there may be elsewhere or later: RESOURCE_EXHAUSTED.
    public static func noSpace(_ detail: String) -> CSIError { CSIError(.resourceExhausted, detail) }

    /// What is asked for can be had on another node only: RESOURCE_EXHAUSTED, so that the scheduler tries another one.
    public static func notOnThisNode(_ detail: String) -> CSIError { CSIError(.resourceExhausted, detail) }

    /// The capacity asked for can never be provided: OUT_OF_RANGE.
    public static func impossibleCapacity(_ detail: String) -> CSIError { CSIError(.outOfRange, detail) }

    /// The thing is in use: FAILED_PRECONDITION, the caller undoes the use first.
    public static func inUse(_ resource: Resource, by user: String) -> CSIError {
        CSIError(.failedPrecondition, "\(resource) is in use: \(user)")
    }

    /// The call is right, but the state of the volume or the node does not allow it yet: FAILED_PRECONDITION.
    public static func preconditionFailed(_ detail: String) -> CSIError { CSIError(.failedPrecondition, detail) }

    /// The storage system does not accept who the driver says it is: UNAUTHENTICATED, somebody exchanges the credentials.
    public static func unauthenticated(_ detail: String) -> CSIError { CSIError(.unauthenticated, detail) }

    /// The driver is starting or stopping: UNAVAILABLE, the caller retries.
    public static func unavailable(_ detail: String) -> CSIError { CSIError(.unavailable, detail) }

    /// The caller gave up waiting while the work goes on: DEADLINE_EXCEEDED.
    public static func deadlineExceeded(_ detail: String) -> CSIError { CSIError(.deadlineExceeded, detail) }

    /// The caller cancelled the call while the work goes on: CANCELLED.
    public static func cancelled(_ detail: String) -> CSIError { CSIError(.cancelled, detail) }

    /// The driver does not implement this: UNIMPLEMENTED.
    public static func unimplemented(_ detail: String) -> CSIError { CSIError(.unimplemented, detail) }

    /// A fault of the driver or the machine: INTERNAL.
    ///
    /// It is final to every sidecar, so nothing may still be running.
    public static func fault(_ detail: String) -> CSIError { CSIError(.internalError, detail) }

    /// Whether the caller is told that the work may go on, or can end well later: it tries again and gives nothing up.
    package var mayStillRun: Bool {
        switch code {
        case .deadlineExceeded, .aborted, .unavailable, .cancelled: true
        default: false
        }
    }

    private static func suffix(_ detail: String?) -> String { detail.map { ": \($0)" } ?? "" }
}

extension Duration {
    /// For messages: seconds with one decimal, for example `12.3 s`.
    var inSeconds: String {
        let tenths = components.seconds * 10 + components.attoseconds / 100_000_000_000_000_000
        return "\(tenths / 10).\(tenths % 10) s"
    }
}
