/// What every driver is: it has a name, and it starts.
///
/// Everything else a driver can do is a conformance to one of the ability protocols, and conforming is all there is to
/// do: the capability is advertised and the calls are routed because of it. A driver that does not conform answers
/// UNIMPLEMENTED and advertises nothing.
///
/// Handlers run on a bounded pool of threads made for blocking calls, never on the thread that serves connections.
/// The framework has validated the request, holds the keys that the request names, and shares the answer with identical
/// requests that arrive meanwhile; a caller that gives up does not stop the handler.
public protocol CSIDriver: Sendable {
    /// The driver's name and version; constant for the life of the process.
    var info: PluginInfo { get }

    /// Checks, before the socket exists, what cannot heal while the process runs: places, permissions, locks.
    ///
    /// - Throws: What is wrong and how to mend it; the process ends with it and nothing was served.
    func preflight() async throws(CSIError)

    /// Prepares the driver: looks at what is on disk and in the kernel, and tidies up what a crash left behind.
    ///
    /// Called once, after the socket answers and before any other call reaches the driver; `Probe` answers not ready
    /// meanwhile.
    /// - Throws: What cannot heal; the process ends with it.
    func start() async throws(CSIError)
}

extension CSIDriver {
    /// Nothing to check.
    public func preflight() async throws(CSIError) {}

    /// Nothing to prepare.
    public func start() async throws(CSIError) {}
}
