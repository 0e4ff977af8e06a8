public import CSIProto

/// List the volumes, a page at a time.
public struct ListVolumes: ValidatedRequest {
    /// At most this many entries; nil for as many as fit in an answer.
    public let maximumEntries: Int?

    /// Begin after this entry; nil for the first page.
    ///
    /// Already decoded from the token.
    public let after: String?

    /// Checks a message.
    /// - Throws: INVALID_ARGUMENT for a negative `max_entries`, ABORTED for a token that this driver did not give out.
    public init(validating wire: CSIv1.ListVolumesRequest) throws(CSIError) {
        guard wire.maxEntries >= 0 else {
            throw .invalid("max_entries", "must not be negative, and is \(wire.maxEntries)")
        }
        maximumEntries = wire.maxEntries > 0 ? Int(wire.maxEntries) : nil
        after = wire.startingToken.isEmpty ? nil : try PageToken.decoded(wire.startingToken)
    }
}
