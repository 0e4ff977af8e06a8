package import SystemPackage

/// What every host demands of the text of a path before it does anything with it.
package enum PathRule {
    /// Returns an absolute path without `.` components.
    package static func absolute(_ path: FilePath, _ operation: HostOperation) throws(HostError) -> FilePath {
        guard path.isAbsolute else {
            throw HostError(operation, at: path, kind: .invalidPath, detail: "the path must be absolute")
        }
        return try withoutParents(path, operation)
    }

    /// Returns an absolute path that has a last component, so that there is a parent to create it in.
    package static func absoluteBelowRoot(_ path: FilePath, _ operation: HostOperation) throws(HostError) -> FilePath {
        let path = try absolute(path, operation)
        guard path.lastComponent != nil else {
            throw HostError(operation, at: path, kind: .invalidPath, detail: "the root directory is not allowed here")
        }
        return path
    }

    /// Returns a relative path without `.` components; `base` is for the error only.
    package static func relative(
        _ path: FilePath, beneath base: FilePath, allowEmpty: Bool, _ operation: HostOperation
    ) throws(HostError) -> FilePath {
        guard path.isRelative else {
            throw HostError(
                operation, at: path, kind: .invalidPath, detail: "the path must be relative to \(base)")
        }
        let path = try withoutParents(path, operation)
        guard allowEmpty || path.lastComponent != nil else {
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

    private static func withoutParents(_ path: FilePath, _ operation: HostOperation) throws(HostError) -> FilePath {
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
