import CSIHost
import CSILock
import SystemPackage

/// What calls have last found out about the mounts of volumes and their servers.
///
/// Asks no server itself, so it can be looked at while servers hang. The kubelet asks for the statistics of each volume about
/// once a minute, and each answer lands here.
final class MountHealth: Sendable {
    /// How a mount is.
    enum Finding: String, Sendable, CaseIterable {
        /// Its server answers, or nobody has asked yet.
        case normal
        /// Its server answers, and cannot serve it: the export was made anew, or reading fails.
        case abnormal
        /// Its server does not answer.
        case hung
    }

    private struct State {
        /// The mount points of volumes, and whether they are abnormal.
        var isAbnormal: [FilePath: Bool] = [:]
        /// The servers that gave the last call no answer.
        var silent: Set<String> = []
    }

    private let state = Guarded(State())

    /// Notes what a call to a server has come to.
    /// - Parameters:
    ///   - path: The mount point that it was about; nil when there is none.
    ///   - source: The mount's source, `server:/path`.
    func note(_ finding: Finding, at path: FilePath?, source: String) {
        let server = Self.server(source)
        state.withLock { state in
            if let path { state.isAbnormal[path] = finding == .abnormal }
            if finding == .hung { state.silent.insert(server) } else { state.silent.remove(server) }
        }
    }

    /// Notes how a call failed, if that says something about its server.
    func note(_ error: HostError, at path: FilePath?, source: String) {
        switch error.kind {
        case .timedOut, .lockHeld, .unreachable: note(.hung, at: path, source: source)
        case .stale, .inputOutput: note(.abnormal, at: path, source: source)
        default: break
        }
    }

    /// Forgets a mount point where nothing is mounted any more.
    func forget(_ path: FilePath) { state.withLock { _ = $0.isAbnormal.removeValue(forKey: path) } }

    /// The mounts of volumes in a table by their health.
    ///
    /// A process that has just started knows none of them: the kubelet's staging paths have the driver's name in them, and a
    /// pod's mount has the source of a staged one.
    func count(_ table: MountTable, driver: String) -> [Finding: Int] {
        let mounts = table.entries.filter(\.isNFS)
        let (isAbnormal, silent) = state.withLock { state in
            let there = Set(mounts.map(\.mountPoint))
            state.isAbnormal = state.isAbnormal.filter { there.contains($0.key) }
            return (state.isAbnormal, state.silent)
        }
        let known = mounts.filter { mount in
            isAbnormal[mount.mountPoint] != nil || mount.mountPoint.components.contains { $0.string == driver }
        }
        let sources = Set(known.map(\.source))
        var counts = Dictionary(uniqueKeysWithValues: Finding.allCases.map { ($0, 0) })
        for mount in mounts where sources.contains(mount.source) {
            let finding: Finding =
                if silent.contains(Self.server(mount.source)) {
                    .hung
                } else {
                    isAbnormal[mount.mountPoint] == true ? .abnormal : .normal
                }
            counts[finding, default: 0] += 1
        }
        return counts
    }

    /// What is before the path in the source of a mount.
    private static func server(_ source: String) -> String {
        let slash = source.firstIndex(of: "/") ?? source.endIndex
        return String(source[..<slash])
    }
}
