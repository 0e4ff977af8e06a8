import BenchmarkMessages
import CSIProto
import Glibc

/// What the command line asks for.
enum Job {
    case sizes
    case messages(directory: String)
    case run(Operation, times: Int)
    case time(Operation, milliseconds: Int)

    init?(arguments: [String]) {
        switch (arguments.dropFirst().first, arguments.count) {
        case ("sizes", 2): self = .sizes
        case ("messages", 3): self = .messages(directory: arguments[2])
        case ("run", 4):
            guard let operation = Operation(arguments[2]), let times = Int(arguments[3]) else { return nil }
            self = .run(operation, times: times)
        case ("time", 4):
            guard let operation = Operation(arguments[2]), let milliseconds = Int(arguments[3]) else { return nil }
            self = .time(operation, milliseconds: milliseconds)
        default: return nil
        }
    }

    func perform() throws {
        switch self {
        case .sizes:
            for (name, bytes) in Self.files { print(name, bytes.count) }
        case .messages(let directory):
            for (name, bytes) in Self.files { try Self.write(bytes, to: "\(directory)/\(name)") }
        case .run(let operation, let times):
            // Lazy globals are made, and the encoder has learnt the size, before anything counts.
            _ = try operation.run(times: 2)
            print(try operation.run(times: times))
        case .time(let operation, let milliseconds):
            print(try Self.nanoseconds(of: operation, for: milliseconds))
        }
    }

    /// The median of the means of several batches, each as long as the others.
    private static func nanoseconds(of operation: Operation, for milliseconds: Int) throws -> Int {
        let batches = 7
        let wanted = milliseconds * 1_000_000 / (batches + 1)
        var times = 1
        var spent = 0
        while spent < wanted / 4 {
            times *= 2
            let started = cpuNanoseconds()
            _ = try operation.run(times: times)
            spent = cpuNanoseconds() - started
        }
        times = max(1, times * wanted / max(1, spent))
        var means: [Int] = []
        for _ in 0..<batches {
            let started = cpuNanoseconds()
            _ = try operation.run(times: times)
            means.append((cpuNanoseconds() - started) / times)
        }
        return means.sorted()[batches / 2]
    }

    private static func cpuNanoseconds() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }

    private static var files: [(name: String, bytes: [UInt8])] {
        [
            ("create-request.bin", BenchmarkMessages.createVolumeRequest().encoded()),
            ("create-response.bin", CSIv1.CreateVolumeResponse(volume: BenchmarkMessages.createdVolume()).encoded()),
            ("list-response.bin", CSIv1.ListVolumesResponse(entries: BenchmarkMessages.volumes()).encoded()),
        ]
    }

    private static func write(_ bytes: [UInt8], to path: String) throws {
        guard let file = fopen(path, "w") else { throw FileFailure(path: path, errorNumber: errno) }
        let written = fwrite(bytes, 1, bytes.count, file)
        guard fclose(file) == 0, written == bytes.count else { throw FileFailure(path: path, errorNumber: errno) }
    }
}

/// A file that could not be written.
struct FileFailure: Error, CustomStringConvertible {
    let path: String
    let errorNumber: Int32

    var description: String { "\(path): error \(errorNumber)" }
}
