public import CSICore
public import CSIHost
import CSILock
import Logging
import SystemPackage

/// Sizes that hold.
extension VolumePool {
    /// How often another project is tried when somebody else took the one that was free a moment ago.
    private static let projectAttempts = 32

    /// How often a record is read again that another process has changed meanwhile.
    private static let recordReads = 8

    /// What the pool's file system does with limits, as it was mounted when the pool was opened.
    public var quotaSupport: QuotaSupport { openedQuotas?.support ?? .none("the pool is not open") }

    /// Whether a volume's size is enforced now.
    public func isEnforced(_ quota: VolumeQuota?) -> Bool {
        quota.map(quotaSupport.holds) ?? false
    }

    /// Makes the directory that pods see, with what limits it.
    /// - Returns: What limits it; nil where nothing can, or shall.
    func makeData(
        _ data: DataDirectory, _ limits: QuotaLimits, in partial: FilePath, of tree: any DirectoryTree
    ) async throws(CSIError) -> VolumeQuota? {
        let path = PoolLayout.data(in: partial)
        let quotas = openedQuotas ?? PoolQuotas()
        try await withHostErrors { () async throws(HostError) in
            if quotas.hasSubvolumes {
                try await tree.createSubvolume(path, permissions: data.permissions)
            } else {
                try await tree.createDirectory(path, permissions: data.permissions)
            }
            if data.userID != nil || data.groupID != nil {
                try await tree.setOwner(path, userID: data.userID, groupID: data.groupID)
                // A change of the owner can take bits of the mode away.
                try await tree.setPermissions(path, data.permissions)
            }
        }
        guard data.isLimited, quotas.support.enforcement > .none else { return nil }
        switch quotas.support.mechanism {
        case nil: return nil
        case .subvolume:
            guard quotas.hasSubvolumes else { return nil }
            try await withHostErrors { () async throws(HostError) in try await tree.setQuota(limits, of: path) }
            return .subvolume
        case .project:
            let project = try await assignProject(to: path, in: tree)
            do throws(HostError) {
                try await tree.setQuota(limits, of: path)
            } catch {
                giveBack(.project(project))
                throw CSIError(error)
            }
            return .project(project)
        }
    }

    /// Gives a new, empty directory a project that nothing else has.
    private func assignProject(to path: FilePath, in tree: any DirectoryTree) async throws(CSIError) -> UInt32 {
        for _ in 0..<Self.projectAttempts {
            let start = state.withLock { $0.projects.start }
            let found = try await withHostErrors { () async throws(HostError) in
                try await tree.freeProject(in: ProjectTable.range, from: start)
            }
            guard state.withLock({ $0.projects.take(found) }) else { continue }
            do throws(HostError) {
                try await tree.setProject(found, of: path)
                // Whoever else took it at the same moment sees two as well, and at least one of the two lets go.
                if let count = try await tree.quota(of: path)?.usedInodes, count > 1 {
                    giveBack(.project(found))
                    continue
                }
            } catch {
                giveBack(.project(found))
                throw CSIError(error)
            }
            return found
        }
        throw .noSpace("other programs take every project of the pool's file system that was free; retry")
    }

    func giveBack(_ quota: VolumeQuota?) {
        guard case .project(let project)? = quota else { return }
        state.withLock { $0.projects.giveBack(project) }
    }

    /// Makes the limits of a volume what its record says, if they are not, for example after a power failure.
    ///
    /// Another process may change the record at the same time: it sets limits before it writes a record, and calls this
    /// afterwards, and this looks at the record again after each change. So the last one of both sees the last record.
    /// - Parameters:
    ///   - record: The volume.
    ///   - limits: Other limits than those of the record, which a caller is about to write.
    /// - Throws: FAILED_PRECONDITION when somebody moved the volume's directory into another project, or out of all.
    public func applyLimits(of record: VolumeRecord, _ limits: QuotaLimits? = nil) async throws(CSIError) {
        var record = record
        for _ in 0..<Self.recordReads {
            guard try await setLimits(limits ?? record.limits, of: record), limits == nil,
                let current = try await self.record(record.id), current.limits != record.limits
            else { return }
            record = current
        }
        throw .pendingElsewhere("the size of volume \"\(record.id)\" changes again and again; retry later")
    }

    /// - Returns: Whether the limits were others.
    private func setLimits(_ wanted: QuotaLimits, of record: VolumeRecord) async throws(CSIError) -> Bool {
        guard let quota = record.quota, quota.mechanism == quotaSupport.mechanism, let component = record.component
        else { return false }
        let tree = try tree()
        let data = PoolLayout.data(in: PoolLayout.volume(component))
        let held = try await withHostErrors { () async throws(HostError) in try await tree.quota(of: data) }
        if case .project(let project) = quota, held?.id != UInt64(project) {
            if held == nil, try await !isInNoProject(record.id, in: tree) { return false }
            throw .preconditionFailed(
                "the directory of volume \"\(record.id)\" belongs to project \(held?.id ?? 0), and its record says "
                    + "\(project); somebody changed it: set it right with chattr -R -p \(project), or with xfs_quota")
        }
        guard let held, !held.limits.grants(wanted) else { return false }
        try await withHostErrors { () async throws(HostError) in try await tree.setQuota(wanted, of: data) }
        return true
    }

