import CSITransport

extension RPCCode {
    /// The name as the CSI sidecars label their metrics, for example `InvalidArgument`, so that one query covers both.
    var metricName: String {
        Self.metricNames.indices.contains(rawValue) ? Self.metricNames[rawValue] : "Unknown"
    }

    /// How many names there are.
    static var metricNameCount: Int { metricNames.count }

    /// By number, as gRPC for Go writes them.
    private static let metricNames = [
        "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists",
        "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented",
        "Internal", "Unavailable", "DataLoss", "Unauthenticated",
    ]
}
