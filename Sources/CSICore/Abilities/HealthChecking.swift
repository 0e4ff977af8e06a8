/// A driver that can fail while it runs, and says so to `Probe`.
///
/// A driver that does not conform is well from the end of its start on, and `Probe` is answered without asking it.
public protocol HealthChecking: CSIDriver {
    /// Whether the driver can work now; called for each `Probe` after ``CSIDriver/start()`` has ended.
    ///
    /// Runs on the thread that serves connections until it first waits, so it must not block on a server or a disk that may
    /// hang.
    /// - Throws: Why not; `Probe` answers FAILED_PRECONDITION.
    func checkHealth() async throws(CSIError)
}
