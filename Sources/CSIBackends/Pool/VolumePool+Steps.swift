import CSICore
import CSIHost
import Logging
import SystemPackage

/// What a start finds of one kind.
struct SectionContent<Summary: Sendable>: Sendable {
    var entries: [Summary] = []
    /// How many have a record that cannot be used.
    var asideCount = 0
    /// What was never finished, with its name.
    var unfinished: [(path: FilePath, name: String)] = []

    mutating func append(_ other: SectionContent) {
        entries += other.entries
        asideCount += other.asideCount
        unfinished += other.unfinished
    }
}

/// The steps that volumes and snapshots have in common.
extension VolumePool {
    /// The fewest records that are worth a part of their own when a start reads a large pool.
    private static let smallestPart = 1000

    /// Reads everything of one kind at a start, in the order of the names.
    func readAll<Record: PoolRecord, Summary: Sendable>(
        _: Record.Type, in tree: any DirectoryTree, _ summary: @escaping @Sendable (Record, inout MapSharing) -> Summary
    ) async throws(CSIError) -> SectionContent<Summary> {
        let entries = try await withHostErrors { () async throws(HostError) in
            try await tree.list(Record.section.directory, limit: .max)
        }
        var found = SectionContent<Summary>()
        for part in await inParts(entries, of: Self.smallestPart, { await self.read($0, in: tree, summary) }) {
            found.append(part)
        }
        return found
    }

