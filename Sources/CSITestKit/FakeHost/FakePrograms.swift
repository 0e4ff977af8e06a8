import CSIHost

/// The programs of a fake host.
struct FakePrograms: Programs {
    let host: FakeHost

    func run(_ program: Program, within limit: Duration) async throws(HostError) -> ProgramOutcome {
        throw HostError(.runProgram, at: nil, kind: .notFound)
    }
}
