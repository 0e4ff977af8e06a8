public import CSIHost
public import SystemPackage

/// One call that a driver made on a ``FakeHost``.
public struct HostEffect: Sendable, Hashable, CustomStringConvertible {
    /// The number of the call since the host was made or its record was cleared, from 0.
    public let index: Int

    /// What was asked for.
    public let operation: HostOperation

    /// The absolute path it was asked for; for a rename or a bind mount, the source.
    public let path: FilePath

    /// The second path of a rename or a bind mount, absolute.
    public let destination: FilePath?

    /// The operation and its paths, for example `rename /pool/a.partial -> /pool/a`.
    public var description: String {
        "\(operation.rawValue) \(path)" + (destination.map { " -> \($0)" } ?? "")
    }
}

/// Where in an effect a simulated crash happens.
public enum CrashMoment: Sendable, Hashable, CaseIterable {
    /// Nothing of the effect has happened.
    case before
    /// Part of it has: a durable write left its temporary file behind, a tree is half removed. Elsewhere as ``before``.
    case during
    /// All of it has, and the driver never heard of it.
    case after
}

/// What a simulated crash takes with it.
public enum CrashKind: Sendable, Hashable, CaseIterable {
    /// The process dies (kill -9): its locks and descriptors go, files and mounts stay.
    case process
    /// The machine dies: all bind mounts go, and everything that was not synced.
    case power
}
