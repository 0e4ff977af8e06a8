public import SystemPackage

/// One of several things that are done in a directory tree, one after the other: see ``DirectoryTree/perform(_:)``.
public enum TreeStep: Sendable, Hashable {
    /// ``DirectoryTree/metadata(of:)``
    case metadata(FilePath)
    /// ``DirectoryTree/readFile(_:limit:)``; that it is absent is no error.
    case readFile(FilePath, limit: Int)
    /// ``DirectoryTree/createDirectory(_:permissions:)``
    case createDirectory(FilePath, FilePermissions)
    /// ``DirectoryTree/setOwner(_:userID:groupID:)``
    case setOwner(FilePath, userID: UInt32?, groupID: UInt32?)
    /// ``DirectoryTree/setPermissions(_:_:)``
    case setPermissions(FilePath, FilePermissions)
    /// ``DirectoryTree/writeFileDurably(_:_:permissions:replacing:)``
    case writeFileDurably(FilePath, [UInt8], FilePermissions, replacing: Bool)
    /// ``DirectoryTree/syncDirectory(_:)``
    case syncDirectory(FilePath)
    /// ``DirectoryTree/removeFile(_:)``
    case removeFile(FilePath)
    /// ``DirectoryTree/removeDirectory(_:)``
    case removeDirectory(FilePath)

    /// What a step has come to.
    public enum Outcome: Sendable, Hashable {
        /// It is done.
        case done
        /// What was found; nil for nothing.
        case metadata(FileMetadata?)
        /// What was read; nil where there is no such file.
        case content([UInt8]?)
    }

    /// What it does.
    public var operation: HostOperation {
        switch self {
        case .metadata: .metadata
        case .readFile: .readFile
        case .createDirectory: .createDirectory
        case .setOwner: .setOwner
        case .setPermissions: .setPermissions
        case .writeFileDurably: .writeFile
        case .syncDirectory: .syncDirectory
        case .removeFile: .removeFile
        case .removeDirectory: .removeDirectory
        }
    }

    /// What it does that to.
    public var path: FilePath {
        switch self {
        case .metadata(let path), .readFile(let path, _), .createDirectory(let path, _), .setOwner(let path, _, _),
            .setPermissions(let path, _), .writeFileDurably(let path, _, _, _), .syncDirectory(let path),
            .removeFile(let path), .removeDirectory(let path):
            path
        }
    }
}

extension TreeStep.Outcome {
    /// What was found, where that was asked for.
    public var metadata: FileMetadata? {
        if case .metadata(let found) = self { found } else { nil }
    }

    /// What was read, where that was asked for.
    public var content: [UInt8]? {
        if case .content(let bytes) = self { bytes } else { nil }
    }
}

extension DirectoryTree {
    /// Does several things one after the other, each as its own method does it.
    ///
    /// Where a directory is reached through another process, all of them together cost what one of them does.
    public func perform(_ steps: [TreeStep]) async throws(HostError) -> [TreeStep.Outcome] {
        var outcomes: [TreeStep.Outcome] = []
        for step in steps { outcomes.append(try await perform(step)) }
        return outcomes
    }

    private func perform(_ step: TreeStep) async throws(HostError) -> TreeStep.Outcome {
        switch step {
        case .metadata(let path): return .metadata(try await metadata(of: path))
        case .readFile(let path, let limit):
            do throws(HostError) {
                return .content(try await readFile(path, limit: limit))
            } catch  where error.kind == .notFound {
                return .content(nil)
            }
        case .createDirectory(let path, let permissions): try await createDirectory(path, permissions: permissions)
        case .setOwner(let path, let userID, let groupID):
            try await setOwner(path, userID: userID, groupID: groupID)
        case .setPermissions(let path, let permissions): try await setPermissions(path, permissions)
        case .writeFileDurably(let path, let bytes, let permissions, let replacing):
            try await writeFileDurably(path, bytes, permissions: permissions, replacing: replacing)
        case .syncDirectory(let path): try await syncDirectory(path)
        case .removeFile(let path): try await removeFile(path)
        case .removeDirectory(let path): try await removeDirectory(path)
        }
        return .done
    }
}
