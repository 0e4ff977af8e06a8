import CSIBlock
import CSICore
import CSIHost
import CSIPool
import SystemPackage

/// The pools of a driver, which share their ids: each is of one volume, whichever pool holds it.
struct PoolSet: Sendable {
    /// A pool and what classes call it.
    struct Member: Sendable {
        let name: String?
        let pool: VolumePool
        /// The devices of its raw block volumes.
        let images: ImageDevices
    }

    let members: [Member]

    /// The pool of classes that name none.
    var standard: Member? { members.first { $0.name == nil } ?? members.first }

    /// The pool that a class names; nil when this node has none of that name.
    subscript(name: String?) -> Member? {
        name == nil ? standard : members.first { $0.name == name }
    }

    /// Opens the pools.
    /// - Throws: FAILED_PRECONDITION when two of them are one directory or lie in each other, or when one cannot be used.
    func open(on host: any Host) async throws(CSIError) {
        try await requireApart(on: host)
        for member in members { try await member.pool.open() }
        VolumePool.shareRoom(of: members.map(\.pool))
    }

    /// Reads what is in the pools, to manage them.
    func rebuild() async throws(CSIError) {
        for member in members { try await member.pool.rebuild() }
    }

    /// The volume of an id with the pool that holds it; nil when there is no such volume.
    /// - Throws: FAILED_PRECONDITION when its record cannot be used, or two pools hold such a volume.
    func find(_ id: VolumeID) async throws(CSIError) -> (record: VolumeRecord, member: Member)? {
        var found: (record: VolumeRecord, member: Member)?
        for member in members {
            guard let record = try await member.pool.record(id) else { continue }
            if let found {
                throw .preconditionFailed(
                    "the pools \(found.member.pool.path) and \(member.pool.path) both hold a volume \"\(id)\"; move one "
                        + "of the two directories out of its pool")
            }
            found = (record, member)
        }
        return found
    }

    /// At most `limit` volumes of all pools in the order of their ids, beginning after `last`.
    /// - Returns: The volumes, each with the place of its pool in ``members``.
    func page(after last: String?, limit: Int) -> (volumes: [(summary: VolumeSummary, member: Int)], hasMore: Bool) {
        var volumes: [(summary: VolumeSummary, member: Int)] = []
        var hasMore = false
        for (index, member) in members.enumerated() {
            let page = member.pool.page(after: last, limit: limit)
            volumes += page.volumes.map { ($0, index) }
            hasMore = hasMore || page.hasMore
        }
        guard members.count > 1 else { return (volumes, hasMore) }
        volumes.sort { $0.summary.id.rawValue.utf8.lexicographicallyPrecedes($1.summary.id.rawValue.utf8) }
        return (Array(volumes.prefix(max(0, limit))), hasMore || volumes.count > limit)
    }

    /// Two names for one directory would give its room out twice, and its lock to one of them only.
    private func requireApart(on host: any Host) async throws(CSIError) {
        var seen: [(path: FilePath, identity: FileIdentity)] = []
        for member in members {
            let path: FilePath
            let identity: FileIdentity
            do throws(HostError) {
                path = try await host.files.canonicalPath(of: member.pool.path)
                guard let found = try await host.files.metadata(of: path)?.identity else { continue }
                identity = found
            } catch {
                // Opening it says why, and what to do.
                continue
            }
            for other in seen {
                guard other.identity != identity else {
                    throw .preconditionFailed(
                        "the pools \(other.path) and \(member.pool.path) are one directory; name it once")
                }
                guard !path.starts(with: other.path), !other.path.starts(with: path) else {
                    throw .preconditionFailed(
                        "of the pools \(other.path) and \(path), one lies in the other; keep them apart")
                }
            }
            seen.append((path, identity))
        }
    }
}
