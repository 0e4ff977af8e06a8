import CLinux
import Glibc
import SystemPackage

/// Programs on Linux.
struct LinuxPrograms: Programs {
    /// How long a killed program may take to go, and what it wrote to arrive.
    private static let patience = Duration.seconds(2)

    func run(_ program: Program, within limit: Duration) async throws(HostError) -> ProgramOutcome {
        try await run(program, within: limit, keeping: nil)
    }

    /// Runs a program that gets a descriptor besides, so that a lock by it lasts as long as the program, unless the caller gives the lock
    /// back.
    func run(
        _ program: Program, within limit: Duration, keeping kept: CInt?
    ) async throws(HostError) -> ProgramOutcome {
        let cancellation = try CancellationSignal()
        let result = await withTaskCancellationHandler {
            () async -> Result<ProgramOutcome, HostError> in
            do throws(HostError) {
                return .success(try Self.run(program, within: limit, keeping: kept, cancellation))
            } catch {
                return .failure(error)
            }
        } onCancel: {
            cancellation.raise()
        }
        return try result.get()
    }

    private static func run(
        _ program: Program, within limit: Duration, keeping kept: CInt?, _ cancellation: CancellationSignal
    ) throws(HostError) -> ProgramOutcome {
        AbandonedChildren.collect()
        let path = try path(of: program)
        let site = CallSite(.runProgram, at: FilePath(path))
        let deadline = ContinuousClock.now + limit
        guard !cancellation.isRaised else { throw cancelled(program, site) }
        let child = try ProgramChild(path, program.arguments, keeping: kept, site)
        while !child.hasEnded {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero, !cancellation.isRaised else {
                try child.kill(within: patience)
                if cancellation.isRaised { throw cancelled(program, site) }
                throw site.failure(kind: .timedOut, detail: "\(program) took longer than \(limit) and was killed")
            }
            try child.wait(atMost: left, orUntil: cancellation)
        }
        return try child.finish(within: patience)
    }

    private static func cancelled(_ program: Program, _ site: CallSite) -> HostError {
        site.failure(kind: .cancelled, detail: "the caller gave up while \(program) ran, which was killed")
    }

    /// The absolute path of a program.
    private static func path(of program: Program) throws(HostError) -> String {
        let name = program.name
        guard !name.isEmpty, name != ".", name != "..", !name.utf8.contains(where: { $0 == 0x2f || $0 == 0 }) else {
            throw HostError(
                .runProgram, at: nil, kind: .invalidArgument, detail: "\(name.debugDescription) is no name of a program"
            )
        }
        guard !program.arguments.contains(where: { $0.utf8.contains(0) }) else {
            throw HostError(.runProgram, at: nil, kind: .invalidArgument, detail: "an argument of \(name) has a NUL")
        }
        let candidates = Program.searchPath.map { "\($0)/\(name)" }
        guard let path = candidates.first(where: { access($0, X_OK) == 0 }) else {
            throw HostError(
                .runProgram, at: nil, kind: .notFound,
                detail: "there is no program \(name) in \(Program.searchPath.joined(separator: ", ")): install it")
        }
        return path
    }
}

/// A descriptor that becomes readable when the calling task is cancelled.
final class CancellationSignal: Sendable {
    let descriptor: OwnedDescriptor

    init() throws(HostError) {
        let site = CallSite(.runProgram, at: "eventfd")
        descriptor = OwnedDescriptor(adopting: CInt(truncatingIfNeeded: try site.check { clinux_eventfd() }))
    }

    func raise() {
        var one: UInt64 = 1
        _ = clinux_write(descriptor.raw, &one, 8)
    }

    var isRaised: Bool {
        var waiting = pollfd(fd: descriptor.raw, events: Int16(POLLIN), revents: 0)
        return clinux_poll(&waiting, 1, 0) > 0
    }
}
