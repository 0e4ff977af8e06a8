import CSICore
import CSIHost
import SystemPackage

/// The driver's own files on a share.
extension Share {
    /// Nobody but the driver has to look at them; with squashed root that is whoever the server takes it for.
    private static let ownPermissions = FilePermissions(rawValue: 0o700)
    private static let recordPermissions = FilePermissions(rawValue: 0o600)
    private static let longestRecord = 64 << 10

    /// The record of the volume in a directory; nil when it has none, as one that csi-driver-nfs made.
    func record(of directory: SubDirectory) async throws(CSIError) -> NFSVolumeRecord? {
        try await records(of: [directory]).first ?? nil
    }

    /// The records of the volumes in several directories, nil for each that has none.
    func records(of directories: [SubDirectory]) async throws(CSIError) -> [NFSVolumeRecord?] {
        let outcomes = try await withNFSErrors { () async throws(HostError) in
            try await tree.perform(directories.map(Self.recordStep))
        }
        var records: [NFSVolumeRecord?] = []
        for (directory, outcome) in zip(directories, outcomes) {
            records.append(try record(outcome.content, of: directory))
        }
        return records
    }

    /// The record of the volume in a directory, and what the directory is.
    func look(
        at directory: SubDirectory
    ) async throws(CSIError) -> (record: NFSVolumeRecord?, found: FileMetadata?) {
        let outcomes = try await withNFSErrors { () async throws(HostError) in
            try await tree.perform([Self.recordStep(directory), .metadata(directory.path)])
        }
        return (try record(outcomes.first?.content, of: directory), outcomes.last?.metadata)
    }

    private static func recordStep(_ directory: SubDirectory) -> TreeStep {
        .readFile(ShareLayout.record(of: directory), limit: longestRecord)
    }

    private func record(_ bytes: [UInt8]?, of directory: SubDirectory) throws(CSIError) -> NFSVolumeRecord? {
        guard let bytes else { return nil }
        do throws(RecordLines.Unusable) {
            return try NFSVolumeRecord(parsing: bytes)
        } catch {
            throw unusable(ShareLayout.record(of: directory), error)
        }
    }

    /// The record of a snapshot of this driver.
    func snapshotRecord(_ name: SubDirectory) async throws(CSIError) -> NFSSnapshotRecord? {
        let path = ShareLayout.snapshot(name).appending("snapshot")
        guard let bytes = try await read(path) else { return nil }
        do throws(RecordLines.Unusable) {
            return try NFSSnapshotRecord(parsing: bytes)
        } catch {
            throw unusable(path, error)
        }
    }

    private func unusable(_ path: FilePath, _ error: RecordLines.Unusable) -> CSIError {
        .preconditionFailed(
            "\(location) has a record that cannot be used, \(path): \(error.reason); look at it, and move it away to have "
                + "the directory treated as one without a record")
    }

    func read(_ path: FilePath) async throws(CSIError) -> [UInt8]? {
        do throws(HostError) {
            return try await tree.readFile(path, limit: Self.longestRecord)
        } catch  where error.kind == .notFound {
            return nil
        } catch {
            throw CSIError(nfs: error)
        }
    }

    /// Writes the record of a volume: from here on the volume exists.
    func write(_ record: NFSVolumeRecord, of directory: SubDirectory) async throws(CSIError) {
        try await inOwnDirectory(ShareLayout.volumes) { () async throws(HostError) in
            _ = try await tree.perform([Self.step(record, of: directory)])
        }
    }

    private static func step(_ record: NFSVolumeRecord, of directory: SubDirectory) -> TreeStep {
        .writeFileDurably(ShareLayout.record(of: directory), record.bytes, recordPermissions, replacing: true)
    }

    /// Makes a volume by steps, the last of which is its record.
    ///
    /// - Throws: what the step before the record threw, as the host has it.
    func make(
        _ directory: SubDirectory, by steps: [TreeStep], _ record: NFSVolumeRecord
    ) async throws(HostError) -> Made {
        do throws(HostError) {
            _ = try await tree.perform(steps + [Self.step(record, of: directory)])
            return .complete
        } catch  where error.kind == .notFound && error.operation == .writeFile {
            return .withoutRecord
        }
    }

    /// How far a volume was made.
    enum Made {
        case complete
        /// The directory for records is still to be made.
        case withoutRecord
    }

