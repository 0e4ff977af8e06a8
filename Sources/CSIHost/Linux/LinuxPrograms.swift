import SystemPackage

/// Programs on Linux.
struct LinuxPrograms: Programs {
    func run(_ program: Program, within limit: Duration) async throws(HostError) -> ProgramOutcome {
        throw HostError(.runProgram, at: nil, kind: .notSupported)
    }
}
