import CSIHost
import SystemPackage

/// The programs of a fake host: those that a test has scripted.
struct FakePrograms: Programs {
    let host: FakeHost

    func run(_ program: Program, within limit: Duration) async throws(HostError) -> ProgramOutcome {
        let call = FakeCall(operation: .runProgram, path: FilePath("/usr/sbin").appending(program.name))
        let script = try await host.perform(call, within: limit) { (world) throws(HostError) in
            guard let script = world.scripts.take(program.name) else {
                throw HostError(
                    .runProgram, at: nil, kind: .notFound, detail: "there is no program \(program.name): script it")
            }
            return script
        }
        guard script.duration <= limit else {
            host.manualClock.advance(by: limit)
            throw call.failure(kind: .timedOut, detail: "\(program) took longer than \(limit) and was killed")
        }
        host.manualClock.advance(by: script.duration)
        return script.outcome
    }
}

/// What the programs of a fake host do.
struct FakeScripts: Sendable {
    /// What one program does.
    struct Script: Sendable {
        let outcome: ProgramOutcome
        let duration: Duration
        var remaining: Int
    }

    private var scripts: [String: [Script]] = [:]

    mutating func add(_ program: String, _ script: Script) {
        scripts[program, default: []].append(script)
    }

    /// What the next run of a program does; nil when it has no script, or no more.
    mutating func take(_ program: String) -> Script? {
        guard var queue = scripts[program], let first = queue.first else { return nil }
        if first.remaining <= 1 {
            queue.removeFirst()
        } else {
            queue[0].remaining -= 1
        }
        scripts[program] = queue
        return first
    }
}

extension FakeHost {
    /// Says what the next runs of a program do, in place of what the host would make of it.
    ///
    /// Making, checking and growing file systems run the programs that a real host runs, such as `mkfs.xfs`, `e2fsck` and
    /// `resize2fs`. Scripts of one program are used up in the order in which they were given.
    ///
    /// - Parameters:
    ///   - program: the name of the program.
    ///   - status: its exit status.
    ///   - standardOutput: what it writes to its standard output.
    ///   - standardError: what it writes to its standard error.
    ///   - duration: how long it takes; longer than the caller waits, and it is killed.
    ///   - times: how often.
    public func script(
        program: String, exit status: Int, standardOutput: String = "", standardError: String = "",
        taking duration: Duration = .zero, times: Int = 1
    ) {
        let outcome = ProgramOutcome(
            ending: .exited(status), standardOutput: standardOutput, standardError: standardError)
        addScript(program, FakeScripts.Script(outcome: outcome, duration: duration, remaining: times))
    }

    /// Says that the next runs of a program are ended by a signal.
    public func script(program: String, killedBy signal: Int, times: Int = 1) {
        let outcome = ProgramOutcome(ending: .killed(signal: signal))
        addScript(program, FakeScripts.Script(outcome: outcome, duration: .zero, remaining: times))
    }

    private func addScript(_ program: String, _ script: FakeScripts.Script) {
        try? inspect { (state) throws(HostError) in state.world.scripts.add(program, script) }
    }
}
