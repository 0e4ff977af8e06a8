import SystemPackage

/// A directory that a helper process holds open and works in.
final class RemoteDirectoryTree: DirectoryTree {
    let path: FilePath
    private let lease: HelperLease
    /// Where it lies in the helper's directory.
    private let prefix: FilePath
    private let settings: NetworkFileSystemSettings
    /// How another helper opens the same export; nil for a directory of this machine.
    private let origin: HelperRequest.Origin?

    init(
        _ lease: HelperLease, path: FilePath, prefix: FilePath = "", origin: HelperRequest.Origin? = nil,
        _ settings: NetworkFileSystemSettings
    ) {
        self.lease = lease
        self.origin = origin
        self.path = path
        self.prefix = prefix
        self.settings = settings
    }

    /// Checks a path here, so that nothing is asked of the helper that it would refuse for its text.
    private func place(
        _ relative: FilePath, allowEmpty: Bool = false, _ operation: HostOperation
    ) throws(HostError) -> (path: FilePath, site: CallSite) {
        let relative = try PathRule.relative(relative, beneath: path, allowEmpty: allowEmpty, operation)
        return (prefix.pushing(relative), CallSite(operation, at: path.pushing(relative)))
    }

    private func ask(_ request: TreeRequest, _ site: CallSite) async throws(HostError) -> HelperReader {
        let patience = request.isLong ? settings.copyPatience : settings.patience
        return try await lease.ask(.trees([request]), patience: patience, site)
    }

    /// Reads an answer.
    private func read<T>(
        _ reader: HelperReader, _ site: CallSite, _ body: (inout HelperReader) throws(HelperReader.Malformed) -> T
    ) throws(HostError) -> T {
        var reader = reader
        do throws(HelperReader.Malformed) {
            return try body(&reader)
        } catch {
            throw site.failure(kind: .inputOutput, detail: "the helper process gave an answer that makes no sense")
        }
    }

    func openDirectory(_ path: FilePath) async throws(HostError) -> any DirectoryTree {
        let (inside, site) = try place(path, allowEmpty: true, .openDirectory)
        let answer = try await ask(.metadata(inside), site)
        guard
            let metadata = try read(answer, site, { (reader) throws(HelperReader.Malformed) in try reader.metadata() })
        else { throw site.failure(.noSuchFileOrDirectory) }
        switch metadata.kind {
        case .directory: return RemoteDirectoryTree(lease, path: site.path, prefix: inside, origin: origin, settings)
        case .symbolicLink: throw site.failure(.tooManySymbolicLinkLevels)
        default: throw site.failure(.notDirectory)
        }
    }

    func createDirectory(_ path: FilePath, permissions: FilePermissions) async throws(HostError) {
        let (path, site) = try place(path, .createDirectory)
        _ = try await ask(.createDirectory(path, permissions), site)
    }

    func metadata(of path: FilePath) async throws(HostError) -> FileMetadata? {
        let (path, site) = try place(path, allowEmpty: true, .metadata)
        return try read(try await ask(.metadata(path), site), site) { (reader) throws(HelperReader.Malformed) in
            try reader.metadata()
        }
    }

    func list(_ path: FilePath, limit: Int) async throws(HostError) -> [DirectoryEntry] {
        let (path, site) = try place(path, allowEmpty: true, .list)
        let answer = try await ask(.list(path, limit: Int64(limit)), site)
        return try read(answer, site) { (reader) throws(HelperReader.Malformed) in try reader.entries() }
    }

    func readFile(_ path: FilePath, limit: Int) async throws(HostError) -> [UInt8] {
        let (path, site) = try place(path, .readFile)
        let answer = try await ask(.readFile(path, limit: Int64(limit)), site)
        return try read(answer, site) { (reader) throws(HelperReader.Malformed) in try reader.data() }
    }

    func writeFileDurably(
        _ path: FilePath, _ bytes: [UInt8], permissions: FilePermissions, replacing: Bool
    ) async throws(HostError) {
        let (path, site) = try place(path, .writeFile)
        _ = try await ask(.writeFile(path, bytes, permissions, replacing: replacing), site)
    }

    func renameDurably(
        from source: FilePath, to destination: FilePath, replacing: Bool
    ) async throws(HostError) {
        let (source, site) = try place(source, .rename)
        let (destination, _) = try place(destination, .rename)
        _ = try await ask(.rename(source, destination, replacing: replacing), site)
    }

    func syncDirectory(_ path: FilePath) async throws(HostError) {
        let (path, site) = try place(path, allowEmpty: true, .syncDirectory)
        _ = try await ask(.syncDirectory(path), site)
    }

