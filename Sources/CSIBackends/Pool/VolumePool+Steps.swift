import CSICore
import CSIHost
import Logging
import SystemPackage

/// The steps that volumes and snapshots have in common.
extension VolumePool {
    /// Reads everything of one kind at a start.
    func readAll<Record: PoolRecord, Summary>(
        _: Record.Type, in tree: any DirectoryTree, _ summary: (Record) -> Summary
    ) async throws(CSIError) -> (entries: [Summary], asideCount: Int) {
        let section = Record.section
        let entries = try await withHostErrors { () async throws(HostError) in
            try await tree.list(section.directory, limit: .max)
        }
        var found: [Summary] = []
        var asideCount = 0
        for entry in entries {
            let name = entry.name.string
            if name.hasSuffix(PoolLayout.partialSuffix) {
                logger.notice(
                    "throwing away a \(section.noun) that was never finished", metadata: ["directory": "\(name)"])
                try await discard(section.directory.appending(entry.name), as: name, in: tree)
                continue
            }
            guard Self.isOwn(name, in: section) else {
                logger.warning("not a \(section.noun) of this pool, left alone", metadata: ["entry": "\(name)"])
                continue
            }
            do throws(CSIError) {
                if let record: Record = try await read(name, in: tree) { found.append(summary(record)) }
            } catch {
                logger.error(
                    "\(section.noun) set aside: its record cannot be used; the others are served",
                    metadata: [section.recordName: "\(name)", "error": "\(error.message)"])
                asideCount += 1
            }
        }
        return (found, asideCount)
    }

    /// Whether a name is one that this pool could have given out.
    static func isOwn(_ name: String, in section: PoolSection) -> Bool {
        switch section {
        case .snapshots: (try? SnapshotID(name))?.pathComponent == name
        default: (try? VolumeID(name))?.pathComponent == name
        }
    }

    /// The record in a directory; nil when there is no such directory.
    func read<Record: PoolRecord>(
        _ component: String, in tree: any DirectoryTree
    ) async throws(CSIError) -> Record? {
        let section = Record.section
        let directory = section.path(component)
        let bytes: [UInt8]
        do throws(HostError) {
            bytes = try await tree.readFile(section.record(in: directory), limit: PoolLayout.recordLimit)
        } catch {
            guard error.kind == .notFound else { throw unusable(component, section, error.description) }
            // Without its record a directory is a damaged volume; without the directory there is no volume.
            let isThere = try await withHostErrors { () async throws(HostError) in try await tree.exists(directory) }
            guard isThere else { return nil }
            throw unusable(component, section, "the file is missing")
        }
        do throws(RecordFailure) {
            return try Record(parsing: bytes, expecting: component)
        } catch {
            throw unusable(component, section, error.reason)
        }
    }

    private func unusable(_ component: String, _ section: PoolSection, _ reason: String) -> CSIError {
        let file = path.pushing(section.record(in: section.path(component)))
        return .preconditionFailed(
            "\(section.noun) \"\(component)\" is set aside: its record \"\(file)\" cannot be used: \(reason); "
                + "restore the file, or move the directory out of the pool")
    }

    /// Makes something durable under its partial name and gives it its own: when it throws, nothing is left.
    /// - Parameter fill: Puts the content into the directory that it is given, each file durable, names not yet.
    func commit(
        _ record: some PoolRecord, in tree: any DirectoryTree, fill: (FilePath) async throws(CSIError) -> Void
    ) async throws(CSIError) {
        let section = type(of: record).section
        guard let component = record.component else {
            throw .fault("the id of a new \(section.noun) cannot be the name of a directory")
        }
        let partial = section.partial(component)
        do throws(CSIError) {
            try await makePartial(partial, in: tree)
            try await fill(partial)
            try await withHostErrors { () async throws(HostError) in
                // Writing the record syncs the directory, and with it the names of everything that was put there.
                try await tree.writeFileDurably(section.record(in: partial), record.bytes)
                try await tree.renameDurably(from: partial, to: section.path(component))
            }
        } catch {
            await removeQuietly(partial, in: tree)
            throw error
        }
    }

    private func makePartial(_ partial: FilePath, in tree: any DirectoryTree) async throws(CSIError) {
        try await withHostErrors { () async throws(HostError) in
            do throws(HostError) {
                try await tree.createDirectory(partial, permissions: .ownerReadWriteExecute)
            } catch  where error.kind == .alreadyExists {
                // An attempt that failed and could not be cleaned up; nobody else works on this id.
                try await tree.removeTree(partial)
                try await tree.createDirectory(partial, permissions: .ownerReadWriteExecute)
            }
        }
    }

    /// Moves something into the trash, durably, and takes it apart there.
    func discard(_ path: FilePath, as name: String, in tree: any DirectoryTree) async throws(CSIError) {
        let doomed = PoolLayout.trash.appending(host.files.uniqueName(prefix: name + "."))
        do throws(HostError) {
            try await tree.renameDurably(from: path, to: doomed)
        } catch {
            if error.kind == .notFound { return }
            throw CSIError(error)
        }
        await removeQuietly(doomed, in: tree)
    }

    func emptyTrash(_ tree: any DirectoryTree) async {
        do throws(HostError) {
            for entry in try await tree.list(PoolLayout.trash, limit: .max) {
                await removeQuietly(PoolLayout.trash.appending(entry.name), in: tree)
            }
        } catch {
            logger.warning("the trash cannot be read", metadata: ["error": "\(error.description)"])
        }
    }

    /// What cannot be removed now is tried again at the next start; nobody needs it meanwhile.
    private func removeQuietly(_ path: FilePath, in tree: any DirectoryTree) async {
        do throws(HostError) {
            try await tree.removeTree(path)
        } catch {
            logger.warning(
                "leftovers stay until the next start", metadata: ["path": "\(path)", "error": "\(error.description)"])
        }
    }
}
