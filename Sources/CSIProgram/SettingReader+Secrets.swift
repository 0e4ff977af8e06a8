public import CSICore
import SystemPackage

extension SettingReader {
    /// A secret, such as an API's token: the content of a file, or an environment variable, and never an argument, which
    /// everybody on the machine can read; nil after a mistake.
    /// - Parameters:
    ///   - file: Names the file; without a value the variable counts.
    ///   - variable: Holds the secret itself; its flag is empty.
    public mutating func secret(inFile file: Setting, or variable: Setting) -> SecretSource? {
        let count = mistakes.count
        let path = readOptional(file) { (text) throws(ConfigurationMistake) in text }
        let value = readOptional(variable) { (text) throws(ConfigurationMistake) in text }
        guard mistakes.count == count else { return nil }
        switch (path, value) {
        case (let path?, nil):
            let source = SecretSource(.file(FilePath(path)))
            do throws(CSIError) {
                try source.withValue { _ in }
                return source
            } catch {
                report(file, ConfigurationMistake(error))
                return nil
            }
        case (nil, let value?): return SecretSource(.value(value))
        case (nil, nil):
            report(file, ConfigurationMistake("is required, or \(variable.name)"))
            return nil
        case (_?, _?):
            report(file, ConfigurationMistake("cannot be used together with \(variable.name)"))
            return nil
        }
    }
}

/// Where a secret comes from; nothing can print it.
///
/// A file is read anew at each use, so that the secret can be exchanged while the driver runs, as Kubernetes does with a
/// mounted Secret.
public struct SecretSource: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    enum Origin: Sendable {
        case file(FilePath)
        case value(String)
    }

    private static let limit = 64 << 10
    private let origin: Origin

    init(_ origin: Origin) {
        self.origin = origin
    }

    /// A secret that is at hand, for tests and for programs that get theirs elsewhere.
    public init(_ value: String) {
        origin = .value(value)
    }

    /// Calls `body` with the secret, without white space around it.
    /// - Throws: FAILED_PRECONDITION naming the file when it cannot be read or is empty, and what `body` throws.
    public func withValue<Result>(_ body: (String) throws(CSIError) -> Result) throws(CSIError) -> Result {
        switch origin {
        case .value(let value): return try body(value)
        case .file(let path): return try body(try Self.read(path))
        }
    }

    private static func read(_ path: FilePath) throws(CSIError) -> String {
        var bytes: [UInt8] = []
        do {
            let file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
            try file.closeAfter {
                try withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
                    while bytes.count <= limit, case let count = try file.read(into: buffer), count > 0 {
                        bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                    }
                }
            }
        } catch {
            throw .preconditionFailed("cannot read the secret in \(path): \(error)")
        }
        let text = String(decoding: bytes, as: UTF8.self)
        guard bytes.count <= limit, let first = text.firstIndex(where: { !$0.isWhitespace }),
            let last = text.lastIndex(where: { !$0.isWhitespace })
        else { throw .preconditionFailed("the secret in \(path) is empty, or longer than \(limit) bytes") }
        return String(text[first...last])
    }

    /// Always `<redacted>`.
    public var description: String { "<redacted>" }

    /// Always `<redacted>`.
    public var debugDescription: String { "<redacted>" }

    /// A mirror without children, so that `dump` shows nothing either.
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
