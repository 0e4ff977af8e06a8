import CLinux
import Glibc
import SystemPackage

/// A helper process, from the side of the process that started it.
final class HelperProcess: Sendable {
    /// Tells helpers apart; process ids come again.
    let number: Int
    let process: pid_t
    let socket: OwnedDescriptor
    private let pidfd: OwnedDescriptor

    /// Starts a helper.
    ///
    /// The calling thread must live as long as the helper may: the kernel kills it with the thread.
    init(_ command: [String], number: Int) throws(HostError) {
        let site = CallSite(.runProgram, at: FilePath(command.first ?? ""))
        var ends: [CInt] = [-1, -1]
        try site.check { clinux_socket_pair(&ends) }
        let near = OwnedDescriptor(adopting: ends[0])
        let far = OwnedDescriptor(adopting: ends[1])
        let null = OwnedDescriptor(
            adopting: CInt(
                truncatingIfNeeded: try site.check(detail: "is /dev/null there?") {
                    clinux_openat2(CLINUX_AT_FDCWD, "/dev/null", CLINUX_O_READ, 0, 0)
                }))
        var process: pid_t = 0
        let (rawFar, rawNull) = (far.raw, null.raw)
        let environment = ["PATH=\(Program.searchPath.joined(separator: ":"))", "LC_ALL=C"]
        let descriptor = try site.check(detail: "no helper process could be started") {
            ProgramChild.withStrings(command) { argv in
                ProgramChild.withStrings(environment) { envp in
                    clinux_spawn_program(command.first ?? "", argv, envp, rawFar, rawNull, 2, -1, &process)
                }
            }
        }
        self.number = number
        self.process = process
        socket = near
        pidfd = OwnedDescriptor(adopting: CInt(truncatingIfNeeded: descriptor))
    }

    deinit {
        // Its socket closes now, and it ends; somebody has to collect it.
        AbandonedChildren.append(copyOf: pidfd.raw)
    }

    /// Whether it is gone, whatever it was doing.
    var hasEnded: Bool { hasEnded(within: 0) }

    /// Whether it is gone, or goes within so many milliseconds.
    func hasEnded(within milliseconds: CInt) -> Bool { clinux_wait_for_exit(pidfd.raw, milliseconds) != 0 }

    func kill() {
        _ = clinux_kill(pidfd.raw)
        // What it started, such as tar.
        _ = clinux_kill_group(process)
    }

    /// How often its thread, and programs that it runs, have gone to sleep and woken again.
    ///
    /// Of its thread alone: others of a Swift process wake up every second.
    var contextSwitches: Int64 {
        let children = Self.text("/proc/\(process)/task/\(process)/children")
        return ([String(process)] + children.split(separator: " ").map(String.init)).reduce(0) {
            $0 &+ Self.switches("/proc/\($1)/status")
        }
    }

    private static func switches(_ path: String) -> Int64 {
        text(path).split(separator: "\n").reduce(0) { total, line in
            guard line.contains("ctxt_switches:"), let count = line.split(separator: "\t").last.flatMap({ Int64($0) })
            else { return total }
            return total &+ count
        }
    }

    private static func text(_ path: String) -> String {
        let site = CallSite(.readFile, at: FilePath(path))
        let number = clinux_openat2(CLINUX_AT_FDCWD, path, CLINUX_O_READ, 0, 0)
        guard number >= 0 else { return "" }
        let file = OwnedDescriptor(adopting: CInt(truncatingIfNeeded: number))
        guard let bytes = try? site.readAll(file, limit: 1 << 16) else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }
}