    /// Does some work on parts of an array at the same time, where it is long: what a disk and a few processors gain from.
    /// - Parameter smallest: The fewest elements that are worth a part.
    /// - Returns: One answer for each part, in their order.
    func inParts<Element: Sendable, Answer: Sendable>(
        _ elements: [Element], of smallest: Int, _ work: @escaping @Sendable (ArraySlice<Element>) async -> Answer
    ) async -> [Answer] {
        let length = max(smallest, (elements.count + 3) / 4)
        guard elements.count > length else { return [await work(elements[...])] }
        let answers = await withTaskGroup(of: (start: Int, answer: Answer).self) { group in
            for start in stride(from: 0, to: elements.count, by: length) {
                let part = elements[start..<min(start + length, elements.count)]
                group.addTask { (start, await work(part)) }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        return answers.sorted { $0.start < $1.start }.map(\.answer)
    }

    private func read<Record: PoolRecord, Summary: Sendable>(
        _ entries: ArraySlice<DirectoryEntry>, in tree: any DirectoryTree,
        _ summary: @Sendable (Record, inout MapSharing) -> Summary
    ) async -> SectionContent<Summary> {
        let section = Record.section
        var found = SectionContent<Summary>()
        var maps = MapSharing()
        for entry in entries {
            let name = entry.name.string
            if name.hasSuffix(PoolLayout.partialSuffix) {
                logger.notice(
                    "throwing away a \(section.noun) that was never finished", metadata: ["directory": "\(name)"])
                found.unfinished.append((section.directory.appending(entry.name), name))
                continue
            }
            guard Self.isOwn(name, in: section) else {
                logger.warning("not a \(section.noun) of this pool, left alone", metadata: ["entry": "\(name)"])
                continue
            }
            do throws(CSIError) {
                if let record: Record = try await read(name, in: tree, isForSummary: true) {
                    found.entries.append(summary(record, &maps))
                }
            } catch {
                logger.error(
                    "\(section.noun) set aside: its record cannot be used; the others are served",
                    metadata: ["\(section.recordName)": "\(name)", "error": "\(error.message)"])
                found.asideCount += 1
            }
        }
        return found
    }

    /// Whether a name is one that this pool could have given out.
    static func isOwn(_ name: String, in section: PoolSection) -> Bool {
        switch section {
        case .snapshots: (try? SnapshotID(name))?.pathComponent == name
        case .groups: (try? GroupSnapshotID(name))?.pathComponent == name
        default: (try? VolumeID(name))?.pathComponent == name
        }
    }

    /// The record in a directory; nil when there is no such directory.
    /// - Parameter place: Where the directory is; nil for among the others of its kind.
    func read<Record: PoolRecord>(
        _ component: String, at place: FilePath? = nil, in tree: any DirectoryTree, isForSummary: Bool = false
    ) async throws(CSIError) -> Record? {
        let section = Record.section
        let directory = place ?? section.path(component)
        let bytes: [UInt8]
        do throws(HostError) {
            bytes = try await tree.readFile(section.record(in: directory), limit: PoolLayout.recordLimit)
        } catch {
            guard error.kind == .notFound else { throw unusable(component, section, directory, error.description) }
            // Without its record a directory is a damaged volume; without the directory there is no volume.
            let isThere = try await withHostErrors { () async throws(HostError) in try await tree.exists(directory) }
            guard isThere else { return nil }
            throw unusable(component, section, directory, "the file is missing")
        }
        do throws(RecordFailure) {
            return try Record(parsing: bytes, expecting: component, isForSummary: isForSummary)
        } catch {
            throw unusable(component, section, directory, error.reason)
        }
    }

    private func unusable(
        _ component: String, _ section: PoolSection, _ directory: FilePath, _ reason: String
    ) -> CSIError {
        let file = path.pushing(section.record(in: directory))
        return .preconditionFailed(
            "\(section.noun) \"\(component)\" is set aside: its record \"\(file)\" cannot be used: \(reason); "
                + "restore the file, or move the directory out of the pool")
    }

    /// Makes something durable under its partial name and gives it its own: when it throws, nothing is left.
    /// - Parameters:
    ///   - record: Says what it is.
    ///   - tree: The pool.
    ///   - recordFirst: Whether the record is written before the content, as is better where making the content syncs all that
    ///     was made before it.
    ///   - fill: Puts the content into the directory that it is given, each file durable, names not yet.
    func commit<Record: PoolRecord>(
        _ record: Record, in tree: any DirectoryTree, recordFirst: Bool = false,
        fill: (FilePath) async throws(CSIError) -> Void
    ) async throws(CSIError) {
        _ = try await commit(
            Record.section, record.component, in: tree, first: recordFirst ? record : nil
        ) { (partial) async throws(CSIError) -> Record in
            try await fill(partial)
            return record
        }
    }

    /// As ``commit(_:in:fill:)``, for a record that is known only when the content is there.
    /// - Parameter givingUp: Called when it has failed, before the content is taken apart.
    func commit<Record: PoolRecord>(
        _ section: PoolSection, _ component: String?, in tree: any DirectoryTree, first: Record? = nil,
        givingUp: () -> Void = {}, fill: (FilePath) async throws(CSIError) -> Record
    ) async throws(CSIError) -> Record {
        guard let component else {
            throw .fault("the id of a new \(section.noun) cannot be the name of a directory")
        }
        let partial = section.partial(component)
        do throws(CSIError) {
            try await makePartial(partial, in: tree)
            if let first { try await write(first, into: partial, in: tree) }
            let record = try await fill(partial)
            let path = section.path(component)
            try await withHostErrors { () async throws(HostError) in
                guard first == nil else {
                    // One sync makes the names of everything durable that was put there.
                    try await tree.syncDirectory(partial)
                    return try await tree.renameDurably(from: partial, to: path)
                }
                try await tree.completeDirectory(
                    partial, as: path, with: section.recordName, record.bytes, permissions: [.ownerReadWrite])
            }
            return record
        } catch {
            givingUp()
            await removeQuietly(partial, in: tree)
            throw error
        }
    }

    /// Nobody looks at the record before the directory has its name, so it is written in place.
    private func write<Record: PoolRecord>(
        _ record: Record, into partial: FilePath, in tree: any DirectoryTree
    ) async throws(CSIError) {
        try await withHostErrors { () async throws(HostError) in
            try await tree.writeNewFile(
                Record.section.record(in: partial), record.bytes, permissions: [.ownerReadWrite])
        }
    }

    private func makePartial(_ partial: FilePath, in tree: any DirectoryTree) async throws(CSIError) {
        try await withHostErrors { () async throws(HostError) in
            do throws(HostError) {
                try await tree.createDirectory(partial, permissions: .ownerReadWriteExecute)
            } catch  where error.kind == .alreadyExists {
                // An attempt that failed and could not be cleaned up; nobody else works on this id.
                try await takeApart(partial, in: tree)
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

    /// Removes something and what limits it, which is found by the directory: so that goes last.
    private func takeApart(_ path: FilePath, in tree: any DirectoryTree) async throws(HostError) {
        try await clearLimits(of: path, in: tree)
        try await tree.removeTree(path)
    }

    /// What cannot be removed now is tried again at the next start; nobody needs it meanwhile.
    func removeQuietly(_ path: FilePath, in tree: any DirectoryTree) async {
        do throws(HostError) {
            try await takeApart(path, in: tree)
        } catch {
            logger.warning(
                "leftovers stay until the next start", metadata: ["path": "\(path)", "error": "\(error.description)"])
        }
    }
}