    func syncTree(_ path: FilePath) async throws(HostError) {
        let (path, site) = try place(path, allowEmpty: true, .syncTree)
        _ = try await ask(.syncTree(path), site)
    }

    func removeFile(_ path: FilePath) async throws(HostError) -> Bool {
        let (path, site) = try place(path, .removeFile)
        return try read(try await ask(.removeFile(path), site), site) { (reader) throws(HelperReader.Malformed) in
            try reader.bool()
        }
    }

    func removeDirectory(_ path: FilePath) async throws(HostError) -> Bool {
        let (path, site) = try place(path, .removeDirectory)
        return try read(try await ask(.removeDirectory(path), site), site) { (reader) throws(HelperReader.Malformed) in
            try reader.bool()
        }
    }

    func removeTree(_ path: FilePath) async throws(HostError) {
        let (path, site) = try place(path, .removeTree)
        _ = try await ask(.removeTree(path), site)
    }

    func setPermissions(_ path: FilePath, _ permissions: FilePermissions) async throws(HostError) {
        let (path, site) = try place(path, allowEmpty: true, .setPermissions)
        _ = try await ask(.setPermissions(path, permissions), site)
    }

    func setOwner(_ path: FilePath, userID: UInt32?, groupID: UInt32?) async throws(HostError) {
        let (path, site) = try place(path, allowEmpty: true, .setOwner)
        _ = try await ask(.setOwner(path, userID, groupID), site)
    }

    func capacity() async throws(HostError) -> FileSystemCapacity {
        let site = CallSite(.capacity, at: path)
        return try read(try await ask(.capacity, site), site) { (reader) throws(HelperReader.Malformed) in
            try reader.capacity()
        }
    }

    func copyTree(
        from source: any DirectoryTree, to destination: FilePath, options: TreeCopyOptions
    ) async throws(HostError) -> TreeCopyProgress {
        let (destination, site) = try place(destination, .copyTree)
        guard let source = source as? RemoteDirectoryTree else { throw TreeCopyRule.foreignTree(source) }
        let isSame = source.lease === lease
        guard isSame || source.origin != nil else {
            throw site.failure(kind: .notSupported, detail: "\(source.path) is no directory of an export")
        }
        let request = HelperRequest.copyTree(
            isSame ? nil : source.origin, source.prefix, destination, options.sharing)
        let answer = try await lease.ask(request, patience: settings.copyPatience, site)
        let progress = try read(answer, site) { (reader) throws(HelperReader.Malformed) in
            TreeCopyProgress(
                entries: try reader.number(), copiedBytes: try reader.number(), sharedBytes: try reader.number())
        }
        options.progress?(progress)
        return progress
    }

    func unpackArchive(_ archive: FilePath, into destination: FilePath) async throws(HostError) {
        let (archive, site) = try place(archive, .unpack)
        let (destination, _) = try place(destination, .unpack)
        _ = try await ask(.unpack(archive, destination), site)
    }

    func perform(_ steps: [TreeStep]) async throws(HostError) -> [TreeStep.Outcome] {
        guard !steps.isEmpty else { return [] }
        var requests: [TreeRequest] = []
        for step in steps { requests.append(try request(step)) }
        let site = CallSite(steps[0].operation, at: path.pushing(steps[0].path))
        let answer = try await lease.ask(.trees(requests), patience: settings.patience, site)
        return try read(answer, site) { (reader) throws(HelperReader.Malformed) in
            var outcomes: [TreeStep.Outcome] = []
            for step in steps { outcomes.append(try Self.outcome(step, &reader)) }
            return outcomes
        }
    }

    private func request(_ step: TreeStep) throws(HostError) -> TreeRequest {
        let mayBeEmpty =
            switch step {
            case .metadata, .setOwner, .setPermissions, .syncDirectory: true
            default: false
            }
        let path = try place(step.path, allowEmpty: mayBeEmpty, step.operation).path
        switch step {
        case .metadata: return .metadata(path)
        case .readFile(_, let limit): return .readFileIfPresent(path, limit: Int64(limit))
        case .createDirectory(_, let permissions): return .createDirectory(path, permissions)
        case .setOwner(_, let userID, let groupID): return .setOwner(path, userID, groupID)
        case .setPermissions(_, let permissions): return .setPermissions(path, permissions)
        case .writeFileDurably(_, let bytes, let permissions, let replacing):
            return .writeFile(path, bytes, permissions, replacing: replacing)
        case .syncDirectory: return .syncDirectory(path)
        case .removeFile: return .removeFile(path)
        case .removeDirectory: return .removeDirectory(path)
        }
    }

