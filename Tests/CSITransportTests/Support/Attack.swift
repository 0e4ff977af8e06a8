import CSIProto
import Glibc
import Testing

@testable import CSITransport

/// What happened to a well-behaved client while another attacked.
struct Harm: Sendable {
    var errors: [String] = []
    var slowest = Duration.zero

    /// How long a call may take.
    let limit = Duration.milliseconds(250 * patience)
}

/// Runs `attack` against a server while a second client calls Probe every 10 ms on a connection of its own.
///
/// The second client must see no error and, in one of five attacks, no call slower than 250 ms; the server must answer a new client
/// afterwards, and memory must come back to within `growth` bytes of what it was. What a call takes leaves out the time for which
/// the machine let the server's thread or the client's wait for a processor, or a virtual machine's host let the machine wait: that is
/// other programs' doing and not the attack's.
func withstand(
    _ router: RPCRouter = testRouter(), _ configuration: RPCServerConfiguration = .forTests,
    growth: Int = 48 * 1024 * 1024, sourceLocation: SourceLocation = #_sourceLocation,
    _ attack: @escaping @Sendable (Endpoint) async throws -> Void
) async throws {
    try await withTestServer(router, configuration) { endpoint, server in
        let before = residentBytes()
        let victim = try RawClient(endpoint)
        victim.call(1, "Probe")
        #expect(victim.answer(1).status == 0, sourceLocation: sourceLocation)
        var harm = Harm()
        var stream: Int32 = 3
        // What the attack does to the server it does each time; what the machine does to both, hardly five times.
        for _ in 0..<5 {
            harm.slowest = .zero
            let events = Journal()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    defer { events.note("over") }
                    try await attack(endpoint)
                }
                repeat {
                    let waited = server.waitedForProcessor + TestThread.current.waitedForProcessor + stolenTime()
                    let start = ContinuousClock.now
                    victim.call(stream, "Probe")
                    let answer = victim.answer(stream)
                    let elapsed = ContinuousClock.now - start
                    let since = server.waitedForProcessor + TestThread.current.waitedForProcessor + stolenTime()
                    let took = elapsed - (since - waited)
                    harm.slowest = max(harm.slowest, took)
                    if answer.status != 0 { harm.errors.append("\(answer)") }
                    stream += 2
                    usleep(10_000)
                } while events.all.isEmpty
                try await group.waitForAll()
            }
            guard harm.errors.isEmpty, harm.slowest >= harm.limit else { break }
        }
        #expect(harm.errors.isEmpty, sourceLocation: sourceLocation)
        #expect(harm.slowest < harm.limit, sourceLocation: sourceLocation)
        let after = try RawClient(endpoint)
        after.call(1, "Probe")
        #expect(after.answer(1).status == 0, sourceLocation: sourceLocation)
        // Freed memory goes back to the system after a while.
        let isBack = await eventually { residentBytes() - before < growth }
        #expect(isBack, "grown by \(residentBytes() - before) bytes", sourceLocation: sourceLocation)
    }
}

/// How much slower than without a sanitizer things may be.
#if CSI_PTHREAD_LOCKS
    let patience = 40
#else
    let patience = 1
#endif

/// Whether `condition` comes to hold within a minute and a half.
func eventually(_ condition: () -> Bool) async -> Bool {
    for _ in 0..<9_000 {
        if condition() { return true }
        try? await Task.sleep(for: .milliseconds(10))
    }
    return condition()
}

/// A thread, for what the kernel knows of it.
struct TestThread: Sendable {
    /// Its folder below /proc.
    private let folder: String

    /// The calling thread.
    static var current: TestThread {
        var link = [CChar](repeating: 0, count: 64)
        let count = readlink("/proc/thread-self", &link, link.count)
        let bytes = link.prefix(max(0, count)).map { UInt8(bitPattern: $0) }
        return TestThread(folder: String(decoding: bytes, as: UTF8.self))
    }

    /// For how long it has been ready to run without a processor to run on, in all.
    var waitedForProcessor: Duration {
        let fields = contents(of: "/proc/\(folder)/schedstat").split(separator: " ")
        return .nanoseconds(fields.count > 1 ? Int64(fields[1]) ?? 0 : 0)
    }
}

/// For how long the host of a virtual machine has let its processors wait since it started, in all.
private func stolenTime() -> Duration {
    // The eighth number, in hundredths of a second (proc(5)).
    let fields = contents(of: "/proc/stat").split(separator: " ")
    return .milliseconds(fields.count > 8 ? 10 * (Int64(fields[8]) ?? 0) : 0)
}

/// The first line of a file of /proc.
private func contents(of path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    guard fgets(&line, Int32(line.count), file) != nil else { return "" }
    return String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// The resident memory of this process, in bytes, without the pages of files, which come and go with what others need.
func residentBytes() -> Int {
    let fields = contents(of: "/proc/self/statm").split(separator: " ").map { Int($0) ?? 0 }
    return fields.count > 2 ? (fields[1] - fields[2]) * 4_096 : 0
}

/// The open descriptors of this process.
func openDescriptors() -> Int {
    guard let directory = opendir("/proc/self/fd") else { return 0 }
    defer { closedir(directory) }
    var count = 0
    while readdir(directory) != nil { count += 1 }
    return count - 3
}
