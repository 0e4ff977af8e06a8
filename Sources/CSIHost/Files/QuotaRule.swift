package import SystemPackage

/// What every host demands of quotas.
package enum QuotaRule {
    /// Makes sure that limits are some that a file system can hold.
    package static func check(
        _ limits: QuotaLimits, by mechanism: QuotaSupport.Mechanism, at path: FilePath
    ) throws(HostError) {
        for limit in [limits.bytes, limits.inodes] {
            guard let limit, limit <= 0 else { continue }
            throw HostError(.setQuota, at: path, kind: .invalidArgument, detail: "a limit of \(limit)")
        }
        guard mechanism == .project || limits.inodes == nil else {
            throw HostError(
                .setQuota, at: path, kind: .notSupported, detail: "the file system does not count inodes by subvolume")
        }
    }

    /// The error about a directory that no limit can belong to.
    package static func notCounted(_ mechanism: QuotaSupport.Mechanism, at path: FilePath) -> HostError {
        HostError(
            .setQuota, at: path, kind: .invalidArgument,
            detail: mechanism == .project ? "it belongs to no project" : "it is not a subvolume")
    }

    /// The error about a file system without quotas.
    package static func noQuotas(_ operation: HostOperation, at path: FilePath) -> HostError {
        HostError(operation, at: path, kind: .notSupported, detail: "the file system counts no projects")
    }

    /// The error about a range of projects that are all taken.
    package static func noFreeProject(_ range: ClosedRange<UInt32>, at path: FilePath) -> HostError {
        HostError(
            .findProject, at: path, kind: .resourceLimit,
            detail: "all projects from \(range.lowerBound) to \(range.upperBound) are taken")
    }
}