    private static func outcome(
        _ step: TreeStep, _ reader: inout HelperReader
    ) throws(HelperReader.Malformed) -> TreeStep.Outcome {
        switch step {
        case .metadata: return .metadata(try reader.metadata())
        case .readFile: return .content(try reader.bool() ? try reader.data() : nil)
        case .removeFile, .removeDirectory: _ = try reader.bool()
        default: break
        }
        return .done
    }

    // MARK: What is not kept on network file systems

    private func notKept(_ operation: HostOperation, _ path: FilePath) -> HostError {
        HostError(
            operation, at: self.path.pushing(path), kind: .notSupported,
            detail: "images, single copies and locks are not kept on network file systems")
    }

    func lock(_ path: FilePath) async throws(HostError) -> any HeldLock { throw notKept(.lock, path) }

    func createFile(
        _ path: FilePath, size: Int64, allocation: FileAllocation, permissions: FilePermissions
    ) async throws(HostError) { throw notKept(.createFile, path) }

    func setFileSize(_ path: FilePath, to size: Int64, allocation: FileAllocation) async throws(HostError) {
        throw notKept(.setFileSize, path)
    }

    func copyFile(
        from source: FilePath, in origin: any DirectoryTree, to destination: FilePath, options: CopyOptions
    ) async throws(HostError) -> CopyOutcome { throw notKept(.copyFile, destination) }

    func punchHole(in path: FilePath, at offset: Int64, length: Int64) async throws(HostError) {
        throw notKept(.punchHole, path)
    }

    func metadata(
        of child: String, inEachOf parents: [String], in path: FilePath
    ) async throws(HostError) -> [Result<FileMetadata?, HostError>] {
        var found: [Result<FileMetadata?, HostError>] = []
        for parent in parents {
            guard let name = FilePath.Component(parent), let last = FilePath.Component(child) else {
                let (_, site) = try place(path, allowEmpty: true, .metadata)
                throw site.failure(kind: .invalidPath, detail: "\"\(parent)/\(child)\" is not two names")
            }
            do throws(HostError) {
                found.append(.success(try await metadata(of: path.appending(name).appending(last))))
            } catch {
                // A server that answers nothing is waited for once.
                guard error.kind != .timedOut, error.kind != .cancelled else { throw error }
                found.append(.failure(error))
            }
        }
        return found
    }

    func writeNewFile(_ path: FilePath, _ bytes: [UInt8], permissions: FilePermissions) async throws(HostError) {
        // Durable is more than what was asked for, and the helper knows that one already.
        try await writeFileDurably(path, bytes, permissions: permissions, replacing: false)
    }

    func isOpen(_ path: FilePath) async throws(HostError) -> Bool { throw notKept(.metadata, path) }

    func hasSubvolumes() async throws(HostError) -> Bool { false }

    func createSubvolume(_ path: FilePath, permissions: FilePermissions) async throws(HostError) {
        throw noSubvolumes(.createSubvolume, path)
    }

    func createSnapshot(
        of source: FilePath, at destination: FilePath, isReadOnly: Bool
    ) async throws(HostError) { throw noSubvolumes(.createSnapshot, source) }

    func setSubvolumeReadOnly(_ path: FilePath, _ isReadOnly: Bool) async throws(HostError) {
        throw noSubvolumes(.setSubvolumeAccess, path)
    }

    func subvolume(at path: FilePath) async throws(HostError) -> Subvolume? { nil }

    func quotaSupport() async throws(HostError) -> QuotaSupport {
        .none("quotas are the server's business on a network file system")
    }

    func freeProject(in range: ClosedRange<UInt32>, from start: UInt32) async throws(HostError) -> UInt32 {
        throw noQuotas(.findProject, "")
    }

    func setProject(_ project: UInt32, of path: FilePath) async throws(HostError) { throw noQuotas(.setProject, path) }

    func setQuota(_ limits: QuotaLimits, of path: FilePath) async throws(HostError) { throw noQuotas(.setQuota, path) }

    func quota(of path: FilePath) async throws(HostError) -> TreeQuota? { nil }

    private func noSubvolumes(_ operation: HostOperation, _ path: FilePath) -> HostError {
        HostError(
            operation, at: self.path.pushing(path), kind: .notSupported,
            detail: "a network file system has no subvolumes")
    }

    private func noQuotas(_ operation: HostOperation, _ path: FilePath) -> HostError {
        QuotaRule.noQuotas(operation, at: self.path.pushing(path))
    }
}
