import CLinux
import CSILock
import Glibc
import SystemPackage

/// The program that runs as a helper process of a host: see ``NetworkFileSystems``.
///
/// A program that uses network file systems calls ``serve()`` when its first argument is ``argument``, before it does
/// anything else:
///
/// ```swift
/// @MainActor static func main() async {
///     guard !NetworkHelper.isCalled else { return NetworkHelper.serve() }
///     ...
/// }
/// ```
public enum NetworkHelper {
    /// The argument that makes a program a helper.
    public static let argument = "--network-file-system-helper"

    /// Whether this process is to be a helper.
    public static var isCalled: Bool {
        CommandLine.arguments.count == 2 && CommandLine.arguments[1] == argument
    }

    /// Does what the process that started this one asks for, until that has no more to ask; on the calling thread, which must
    /// be the main one: the other process watches whether that makes progress.
    public static func serve() {
        HelperBeat.turnOn()
        let thread = CallingThread()
        Task(executorPreference: thread) {
            var server = HelperServer()
            await server.run()
            thread.stop()
        }
        thread.run()
    }
}

/// Runs tasks on the thread that calls ``run()``, and makes no other.
private final class CallingThread: TaskExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        var isStopped = false
    }

    private let state = Guarded(State())

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLock { $0.jobs.append(job) }
    }

    /// What is done here never waits for another thread, so there is always a job until it is stopped.
    func run() {
        while !state.withLock({ $0.isStopped }) {
            let job = state.withLock { $0.jobs.isEmpty ? nil : $0.jobs.removeFirst() }
            guard let job else {
                _ = clinux_sleep_milliseconds(1)
                continue
            }
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }

    func stop() { state.withLock { $0.isStopped = true } }
}

/// What a helper process does, one request after the other.
struct HelperServer {
    /// The socket is what the starter gave it as its standard input.
    static let socket: CInt = 0

    private var directory: LinuxDirectoryTree?

    mutating func run() async {
        while let bytes = HelperFrame.read(from: Self.socket) {
            if bytes == HelperRequest.close.bytes {
                // Nobody waits for an answer to this.
                directory = nil
                continue
            }
            var writer = HelperWriter()
            do throws(HostError) {
                let answer = try await self.answer(to: bytes)
                writer.write(true)
                HelperFrame.write(writer.bytes + answer, to: Self.socket)
            } catch {
                writer.write(false)
                writer.write(error)
                HelperFrame.write(writer.bytes, to: Self.socket)
            }
        }
    }

    private mutating func answer(to bytes: [UInt8]) async throws(HostError) -> [UInt8] {
        let request: HelperRequest
        do throws(HelperReader.Malformed) {
            request = try HelperRequest(parsing: bytes)
        } catch {
            throw HostError(.openDirectory, at: nil, kind: .invalidArgument, detail: "a helper got a broken request")
        }
        var writer = HelperWriter()
        switch request {
        case .openExport(let location, let options, let use):
            let descriptor = try await NFSMounter(location, options, use, for: .mount).open()
            directory = LinuxDirectoryTree(descriptor, path: FilePath(location.description), isNFS: true)
        case .openDirectory(let path):
            directory = nil
            let path = try PathRule.absolute(path, .openDirectory)
            let site = CallSite(.openDirectory, at: path)
            directory = LinuxDirectoryTree(
                try Resolution.absolute.open(path, CLINUX_O_READ_DIRECTORY, for: site), path: path)
        case .close: break
        case .mount(let location, let target, let options, let use):
            writer.write(Int64(try await NFSMounter(location, options, use, for: .mount).mount(at: target)))
        case .bindMount(let source, let target, let options):
            let entry = try await LinuxMounts().bindMount(source: source, at: target, options: options)
            writer.write(Int64(entry.mountID))
        case .unmount(let target, let policy):
            let outcome = try await LinuxMounts().unmount(target, policy: policy)
            writer.write(Int64(outcome.removed))
            writer.write(outcome.detached)
        case .trees(let requests):
            for request in requests { try await Self.answer(to: request, in: try opened, &writer) }
        case .copyTree(let origin, let source, let destination, let sharing):
            var root: any DirectoryTree = try opened
            if let origin {
                let mounter = NFSMounter(origin.location, origin.options, origin.use, for: .openExport)
                root = LinuxDirectoryTree(
                    try await mounter.open(), path: FilePath(origin.location.description), isNFS: true)
            }
            let mask = umask(0)
            defer { umask(mask) }
            let copied = try await opened.copyTree(
                from: try await root.openDirectory(source), to: destination, options: TreeCopyOptions(sharing: sharing))
            writer.write(copied.entries)
            writer.write(copied.copiedBytes)
            writer.write(copied.sharedBytes)
        }
        return writer.bytes
    }

