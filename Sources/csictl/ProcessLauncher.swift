import CSITestKit
import CSITransport
import Glibc

/// Starts a driver as a child process: a shell command in which `{}` stands for the URL of the socket.
struct ProcessLauncher: ConformanceLauncher {
    let command: String

    private struct Instance: ConformanceInstance {
        let pid: pid_t

        func stop() async {
            kill(pid, SIGTERM)
            for attempt in 0..<600 {
                if waitpid(pid, nil, WNOHANG) != 0 { return }
                if attempt == 400 { kill(pid, SIGKILL) }
                try? await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    func launch(at path: String) async -> (any ConformanceInstance)? {
        guard let endpoint = try? Endpoint(parsing: path) else { return nil }
        // The shell becomes the driver, so that a signal reaches it.
        let script =
            "exec " + command.split(separator: "{}", omittingEmptySubsequences: false).joined(separator: "\(endpoint)")
        var arguments = ["/bin/sh", "-c", script].map { (text: String) in strdup(text) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        guard posix_spawn(&pid, "/bin/sh", nil, nil, &arguments, environ) == 0 else { return nil }
        let instance = Instance(pid: pid)
        // It serves, or it ends: a second instance must be told from the first one, which answers all the while.
        for _ in 0..<1200 {
            try? await Task.sleep(for: .milliseconds(50))
            if waitpid(pid, nil, WNOHANG) == pid { return nil }
            if await Self.isListening(endpoint, pid) { return instance }
        }
        await instance.stop()
        return nil
    }

    /// Whether the process itself has a listening socket at the path.
    private static func isListening(_ endpoint: Endpoint, _ pid: pid_t) async -> Bool {
        guard let table = read("/proc/\(pid)/net/unix") else { return false }
        var inodes: Set<Substring> = []
        for line in table.split(separator: "\n") where line.hasSuffix(" " + endpoint.path) {
            let fields = line.split(separator: " ")
            if fields.count > 6 { inodes.insert(fields[6]) }
        }
        guard let directory = opendir("/proc/\(pid)/fd") else { return false }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            var target = [UInt8](repeating: 0, count: 128)
            let count = target.withUnsafeMutableBufferPointer { bytes in
                bytes.withMemoryRebound(to: CChar.self) { text in
                    text.baseAddress.map { readlink("/proc/\(pid)/fd/\(name)", $0, text.count) } ?? -1
                }
            }
            guard count > 0 else { continue }
            let text = String(decoding: target[..<count], as: UTF8.self)
            if text.hasPrefix("socket:["), inodes.contains(text.dropFirst(8).dropLast()) { return true }
        }
        return false
    }

    private static func read(_ path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = fread(&part, 1, part.count, file)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += part[..<count]
        }
    }
}
