import CSIHost
import CSITestKit
import Glibc
import Synchronization
import SystemPackage
import Testing

@Suite("Programs: on Linux, and as a test scripts them")
struct ProgramTests {
    private let programs = LinuxHost().programs

    private func shell(_ script: String, within limit: Duration = .seconds(60)) async throws -> ProgramOutcome {
        try await programs.run(Program("sh", ["-c", script]), within: limit)
    }

    @Test
    func `status and output come back`() async throws {
        let outcome = try await shell("echo out; echo err >&2; exit 3")
        #expect(
            outcome == ProgramOutcome(ending: .exited(3), standardOutput: "out\n", standardError: "err\n"))
        #expect(!outcome.succeeded)
        #expect(outcome.description == "exit status 3: err")
        #expect(try await shell("kill -TERM $$").ending == .killed(signal: Int(SIGTERM)))
        #expect(try await shell("true").succeeded)
    }

    @Test
    func `arguments reach the program as they are`() async throws {
        let outcome = try await programs.run(Program("printf", ["%s|", "a b", "$HOME", "*", ""]), within: .seconds(60))
        #expect(outcome.standardOutput == "a b|$HOME|*||")
    }

    @Test
    func `a program gets nothing of this process but its arguments`() async throws {
        // An own descriptor that is not close-on-exec, and a signal that is ignored.
        let leaked = open("/dev/null", O_RDONLY)
        defer { close(leaked) }
        let outcome = try await shell("env | grep -v -e ^_= -e ^PWD= -e ^SHLVL= | sort; ls /proc/$$/fd; cat; pwd")
        #expect(outcome.standardOutput == "LC_ALL=C\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n0\n1\n2\n/\n")
        let session = try await shell("cut -d' ' -f1,5,6 /proc/self/stat; grep SigBlk /proc/self/status")
        let lines = session.standardOutput.split(separator: "\n")
        #expect(lines.last == "SigBlk:\t0000000000000000")
        #expect(lines.first?.split(separator: " ").dropFirst().first != "\(getpgrp())")
        #expect(try await shell("yes | head -n 1").standardError == "")
    }

    @Test
    func `more output than anybody wants is read and dropped`() async throws {
        let outcome = try await shell("head -c 3000000 /dev/zero | tr '\\0' x; head -c 100000 /dev/zero >&2")
        #expect(outcome.succeeded)
        #expect(outcome.standardOutput == String(repeating: "x", count: ProgramOutcome.limit))
        #expect(outcome.standardError.utf8.count == ProgramOutcome.limit)
        #expect(outcome.description.count < 2000)
    }

    /// The beginning of a file; empty when there is none.
    private func text(of path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    /// Whether the process that wrote its number to a file is alive.
    private func isAlive(_ path: String) -> Bool {
        guard let process = pid_t(text(of: path).filter(\.isNumber)) else { return false }
        // One that has ended and that init has not collected yet is dead, too.
        let state = text(of: "/proc/\(process)/stat")
        return !state.isEmpty && !state.contains(") Z ")
    }

    /// Whether the process that wrote its number to a file is dead, or is soon: a signal to a group returns before all of
    /// its processes are gone.
    private func dies(_ path: String) -> Bool {
        let begin = ContinuousClock.now
        while isAlive(path) {
            guard begin.duration(to: .now) < .seconds(120) else { return false }
            usleep(1000)
        }
        return true
    }

    private func withFile(_ body: (String) async throws -> Void) async throws {
        var template = Array("/tmp/swift-csi-program-XXXXXX".utf8CString)
        let file = mkstemp(&template)
        close(file)
        let path = FilePath(platformString: template).string
        defer { unlink(path) }
        try await body(path)
    }

    @Test
    func `at the deadline a program is killed with its children`() async throws {
        try await withFile { path in
            let begin = ContinuousClock.now
            let kind = await failure {
                try await shell(
                    "trap '' TERM; (trap '' TERM; sh -c 'echo $$ >\(path); sleep 600') & wait", within: .seconds(1))
            }
            #expect(kind == .timedOut)
            #expect(begin.duration(to: .now) < .seconds(200))
            #expect(dies(path))
        }
    }

    @Test
    func `what a program leaves running is killed, and holds nobody up`() async throws {
        try await withFile { path in
            let begin = ContinuousClock.now
            let outcome = try await shell(
                "sh -c 'echo $$ >\(path); echo here; sleep 600' & while [ ! -s \(path) ]; do :; done")
            #expect(outcome.succeeded)
            #expect(begin.duration(to: .now) < .seconds(200))
            #expect(dies(path))
        }
    }

    @Test
    func `a cancelled caller does not wait, nor leave the program behind`() async throws {
        try await withFile { path in
            let begin = ContinuousClock.now
            let task = Task.detached {
                await failure {
                    try await programs.run(Program("sh", ["-c", "echo $$ >\(path); sleep 600"]), within: .seconds(60))
                }
            }
            while !isAlive(path) { try await Task.sleep(for: .milliseconds(10)) }
            task.cancel()
            #expect(await task.value == .cancelled)
            #expect(begin.duration(to: .now) < .seconds(200))
            #expect(dies(path))
        }
    }

    @Test
    func `no descriptor and no zombie is left`() async throws {
        func descriptors() -> Int {
            (0..<1024).count { fcntl($0, F_GETFD) >= 0 }
        }
        func zombies() async throws -> Int {
            let list = Program("ps", ["--ppid", "\(getpid())", "-o", "stat="])
            return try await programs.run(list, within: .seconds(30)).standardOutput.count { $0 == "Z" }
        }
        // Other tests may leave some.
        let before = descriptors()
        let zombiesBefore = try await zombies()
        for _ in 0..<20 {
            _ = try await shell("exit 0")
            _ = await failure { try await shell("sleep 9", within: .milliseconds(5)) }
        }
        // What was killed is collected somewhat later.
        let begin = ContinuousClock.now
        while descriptors() > before, begin.duration(to: .now) < .seconds(120) { usleep(10_000) }
        #expect(descriptors() <= before)
        while try await zombies() > zombiesBefore, begin.duration(to: .now) < .seconds(120) { usleep(10_000) }
        #expect(try await zombies() <= zombiesBefore)
    }

    @Test
    func `what cannot be run is told apart`() async throws {
        #expect(await failure { try await programs.run(Program("no-such-program"), within: .seconds(1)) } == .notFound)
        for name in ["", "/bin/true", "..", "a\0b"] {
            #expect(await failure { try await programs.run(Program(name), within: .seconds(1)) } == .invalidArgument)
        }
        #expect(
            await failure { try await programs.run(Program("true", ["a\0"]), within: .seconds(1)) } == .invalidArgument)
        #expect(await failure { try await programs.require(Program("false"), within: .seconds(60)) } == .programFailed)
        let error = HostError(
            Program("mkfs.xfs", ["-L", "a b"]), ProgramOutcome(ending: .exited(1), standardError: "no\nway\n"),
            for: .makeFileSystem, at: "/dev/x")
        #expect(
            error.description
                == #"cannot make a file system on "/dev/x": a program failed; mkfs.xfs -L "a b": exit status 1: no / way"#
        )
    }

    @Test
    func `a fake host runs what is scripted`() async throws {
        let host = FakeHost()
        host.script(program: "mkfs.xfs", exit: 1, standardError: "no", times: 2)
        host.script(program: "mkfs.xfs", killedBy: 9)
        host.script(program: "slow", exit: 0, taking: .seconds(60))
        let run = { try await host.programs.run(Program("mkfs.xfs"), within: .seconds(1)) }
        #expect(try await run() == ProgramOutcome(ending: .exited(1), standardError: "no"))
        #expect(try await run().ending == .exited(1))
        #expect(try await run().ending == .killed(signal: 9))
        #expect(await failure { try await run() } == .notFound)
        let before = host.manualClock.now
        #expect(await failure { try await host.programs.run(Program("slow"), within: .seconds(5)) } == .timedOut)
        #expect(host.manualClock.now - before == .seconds(5))
    }
}