    private var opened: LinuxDirectoryTree {
        get throws(HostError) {
            guard let directory else {
                throw HostError(.openDirectory, at: nil, kind: .stale, detail: "the helper has no directory open")
            }
            return directory
        }
    }

    private static func answer(
        to request: TreeRequest, in tree: LinuxDirectoryTree, _ writer: inout HelperWriter
    ) async throws(HostError) {
        switch request {
        case .createDirectory(let path, let permissions):
            // A mode that comes right at once needs no second request to the server. This process has one thread.
            let mask = umask(0)
            defer { umask(mask) }
            try await tree.createDirectory(path, permissions: permissions)
        case .metadata(let path): writer.write(try await tree.metadata(of: path))
        case .list(let path, let limit):
            writer.write(try await tree.list(path, limit: Int(clamping: limit)))
        case .readFile(let path, let limit):
            writer.write(try await tree.readFile(path, limit: Int(clamping: limit)))
        case .readFileIfPresent(let path, let limit):
            do throws(HostError) {
                let bytes = try await tree.readFile(path, limit: Int(clamping: limit))
                writer.write(true)
                writer.write(bytes)
            } catch  where error.kind == .notFound {
                writer.write(false)
            }
        case .writeFile(let path, let bytes, let permissions, let replacing):
            try await tree.writeFileDurably(path, bytes, permissions: permissions, replacing: replacing)
        case .rename(let source, let destination, let replacing):
            try await tree.renameDurably(from: source, to: destination, replacing: replacing)
        case .syncDirectory(let path): try await tree.syncDirectory(path)
        case .syncTree(let path): try await tree.syncTree(path)
        case .removeFile(let path): writer.write(try await tree.removeFile(path))
        case .removeDirectory(let path): writer.write(try await tree.removeDirectory(path))
        case .removeTree(let path): try await tree.removeTree(path)
        case .setPermissions(let path, let permissions): try await tree.setPermissions(path, permissions)
        case .setOwner(let path, let user, let group): try await tree.setOwner(path, userID: user, groupID: group)
        case .capacity: writer.write(try await tree.capacity())
        case .unpack(let archive, let destination): try await tree.unpackArchive(archive, into: destination)
        }
    }
}

/// Messages on a stream socket: their length, then their bytes.
///
/// An empty one is a beat: see ``HelperBeat``.
enum HelperFrame {
    /// Longer than any list of a directory that is accepted.
    static let limit = 256 << 20

    /// Reads a message; nil at the end of the stream.
    static func read(from socket: CInt) -> [UInt8]? {
        guard let head = read(4, from: socket) else { return nil }
        let length = head.reversed().reduce(0) { $0 << 8 | Int($1) }
        guard length <= limit else { return nil }
        return read(length, from: socket)
    }

    @discardableResult
    static func write(_ bytes: [UInt8], to socket: CInt) -> Bool {
        let length = UInt32(truncatingIfNeeded: bytes.count)
        let message = withUnsafeBytes(of: length.littleEndian) { Array($0) } + bytes
        var written = 0
        while written < message.count {
            let count = message[written...].withUnsafeBytes { clinux_send(socket, $0.baseAddress, $0.count) }
            if count == -Int(EINTR) { continue }
            guard count > 0 else { return false }
            written += count
        }
        return true
    }

    private static func read(_ count: Int, from socket: CInt) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes[filled...].withUnsafeMutableBytes { clinux_read(socket, $0.baseAddress, $0.count) }
            if got == -Int(EINTR) { continue }
            guard got > 0 else { return nil }
            filled += got
        }
        return bytes
    }
}
