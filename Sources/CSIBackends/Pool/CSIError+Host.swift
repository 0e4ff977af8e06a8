public import CSICore
public import CSIHost

extension CSIError {
    /// The answer that a failed effect on this machine calls for.
    ///
    /// No room is RESOURCE_EXHAUSTED, so that the scheduler looks elsewhere; what was ended by a request to delete it is CANCELLED; what may
    /// still be going on is DEADLINE_EXCEEDED, so that nobody gives the volume up; what an operator has to mend is FAILED_PRECONDITION;
    /// the rest is INTERNAL.
    public init(_ error: HostError) {
        switch error.kind {
        case .noSpace, .resourceLimit: self = .noSpace(error.description)
        case .cancelled: self = .cancelled(error.description)
        case .timedOut: self = .deadlineExceeded(error.description)
        case .busy, .lockHeld, .readOnlyFileSystem, .symbolicLink, .notEmpty, .wrongType, .stale, .noDevice,
            .damaged:
            self = .preconditionFailed(error.description)
        default: self = .fault(error.description)
        }
    }
}

/// Runs an effect and turns its error into the answer for the caller.
public func withHostErrors<Result>(
    _ effect: () async throws(HostError) -> Result
) async throws(CSIError) -> Result {
    do throws(HostError) {
        return try await effect()
    } catch {
        throw CSIError(error)
    }
}
