package import SystemPackage

/// What every host demands of the text of a path before it does anything with it.
package enum PathRule {
    /// Returns an absolute path without `.` components.
    package static func absolute(_ path: FilePath, _ operation: HostOperation) throws(HostError) -> FilePath {
        guard startsAtRoot(path) else {
            throw HostError(operation, at: path, kind: .invalidPath, detail: "the path must be absolute")
        }
        return try withoutParents(path, operation)
    }

    /// Returns an absolute path that has a last component, so that there is a parent to create it in.
    package static func absoluteBelowRoot(_ path: FilePath, _ operation: HostOperation) throws(HostError) -> FilePath {
        let path = try absolute(path, operation)
        guard path.length > 1 else {
            throw HostError(operation, at: path, kind: .invalidPath, detail: "the root directory is not allowed here")
        }
        return path
    }

    /// Returns a relative path without `.` components; `base` is for the error only.
    package static func relative(
        _ path: FilePath, beneath base: FilePath, allowEmpty: Bool, _ operation: HostOperation
    ) throws(HostError) -> FilePath {
        guard !startsAtRoot(path) else {
            throw HostError(
                operation, at: path, kind: .invalidPath, detail: "the path must be relative to \(base)")
        }
        let path = try withoutParents(path, operation)
        guard allowEmpty || !path.isEmpty else {
            throw HostError(operation, at: base, kind: .invalidPath, detail: "the path of a file below is missing")
        }
        return path
    }

    /// Makes sure that a text is one name, which leads neither upwards nor further down.
    package static func name(_ text: String, at path: FilePath, _ operation: HostOperation) throws(HostError) {
        let isName = !text.isEmpty && text != "." && text != ".." && !text.utf8.contains { $0 == 0x2f || $0 == 0 }
        guard isName else {
            throw HostError(operation, at: path, kind: .invalidPath, detail: "\(text.debugDescription) is not one name")
        }
    }

    // By bytes: of a debug build's time, most would be what swift-system checks whenever a path is taken apart.

    private static func startsAtRoot(_ path: FilePath) -> Bool { path.withPlatformString { $0[0] == 0x2f } }

    /// Whether a name of the path is `.` or `..`.
    private static func hasDotsAlone(_ path: FilePath) -> Bool {
        path.withPlatformString { text in
            var (index, start, dots) = (0, 0, 0)
            while true {
                let byte = text[index]
                if byte == 0x2f || byte == 0 {
                    if dots > 0, dots == index - start, dots < 3 { return true }
                    guard byte != 0 else { return false }
                    (start, dots) = (index + 1, 0)
                } else if byte == 0x2e {
                    dots += 1
                }
                index += 1
            }
        }
    }

    private static func withoutParents(_ path: FilePath, _ operation: HostOperation) throws(HostError) -> FilePath {
        guard hasDotsAlone(path) else { return path }
        var plain = true
        for component in path.components where component.kind != .regular {
            guard component.kind == .currentDirectory else {
                throw HostError(operation, at: path, kind: .invalidPath, detail: "\"..\" is not allowed")
            }
            plain = false
        }
        return plain ? path : path.lexicallyNormalized()
    }
}
