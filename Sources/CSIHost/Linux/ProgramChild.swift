import CLinux
import Glibc
import SystemPackage

/// A running program and the pipes that it writes to.
///
/// The thread that starts it has to stay with it to its end: the kernel kills the program when that thread goes.
final class ProgramChild {
    private let site: CallSite
    private let process: OwnedDescriptor
    private let group: pid_t
    private let streams: [Stream]
    private(set) var hasEnded = false

    /// One of the program's two output streams.
    private final class Stream {
        /// Nil once the program has closed its end.
        var reader: OwnedDescriptor?
        /// Nil once the program has it.
        var writer: OwnedDescriptor?
        var bytes: [UInt8] = []

        let rawReader: CInt
        let rawWriter: CInt

        var isOpen: Bool { reader != nil }

        init(_ site: CallSite) throws(HostError) {
            var ends: [CInt] = [-1, -1]
            try site.check { clinux_pipe(&ends, 0) }
            (rawReader, rawWriter) = (ends[0], ends[1])
            reader = OwnedDescriptor(adopting: ends[0])
            writer = OwnedDescriptor(adopting: ends[1])
        }
    }

    /// Starts a program.
    ///
    /// - Parameter kept: a descriptor that the program gets besides, so that a lock by it lasts as long as the program.
    init(_ path: String, _ arguments: [String], keeping kept: CInt?, _ site: CallSite) throws(HostError) {
        self.site = site
        let null = OwnedDescriptor(
            adopting: CInt(
                truncatingIfNeeded: try site.check(detail: "is /dev/null there?") {
                    clinux_openat2(CLINUX_AT_FDCWD, "/dev/null", CLINUX_O_READ, 0, 0)
                }))
        let output = try Stream(site)
        let error = try Stream(site)
        streams = [output, error]
        var pid: pid_t = 0
        let input = null.raw
        let environment = ["PATH=\(Program.searchPath.joined(separator: ":"))", "LC_ALL=C"]
        let descriptor = try site.check(detail: "the program could not be started") {
            Self.withStrings([path] + arguments) { (argv) in
                Self.withStrings(environment) { (envp) in
                    clinux_spawn_program(
                        path, argv, envp, input, output.rawWriter, error.rawWriter, kept ?? -1, &pid)
                }
            }
        }
        process = OwnedDescriptor(adopting: CInt(truncatingIfNeeded: descriptor))
        group = pid
        // The program alone holds them now, so that its end is seen.
        output.writer = nil
        error.writer = nil
    }

    /// Waits until the program writes, ends, or the caller's task is cancelled, and takes in what was written.
    func wait(atMost limit: Duration, orUntil cancellation: CancellationSignal?) throws(HostError) {
        let open = streams.filter(\.isOpen)
        var descriptors = [pollfd(fd: process.raw, events: Int16(POLLIN), revents: 0)]
        descriptors += open.map { pollfd(fd: $0.rawReader, events: Int16(POLLIN), revents: 0) }
        if let cancellation {
            descriptors.append(pollfd(fd: cancellation.descriptor.raw, events: Int16(POLLIN), revents: 0))
        }
        // Once it has ended, only its output is waited for.
        if hasEnded { descriptors[0].fd = -1 }
        let milliseconds = limit.pollMilliseconds
        _ = try site.check { clinux_poll(&descriptors, descriptors.count, milliseconds) }
        if descriptors[0].revents != 0 { hasEnded = true }
        for (place, stream) in open.enumerated() where descriptors[place + 1].revents != 0 { try read(stream) }
    }

    /// Reads once from a stream that has something, or has ended.
    private func read(_ stream: Stream) throws(HostError) {
        let reader = stream.rawReader
        let count = try withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) {
            (buffer) -> Result<Int, HostError> in
            do throws(HostError) {
                let count = try site.check { clinux_read(reader, buffer.baseAddress, buffer.count) }
                let room = ProgramOutcome.limit - stream.bytes.count
                stream.bytes += buffer.prefix(min(count, room))
                return .success(count)
            } catch {
                return .failure(error)
            }
        }.get()
        if count == 0 { stream.reader = nil }
    }

    /// Kills the program and what it started; one that does not even die then is left behind.
    func kill(within patience: Duration) throws(HostError) {
        _ = clinux_kill_group(group)
        let deadline = ContinuousClock.now + patience
        while !hasEnded, ContinuousClock.now < deadline {
            try wait(atMost: ContinuousClock.now.duration(to: deadline), orUntil: nil)
        }
        guard hasEnded else {
            AbandonedChildren.append(copyOf: process.raw)
            throw site.failure(
                kind: .timedOut,
                detail: "the program, process \(group), hangs in the kernel and does not die: its device may be gone")
        }
        _ = try collect()
    }

    /// Ends what the program may have left running, takes in the rest of its output, and says how it ended.
    func finish(within patience: Duration) throws(HostError) -> ProgramOutcome {
        // Before its number is free to become another process's: nothing that it started may outlive it.
        _ = clinux_kill_group(group)
        let deadline = ContinuousClock.now + patience
        while streams.contains(where: \.isOpen), ContinuousClock.now < deadline {
            try wait(atMost: ContinuousClock.now.duration(to: deadline), orUntil: nil)
        }
        let ending = try collect()
        return ProgramOutcome(
            ending: ending, standardOutput: String(decoding: streams[0].bytes, as: UTF8.self),
            standardError: String(decoding: streams[1].bytes, as: UTF8.self))
    }

    private func collect() throws(HostError) -> ProgramOutcome.Ending {
        let status = try site.check(detail: "its exit status is lost: does somebody ignore SIGCHLD?") {
            clinux_reap_program(process.raw)
        }
        return status < 256 ? .exited(status) : .killed(signal: status - 256)
    }

    /// Calls a function with a C array of C strings.
    static func withStrings<T>(_ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> T) -> T {
        let copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }
}
