/// What must be so on the machine before a driver starts; see ``CSIServer/Configuration/startCondition``.
public protocol StartCondition: Sendable {
    /// Looks at the machine: before the socket is bound, and again every few seconds while something is missing.
    ///
    /// Runs on the executor for blocking work.
    /// - Returns: What is missing and may still come, one line each; the driver starts once there is none.
    /// - Throws: What cannot come while the process runs; the process ends with it.
    func missing() async throws(CSIError) -> [String]
}
