import CLinux
import SystemPackage

extension LinuxDirectoryTree {
    func quotaSupport() async throws(HostError) -> QuotaSupport {
        let site = CallSite(.readQuota, at: path)
        if try site.isBtrfs(descriptor) { return try site.quotaGroupSupport(descriptor) }
        return try site.projectSupport(descriptor)
    }

    func freeProject(in range: ClosedRange<UInt32>, from start: UInt32) async throws(HostError) -> UInt32 {
        let site = CallSite(.findProject, at: path)
        let support = try await quotaSupport()
        guard support.mechanism == .project, support.enforcement > .none else {
            throw QuotaRule.noQuotas(.findProject, at: path)
        }
        let first = max(1, range.lowerBound)
        guard first <= range.upperBound else { throw QuotaRule.noFreeProject(range, at: path) }
        let start = range.contains(start) && start >= first ? start : first
        var candidate = start
        while true {
            guard try site.isProjectTaken(candidate, descriptor) else { return candidate }
            candidate = candidate == range.upperBound ? first : candidate + 1
            guard candidate != start else { throw QuotaRule.noFreeProject(range, at: path) }
        }
    }

    func setProject(_ project: UInt32, of path: FilePath) async throws(HostError) {
        let (path, site) = try place(path, allowEmpty: true, .setProject)
        let top = try Resolution.beneath(descriptor.raw).open(path, CLINUX_O_READ_DIRECTORY, for: site)
        guard try !site.isBtrfs(top) else { throw QuotaRule.noQuotas(.setProject, at: site.path) }
        let files = try RegularFiles(in: top, for: site)
        var walk = try TreeWalk(top, at: site.path, for: .setProject)
        try walk.setProject(project, files)
    }

    func setQuota(_ limits: QuotaLimits, of path: FilePath) async throws(HostError) {
        let (path, site) = try place(path, allowEmpty: true, .setQuota)
        let directory = try Resolution.beneath(descriptor.raw).open(path, CLINUX_O_READ_DIRECTORY, for: site)
        if try site.isBtrfs(directory) {
            try QuotaRule.check(limits, by: .subvolume, at: site.path)
            guard try site.isSubvolume(directory) else { throw QuotaRule.notCounted(.subvolume, at: site.path) }
            let id = try site.subvolumeID(of: directory)
            // Not through the subvolume itself: one that is full has no room for the change that makes it larger.
            let outside = path.isEmpty ? directory.raw : descriptor.raw
            try site.check(detail: "btrfs quota enable") {
                clinux_set_qgroup_limit(outside, id, limits.bytes.map(UInt64.init) ?? 0)
            }
            return
        }
        let raw = directory.raw
        try QuotaRule.check(limits, by: .project, at: site.path)
        guard let project = try site.project(of: directory) else { throw QuotaRule.notCounted(.project, at: site.path) }
        // In blocks of 1 KiB; a limit is positive, so that none becomes 0, which would be no limit.
        let blocks = limits.bytes.map { UInt64($0 / 1024 + ($0 % 1024 > 0 ? 1 : 0)) } ?? 0
        let inodes = limits.inodes.map(UInt64.init) ?? 0
        if case .failure(let errno) = site.result({ clinux_set_project_limits(raw, project, blocks, inodes) }) {
            guard CallSite.meansNoQuotas(errno) else { throw site.failure(errno) }
            throw QuotaRule.noQuotas(.setQuota, at: site.path)
        }
    }

    func quota(of path: FilePath) async throws(HostError) -> TreeQuota? {
        let (path, site) = try place(path, allowEmpty: true, .readQuota)
        let directory: OwnedDescriptor
        do throws(HostError) {
            directory = try Resolution.beneath(descriptor.raw).open(path, CLINUX_O_READ_DIRECTORY, for: site)
        } catch  where error.kind == .notFound || error.kind == .notDirectory {
            return nil
        }
        if try site.isBtrfs(directory) { return try site.subvolumeQuota(of: directory) }
        return try site.projectQuota(of: directory)
    }
}

extension CallSite {
    /// Whether an error number says that nobody counts here.
    static func meansNoQuotas(_ errno: Errno) -> Bool {
        // ESRCH, which has a name of its own for processes.
        errno == .noFunction || errno == .noSuchProcess || errno == .operationNotSupportedByDevice
            || errno == .notSupported || errno == .invalidArgument
    }

