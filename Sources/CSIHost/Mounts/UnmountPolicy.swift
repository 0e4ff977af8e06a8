/// How long an unmount may take and what happens to a mount that does not let go.
public struct UnmountPolicy: Sendable, Hashable {
    /// What to do about a mount that cannot be removed in the ordinary way.
    public enum Escalation: Sendable, Hashable {
        /// Leave it as it is and report the error.
        case fail
        /// Take it, and what is mounted below it, out of the namespace now; the kernel frees it with its last user
        /// (MNT_DETACH).
        case detach
    }

    /// How long the ordinary unmount of the whole stack may take, busy retries included.
    public var deadline: Duration

    /// What to do about a mount that is still in use at the deadline.
    public var whenBusy: Escalation

    /// What to do about an unmount that has not returned at the deadline.
    public var whenHung: Escalation

    /// Whether a mount is unmounted by force (MNT_FORCE) before it is detached.
    ///
    /// Of a network file system that ends all requests that wait for the server with an error, also those of its other
    /// mounts: what programs have written and the server has not taken yet is lost.
    public var forces = false

    /// Creates a policy.
    public init(deadline: Duration, whenBusy: Escalation, whenHung: Escalation) {
        self.deadline = deadline
        self.whenBusy = whenBusy
        self.whenHung = whenHung
    }

    /// Waits up to the deadline and then reports `busy` or `timedOut`.
    public static func orderly(deadline: Duration = .seconds(10)) -> UnmountPolicy {
        UnmountPolicy(deadline: deadline, whenBusy: .fail, whenHung: .fail)
    }

    /// Waits up to the deadline and then detaches what is left.
    public static func detaching(after deadline: Duration = .seconds(10)) -> UnmountPolicy {
        UnmountPolicy(deadline: deadline, whenBusy: .detach, whenHung: .detach)
    }
}
