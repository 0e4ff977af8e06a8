public import CSICore
public import CSIHost
public import SystemPackage

/// Everything that lies in a pool, for people: also what no driver serves.
public struct PoolSurvey: Sendable {
    /// A directory of a volume.
    public struct Volume: Sendable {
        /// The name of the directory, which is the volume's id.
        public let id: String

        /// What the pool keeps of it; nil when that cannot be used.
        public let record: VolumeRecord?

        /// Why the volume is set aside; nil when it is not.
        public let problem: String?

        /// What its image is; nil for a directory volume, and when the image is gone.
        public let image: FileMetadata?

        /// How it is staged as a raw block device; nil when it is not.
        public let staged: StagedBlock?

        /// What holds its size now: `project` with its number, `subvolume`, `image`, or `none`; nil without a record.
        public let quota: String?
    }

    /// A directory of a snapshot.
    public struct Snapshot: Sendable {
        /// The name of the directory, which is the snapshot's id.
        public let id: String

        /// What the pool keeps of it; nil when that cannot be used.
        public let record: SnapshotRecord?

        /// Why the snapshot is set aside; nil when it is not.
        public let problem: String?

        /// Whether all of its content is there.
        public let isReady: Bool

        /// What its image is; nil for that of a directory volume, and while it is copied.
        public let image: FileMetadata?
    }

    /// The volumes in the order of their ids.
    public internal(set) var volumes: [Volume] = []

    /// The snapshots, members of groups among them, in the order of their ids.
    public internal(set) var snapshots: [Snapshot] = []

    /// What was never finished, or is being made just now.
    public internal(set) var partials: [FilePath] = []

    /// What is on its way out.
    public internal(set) var trash: [FilePath] = []

    /// What is nobody's.
    public internal(set) var foreign: [FilePath] = []
}

extension VolumePool {
    /// Opens the pool to look at it: nothing is made, and no lock is taken.
    /// - Throws: FAILED_PRECONDITION with what to do when the directory is missing.
    public func openToLook() async throws(CSIError) {
        let tree = try await openTree()
        let identity = try await withHostErrors { () async throws(HostError) in try await tree.identity(of: "") }
        adopt(tree, identity)
    }

    /// Reads the whole pool; takes a few file operations for each volume.
    /// - Parameter progress: Told after each volume and snapshot how many have been read, and of how many.
    public func survey(
        progress: (_ done: Int, _ all: Int) -> Void = { _, _ in }
    ) async throws(CSIError) -> PoolSurvey {
        let tree = try tree()
        var survey = PoolSurvey()
        var names: [(section: PoolSection, name: String)] = []
        for section in [PoolSection.volumes, .snapshots, .groups] {
            for entry in try await entries(section.directory, in: tree) {
                let place = path.pushing(section.directory).appending(entry)
                if entry.hasSuffix(PoolLayout.partialSuffix) {
                    survey.partials.append(place)
                } else if Self.isOwn(entry, in: section) {
                    names.append((section, entry))
                } else {
                    survey.foreign.append(place)
                }
            }
        }
        survey.trash = try await entries(PoolLayout.trash, in: tree).map {
            path.pushing(PoolLayout.trash).appending($0)
        }
        // Whoever may not ask sees what the records say.
        let support = try? await tree.quotaSupport()
        for (index, (section, name)) in names.enumerated() {
            let directory = section.path(name)
            switch section {
            case .volumes: survey.volumes.append(await volume(name, in: tree, support))
            case .groups:
                for member in try await entries(directory, in: tree) where Self.isOwn(member, in: .snapshots) {
                    // The record of the group could be the name of a member, and is no directory.
                    let place = directory.appending(member)
                    guard (try? await tree.metadata(of: place))?.kind == .directory else { continue }
                    survey.snapshots.append(await snapshot(member, at: place, in: tree))
                }
            default: survey.snapshots.append(await snapshot(name, at: directory, in: tree))
            }
            progress(index + 1, names.count)
        }
        survey.snapshots.sort { $0.id.utf8.lexicographicallyPrecedes($1.id.utf8) }
        return survey
    }

    private func entries(_ directory: FilePath, in tree: any DirectoryTree) async throws(CSIError) -> [String] {
        try await withHostErrors { () async throws(HostError) in
            do throws(HostError) {
                return try await tree.list(directory, limit: .max).map(\.name.string)
            } catch {
                guard error.kind == .notFound else { throw error }
                return []
            }
        }
    }

    private func volume(
        _ name: String, in tree: any DirectoryTree, _ support: QuotaSupport?
    ) async -> PoolSurvey.Volume {
        let (record, problem): (VolumeRecord?, String?) = await readToLook(name, in: tree)
        let directory = PoolLayout.volume(name)
        let image = try? await tree.metadata(of: PoolLayout.image(in: directory))
        var staged: StagedBlock?
        if let id = try? VolumeID(name) { staged = try? await stagedBlock(of: id) }
        return PoolSurvey.Volume(
            id: name, record: record, problem: problem, image: image, staged: staged,
            quota: record.map { Self.quota(of: $0, support) })
    }

    private static func quota(of record: VolumeRecord, _ support: QuotaSupport?) -> String {
        guard record.content == .directory else { return "image" }
        guard let quota = record.quota, support?.holds(quota) ?? true else { return "none" }
        return quota.description
    }

    private func snapshot(
        _ name: String, at directory: FilePath, in tree: any DirectoryTree
    ) async -> PoolSurvey.Snapshot {
        let (record, problem): (SnapshotRecord?, String?) = await readToLook(name, at: directory, in: tree)
        let image = try? await tree.metadata(of: PoolLayout.image(in: directory))
        let data = try? await tree.metadata(of: PoolLayout.data(in: directory))
        return PoolSurvey.Snapshot(
            id: name, record: record, problem: problem, isReady: image != nil || data != nil, image: image)
    }

    private func readToLook<Record: PoolRecord>(
        _ name: String, at directory: FilePath? = nil, in tree: any DirectoryTree
    ) async -> (Record?, String?) {
        do throws(CSIError) {
            return (try await read(name, at: directory, in: tree), nil)
        } catch {
            return (nil, error.message)
        }
    }
}