    /// Does something in one of the driver's own directories, which is made if it is not there.
    func inOwnDirectory(
        _ directory: FilePath, _ body: () async throws(HostError) -> Void
    ) async throws(CSIError) {
        do throws(HostError) {
            return try await body()
        } catch  where error.kind == .notFound {
            try await makeOwn(directory)
            try await withNFSErrors(body)
        } catch {
            throw CSIError(nfs: error)
        }
    }

    private func makeOwn(_ directory: FilePath) async throws(CSIError) {
        for path in [ShareLayout.own, directory] {
            do throws(HostError) {
                try await tree.createDirectory(path, permissions: Self.ownPermissions)
                try await tree.syncDirectory(path.removingLastComponent())
            } catch  where error.kind == .alreadyExists {
                continue
            } catch {
                throw CSIError(nfs: error)
            }
        }
    }

    /// What the note about a directory above a volume says.
    private static let made = Array("made by the driver\n".utf8)
    private static let found = Array("found by the driver\n".utf8)

    /// Makes the directories above a volume that are missing, and notes which were made and which were found: those are never
    /// removed, and both hold volumes.
    func makeParents(of directory: SubDirectory) async throws(CSIError) {
        for parent in directory.parents {
            let found = try await withNFSErrors { () async throws(HostError) in
                try await tree.metadata(of: parent.path)
            }
            if let found, found.kind != .directory {
                throw .preconditionFailed("\(location.appending(parent.path)) is not a directory")
            }
            let note = ShareLayout.parent(parent)
            let isNoted = try await withNFSErrors { () async throws(HostError) in try await tree.exists(note) }
            if !isNoted {
                try await inOwnDirectory(ShareLayout.parents) { () async throws(HostError) in
                    try await tree.writeFileDurably(
                        note, found == nil ? Self.made : Self.found, permissions: Self.recordPermissions,
                        replacing: true)
                }
            }
            guard found == nil else { continue }
            do throws(HostError) {
                try await tree.createDirectory(parent.path, permissions: FilePermissions(rawValue: 0o755))
                try await tree.syncDirectory(parent.path.removingLastComponent())
            } catch  where error.kind == .alreadyExists {
                continue
            } catch {
                throw CSIError(nfs: error)
            }
        }
    }

    /// Removes the directories above a volume that this driver has made and that are empty now.
    func removeParents(of directory: SubDirectory) async throws(CSIError) {
        for parent in directory.parents.reversed() {
            let note = ShareLayout.parent(parent)
            guard try await read(note) == Self.made else { return }
            do throws(HostError) {
                try await tree.removeDirectory(parent.path)
                try await tree.removeFile(note)
            } catch  where error.kind == .notEmpty {
                return
            } catch {
                throw CSIError(nfs: error)
            }
        }
    }

    /// Removes what writes have left that an earlier process did not end; nobody reads it, so a failure does not matter.
    func removeStrays() async {
        for directory in [ShareLayout.volumes, ShareLayout.parents, ShareLayout.making] {
            for name in (try? await names(in: directory)) ?? [] where name.hasPrefix(".new-") {
                _ = try? await tree.removeFile(directory.appending(name))
            }
        }
    }

    /// Moves something into the trash and removes it there: it is gone at once, whatever time its removal takes.
    func discard(_ path: FilePath, as name: String) async throws(CSIError) {
        let place = ShareLayout.trash.appending(name)
        try await inOwnDirectory(ShareLayout.trash) { () async throws(HostError) in
            do throws(HostError) {
                // An empty directory that is there may be replaced: to look for it beforehand is one more request.
                try await tree.renameDurably(from: path, to: place, replacing: true)
            } catch  where error.kind == .alreadyExists || error.kind == .notEmpty {
                // An earlier volume of the same name, whose removal did not come to its end.
                try await tree.removeTree(place)
                try await tree.renameDurably(from: path, to: place)
            }
        }
    }

    func emptyTrash(_ name: String) async throws(CSIError) {
        try await withNFSErrors { () async throws(HostError) in
            try await tree.removeTree(ShareLayout.trash.appending(name))
        }
    }

    /// The names in one of the driver's own directories; none when it is not there.
    func names(in directory: FilePath) async throws(CSIError) -> [String] {
        do throws(HostError) {
            return try await tree.list(directory, limit: 1_000_000).map(\.name.string)
        } catch  where error.kind == .notFound {
            return []
        } catch {
            throw CSIError(nfs: error)
        }
    }
}
