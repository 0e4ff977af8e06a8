import SystemPackage

/// The environment that this process was started with.
public enum ProcessEnvironment {
    /// All variables; empty when the system does not tell.
    ///
    /// Read from the kernel: C's `environ` is a global variable that anybody may change.
    public static func variables() -> [String: String] {
        guard let file = try? FileDescriptor.open("/proc/self/environ", .readOnly) else { return [:] }
        var bytes: [UInt8] = []
        _ = try? file.closeAfter {
            try withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
                while case let count = try file.read(into: buffer), count > 0 {
                    bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                }
            }
        }
        return parse(bytes)
    }

    static func parse(_ bytes: [UInt8]) -> [String: String] {
        var variables: [String: String] = [:]
        for entry in bytes.split(separator: 0) {
            guard let equals = entry.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let name = String(decoding: entry[..<equals], as: UTF8.self)
            variables[name] = String(decoding: entry[entry.index(after: equals)...], as: UTF8.self)
        }
        return variables
    }
}
