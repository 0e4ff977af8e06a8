public import SystemPackage

/// Runs programs of the system, such as `mkfs.xfs`.
public protocol Programs: Sendable {
    /// Runs a program to its end.
    ///
    /// It gets no shell, no standard input, no descriptor of this process, and an environment of `PATH` and `LC_ALL=C` alone.
    /// It runs in a session of its own. At the deadline, when the calling task is cancelled, and when this process dies, it
    /// is killed, together with what it started.
    ///
    /// - Parameters:
    ///   - program: the program and its arguments.
    ///   - limit: how long it may take.
    /// - Returns: how it ended and what it said. A status other than 0 is an outcome, not an error: programs give their
    ///   statuses meanings of their own.
    /// - Throws: ``HostError`` of kind `notFound` (no such program: the detail names it), `timedOut`, `cancelled`,
    ///   `invalidArgument` (a name with a slash, an argument with a NUL), `resourceLimit`, among others.
    func run(_ program: Program, within limit: Duration) async throws(HostError) -> ProgramOutcome
}

extension Programs {
    /// Runs a program that is to end with status 0.
    ///
    /// - Throws: also ``HostError`` of kind `programFailed` with the command and what it said in the detail.
    @discardableResult
    public func require(_ program: Program, within limit: Duration) async throws(HostError) -> ProgramOutcome {
        let outcome = try await run(program, within: limit)
        guard outcome.succeeded else { throw HostError(program, outcome, for: .runProgram, at: nil) }
        return outcome
    }
}

extension HostError {
    /// The error of a program that ended in a way that means failure.
    public init(
        _ program: Program, _ outcome: ProgramOutcome, for operation: HostOperation, at path: FilePath?
    ) {
        self.init(operation, at: path, kind: .programFailed, detail: "\(program): \(outcome)")
    }
}
