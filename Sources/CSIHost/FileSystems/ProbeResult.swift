/// What is on a device.
public enum ProbeResult: Sendable, Hashable, CustomStringConvertible {
    /// Nothing: every known place of a signature was read, and so were the first and the last MiB, which are all zeroes.
    case blank

    /// One thing, recognised beyond doubt.
    case content(DeviceContent)

    /// Something, and this says what is unclear: bytes that nobody recognises, several signatures, a damaged superblock,
    /// two probes that disagree. Never format, never mount.
    case ambiguous(String)

    /// Whether nothing is there.
    public var isBlank: Bool { self == .blank }

    /// What was recognised; nil when that is nothing, or unclear.
    public var content: DeviceContent? {
        if case .content(let content) = self { content } else { nil }
    }

    /// For example `blank`, `xfs (uuid ...)`, or `unclear: ...`.
    public var description: String {
        switch self {
        case .blank: "blank"
        case .content(let content): "\(content)"
        case .ambiguous(let reason): "unclear: \(reason)"
        }
    }
}
