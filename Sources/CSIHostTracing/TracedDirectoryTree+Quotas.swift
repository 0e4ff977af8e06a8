import CSIHost
import SystemPackage

extension TracedDirectoryTree {
    func quotaSupport() async throws(HostError) -> QuotaSupport {
        try await span(.readQuota, FilePath()) { () async throws(HostError) in try await base.quotaSupport() }
    }

    func freeProject(in range: ClosedRange<UInt32>, from start: UInt32) async throws(HostError) -> UInt32 {
        try await span(.findProject, FilePath()) { () async throws(HostError) in
            try await base.freeProject(in: range, from: start)
        }
    }

    func setProject(_ project: UInt32, of path: FilePath) async throws(HostError) {
        try await span(.setProject, path) { () async throws(HostError) in
            try await base.setProject(project, of: path)
        }
    }

    func setQuota(_ limits: QuotaLimits, of path: FilePath) async throws(HostError) {
        try await span(.setQuota, path) { () async throws(HostError) in try await base.setQuota(limits, of: path) }
    }

    func quota(of path: FilePath) async throws(HostError) -> TreeQuota? {
        try await span(.readQuota, path) { () async throws(HostError) in try await base.quota(of: path) }
    }
}
