public import CSIProto

/// How much room a caller wants, in bytes: at least `required`, at most `limit`.
///
/// At least one bound is set, both are positive, and `required` is not above `limit`.
public struct CapacityRange: Sendable, Hashable, CustomStringConvertible {
    /// The smallest acceptable size in bytes.
    public let required: Int64?

    /// The largest acceptable size in bytes.
    public let limit: Int64?

    /// Checks a range from the wire, where 0 means unset.
    /// - Throws: INVALID_ARGUMENT naming the field when a bound is negative, both are 0, or they are inverted.
    public init(validating wire: CSIv1.CapacityRange, field: String = "capacity_range") throws(CSIError) {
        guard wire.requiredBytes >= 0 else {
            throw .invalid("\(field).required_bytes", "must not be negative, and is \(wire.requiredBytes)")
        }
        guard wire.limitBytes >= 0 else {
            throw .invalid("\(field).limit_bytes", "must not be negative, and is \(wire.limitBytes)")
        }
        guard wire.requiredBytes > 0 || wire.limitBytes > 0 else {
            throw .invalid(field, "must set required_bytes or limit_bytes")
        }
        guard wire.limitBytes == 0 || wire.requiredBytes <= wire.limitBytes else {
            throw .invalid(
                field, "has required_bytes \(wire.requiredBytes) above limit_bytes \(wire.limitBytes)")
        }
        required = wire.requiredBytes > 0 ? wire.requiredBytes : nil
        limit = wire.limitBytes > 0 ? wire.limitBytes : nil
    }

    /// Whether a volume of `size` bytes is what the caller asked for.
    public func contains(_ size: Int64) -> Bool {
        size >= (required ?? 0) && size <= (limit ?? .max)
    }

    /// The size to make, in bytes: `required`, or the smaller of `fallback` and `limit` when nothing is required,
    /// rounded up to a multiple of `granularity`.
    /// - Throws: OUT_OF_RANGE when no multiple of `granularity` lies within the range.
    public func size(fallback: Int64, granularity: Int64 = 1) throws(CSIError) -> Int64 {
        let wanted = required ?? min(fallback, limit ?? fallback)
        let unit = max(granularity, 1)
        let excess = wanted % unit
        let (rounded, overflow) = excess == 0 ? (wanted, false) : wanted.addingReportingOverflow(unit - excess)
        if !overflow, contains(rounded) { return rounded }
        // With only a limit set, the largest whole multiple below it will do.
        if required == nil, let limit, limit >= unit { return limit - limit % unit }
        throw .impossibleCapacity("no multiple of \(unit) bytes lies within \(self)")
    }

    /// For messages, for example `at least 1048576 bytes`.
    public var description: String {
        switch (required, limit) {
        case (let required?, let limit?): "\(required) to \(limit) bytes"
        case (let required?, nil): "at least \(required) bytes"
        case (nil, let limit?): "at most \(limit) bytes"
        case (nil, nil): "any size"
        }
    }
}
