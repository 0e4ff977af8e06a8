public import CSIHost

/// One thing that a process needs of its machine, and how to find out whether it is there.
///
/// Those that many drivers need are static members, such as ``kernel(_:)`` and ``sharedMounts(below:)``. A driver's own is a
/// name, a need and a closure:
///
/// ```swift
/// PreflightCheck("disk.key", .awaited) { host in
///     await host.isThere("/etc/disk/key") ? .met("the key is there") : .unmet("there is no key", fix: "mount the secret")
/// }
/// ```
public struct PreflightCheck: Sendable {
    /// How much depends on it.
    public enum Need: String, Sendable, Hashable, CaseIterable {
        /// Nothing works without it, and it cannot come while the process runs: the process ends.
        case required
        /// Nothing works without it, and it may come: the driver is not ready until then, and looks again.
        case awaited
        /// Some calls fail without it: that is said, and the driver works.
        case recommended
    }

    /// What an inspection found.
    public enum Verdict: Sendable, Hashable {
        /// It is there; the text says what.
        case met(String)
        /// It is not there: what is wrong, and what to do about it.
        case unmet(String, fix: String)
    }

    /// A name that stays the same, for example `kernel.openat2`.
    public let name: String

    /// How much depends on it.
    public let need: Need

    private let look: @Sendable (any Host) async -> Verdict

    /// Creates a check.
    /// - Parameters:
    ///   - name: A name that stays the same: words in lower case, with dots between.
    ///   - need: How much depends on it.
    ///   - look: Finds out; it changes nothing, and does not hang.
    public init(_ name: String, _ need: Need, look: @escaping @Sendable (any Host) async -> Verdict) {
        self.name = name
        self.need = need
        self.look = look
    }

    /// The same check with another need.
    public func with(_ need: Need) -> PreflightCheck {
        PreflightCheck(name, need, look: look)
    }

    /// Looks at a machine.
    public func finding(on host: any Host) async -> PreflightFinding {
        switch await look(host) {
        case .met(let message): PreflightFinding(check: name, need: need, isMet: true, message: message, fix: nil)
        case .unmet(let message, let fix):
            PreflightFinding(check: name, need: need, isMet: false, message: message, fix: fix)
        }
    }
}