    /// Whether nobody counts the volume's directory, although it is there and the file system counts projects.
    private func isInNoProject(_ id: VolumeID, in tree: any DirectoryTree) async throws(CSIError) -> Bool {
        guard try await hasData(id) else { return false }
        // Asked anew: quotas can have been switched off since the pool was opened.
        return try await withHostErrors { () async throws(HostError) in
            try await tree.quotaSupport().mechanism == .project
        }
    }

    /// What a volume holds and may hold; nil where nobody counts it, or the counted directory is not the volume's alone.
    public func quota(of id: VolumeID, _ quota: VolumeQuota?) async throws(CSIError) -> TreeQuota? {
        guard let quota, quota.mechanism == quotaSupport.mechanism, let component = id.pathComponent else { return nil }
        let tree = try tree()
        let held = try await withHostErrors { () async throws(HostError) in
            try await tree.quota(of: PoolLayout.data(in: PoolLayout.volume(component)))
        }
        if case .project(let project) = quota, held?.id != UInt64(project) { return nil }
        return held
    }

    /// Takes the limit away from what is on its way out, before the directory goes that it is found by.
    ///
    /// Only a limit of this pool's own: a project outside of its range, one of a volume that lives, or the one that an
    /// operator put the whole pool in, stays.
    func clearLimits(of doomed: FilePath, in tree: any DirectoryTree) async throws(HostError) {
        guard let quotas = openedQuotas, quotas.support.mechanism == .project, quotas.support.enforcement > .none,
            let held = try await ownQuota(of: doomed, in: tree), held.limits != .unlimited,
            let project = UInt32(exactly: held.id), ProjectTable.range.contains(project), held.id != quotas.ownProject,
            !state.withLock({ $0.projects.holds(project) })
        else { return }
        try await tree.setQuota(.unlimited, of: PoolLayout.data(in: doomed))
    }

    /// What limits something on its way out: by the project that its record says, and not by one that its pods have
    /// moved it into, which can be another volume's.
    ///
    /// A directory that was moved belongs to its own project again afterwards: as long as it is there, nobody else takes
    /// that project, so a limit that is cleared once more after a crash is never another's.
    private func ownQuota(of doomed: FilePath, in tree: any DirectoryTree) async throws(HostError) -> TreeQuota? {
        let data = PoolLayout.data(in: doomed)
        let held = try await tree.quota(of: data)
        let record: [UInt8]
        do throws(HostError) {
            record = try await tree.readFile(VolumeRecord.section.record(in: doomed), limit: PoolLayout.recordLimit)
        } catch  where error.kind == .notFound || error.kind == .notDirectory {
            // It never became a volume, and no pod has seen it.
            return held
        }
        guard case .project(let own)? = VolumeRecord.quota(in: record) else {
            // A crash can have torn the record of what never became a volume either.
            return doomed.lastComponent?.string.contains(PoolLayout.partialSuffix) == true ? held : nil
        }
        guard held?.id != UInt64(own) else { return held }
        guard try await tree.metadata(of: data)?.kind == .directory else { return nil }
        // The top comes first and is enough; what is below it may not fit.
        try? await tree.setProject(own, of: data)
        let restored = try await tree.quota(of: data)
        return restored?.id == UInt64(own) ? restored : nil
    }
}

/// What a pool found out about its file system when it was opened.
struct PoolQuotas: Sendable {
    var support = QuotaSupport.none("the pool is not open")
    var hasSubvolumes = false
    /// The project that the pool's own directory belongs to.
    var ownProject: UInt64?

    init() {}

    init(of tree: any DirectoryTree, _ logger: Logger) async throws(HostError) {
        hasSubvolumes = try await tree.hasSubvolumes()
        do throws(HostError) {
            support = try await tree.quotaSupport()
            ownProject = try await tree.quota(of: "")?.id
        } catch {
            support = .none(error.description)
        }
        if support.enforcement == .enforcing, let detail = support.detail {
            logger.warning("the quotas of the pool", metadata: ["pool": "\(tree.path)", "detail": "\(detail)"])
        }
    }
}

extension QuotaSupport {
    /// Whether a limit of this kind is one that nothing goes over.
    func holds(_ quota: VolumeQuota) -> Bool { mechanism == quota.mechanism && enforcement == .enforcing }
}

extension QuotaLimits {
    /// The largest block that a file system rounds up to.
    private static let largestBlock: Int64 = 64 << 10

    /// Whether these are the wanted limits, as a file system rounds them up.
    func grants(_ wanted: QuotaLimits) -> Bool {
        guard inodes == wanted.inodes else { return false }
        guard let bytes, let least = wanted.bytes else { return bytes == wanted.bytes }
        return bytes >= least && bytes - least < Self.largestBlock
    }
}
