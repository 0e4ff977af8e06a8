import CSIHost

/// Programs with a span around each run, which names the program and not its arguments.
struct TracedPrograms: Programs {
    let base: any Programs
    let tracing: HostTracing

    func run(_ program: Program, within limit: Duration) async throws(HostError) -> ProgramOutcome {
        try await tracing.span(.runProgram, program: program.name) { () async throws(HostError) in
            try await base.run(program, within: limit)
        }
    }
}