    fileprivate func projectSupport(_ file: borrowing OwnedDescriptor) throws(HostError) -> QuotaSupport {
        var flags: UInt16 = 0
        let raw = file.raw
        switch result({ clinux_quota_flags(raw, &flags) }) {
        case .success: break
        case .failure(let errno) where Self.meansNoQuotas(errno): break
        case .failure(let errno): throw failure(errno)
        }
        guard flags & UInt16(FS_QUOTA_PDQ_ACCT) != 0 else {
            return .none(
                "the file system counts no projects; ext4: mkfs or tune2fs -O project,quota and mount -o prjquota; XFS: "
                    + "mount -o prjquota; btrfs: btrfs quota enable")
        }
        let isEnforcing = flags & UInt16(FS_QUOTA_PDQ_ENFD) != 0
        return QuotaSupport(
            mechanism: .project, enforcement: isEnforcing ? .enforcing : .accounting, limitsInodes: true,
            detail: isEnforcing ? nil : "projects are counted and not limited: mount with -o prjquota")
    }

    fileprivate func quotaGroupSupport(_ file: borrowing OwnedDescriptor) throws(HostError) -> QuotaSupport {
        var flags: UInt64 = 0
        let raw = file.raw
        try check(detail: "reading the state of quota groups needs CAP_SYS_ADMIN") { clinux_qgroup_flags(raw, &flags) }
        guard flags & UInt64(CLINUX_QGROUPS_ON) != 0 else {
            return QuotaSupport(
                mechanism: .subvolume, enforcement: .none, limitsInodes: false,
                detail: "quota groups are off: btrfs quota enable --simple, or without --simple before Linux 6.7")
        }
        let isInconsistent = flags & UInt64(CLINUX_QGROUPS_INCONSISTENT) != 0
        return QuotaSupport(
            mechanism: .subvolume, enforcement: .enforcing, limitsInodes: false,
            detail: isInconsistent ? "the counts are not right until btrfs quota rescan has ended" : nil)
    }

    /// The project that an open file belongs to; nil for none.
    fileprivate func project(of file: borrowing OwnedDescriptor) throws(HostError) -> UInt32? {
        var project: UInt32 = 0
        var inherits = false
        let raw = file.raw
        switch result({ clinux_get_project(raw, &project, &inherits) }) {
        case .success: return project == 0 ? nil : project
        // ENOTTY is what file systems without attributes say.
        case .failure(let errno) where Self.meansNoQuotas(errno) || errno == Errno(rawValue: 25): return nil
        case .failure(let errno): throw failure(errno)
        }
    }

    /// Whether anything belongs to a project or limits it.
    fileprivate func isProjectTaken(
        _ project: UInt32, _ file: borrowing OwnedDescriptor
    ) throws(HostError) -> Bool {
        var next = if_nextdqblk()
        let raw = file.raw
        switch result({ clinux_next_project_quota(raw, project, &next) }) {
        case .success: break
        // Neither it nor a later one.
        case .failure(.noSuchFileOrDirectory), .failure(.noSuchProcess): return false
        case .failure(let errno): throw failure(errno)
        }
        guard next.dqb_id == project else { return false }
        let counts = next.dqb_curspace | next.dqb_curinodes
        return counts | next.dqb_bhardlimit | next.dqb_bsoftlimit | next.dqb_ihardlimit | next.dqb_isoftlimit != 0
    }

    fileprivate func projectQuota(of directory: borrowing OwnedDescriptor) throws(HostError) -> TreeQuota? {
        guard let project = try project(of: directory) else { return nil }
        var quota = if_dqblk()
        let raw = directory.raw
        switch result({ clinux_get_project_quota(raw, project, &quota) }) {
        case .success: break
        case .failure(.noSuchFileOrDirectory): break
        case .failure(let errno) where Self.meansNoQuotas(errno): return nil
        case .failure(let errno): throw failure(errno)
        }
        let (bytes, overflow) = quota.dqb_bhardlimit.multipliedReportingOverflow(by: 1024)
        return TreeQuota(
            id: UInt64(project),
            limits: QuotaLimits(
                bytes: quota.dqb_bhardlimit == 0 ? nil : overflow ? .max : Int64(clamping: bytes),
                inodes: quota.dqb_ihardlimit == 0 ? nil : Int64(clamping: quota.dqb_ihardlimit)),
            usedBytes: Int64(clamping: quota.dqb_curspace), usedInodes: Int64(clamping: quota.dqb_curinodes))
    }

    fileprivate func subvolumeQuota(of directory: borrowing OwnedDescriptor) throws(HostError) -> TreeQuota? {
        guard try isSubvolume(directory) else { return nil }
        let id = try subvolumeID(of: directory)
        var (referenced, limit): (UInt64, UInt64) = (0, 0)
        let raw = directory.raw
        switch result({ clinux_get_qgroup(raw, id, &referenced, &limit) }) {
        case .success: break
        case .failure(.noSuchFileOrDirectory): return nil
        case .failure(let errno): throw failure(errno)
        }
        return TreeQuota(
            id: id, limits: QuotaLimits(bytes: limit == 0 || limit == .max ? nil : Int64(clamping: limit)),
            usedBytes: Int64(clamping: referenced), usedInodes: nil)
    }
}
