/// The environment that this process was started with.
public enum ProcessEnvironment {
    /// All variables; empty when the system does not tell.
    ///
    /// Read from the kernel: C's `environ` is a global variable that anybody may change.
    public static func variables() -> [String: String] {
        parse(ProcessFile.bytes("environ"))
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
