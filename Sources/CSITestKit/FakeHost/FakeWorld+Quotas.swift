import CSIHost
import SystemPackage

/// What a file system of a fake host counts and limits.
struct FakeQuotas: Sendable {
    var enforcement = QuotaSupport.Enforcement.none
    /// By project or subvolume; those without a limit are absent.
    var limits: [UInt64: QuotaLimits] = [:]
}

/// Whose limit holds for a node.
struct FakeQuotaGroup: Sendable, Hashable {
    let device: DeviceNumber
    let id: UInt64
}

extension FakeWorld {
    func quotaSupport(at position: FakePosition) -> QuotaSupport {
        guard let fileSystem = nodes[position.node].flatMap({ fileSystems[$0.device] }),
            let mechanism = fileSystem.quotaMechanism
        else { return .none("the file system has no quotas") }
        let enforcement = fileSystem.quotas.enforcement
        return QuotaSupport(
            mechanism: enforcement == .none && mechanism == .project ? nil : mechanism, enforcement: enforcement,
            limitsInodes: enforcement > .none && mechanism == .project,
            detail: enforcement == .enforcing ? nil : "quotas are not enforced")
    }

    /// Whose count a node is in; nil where nobody counts it.
    func quotaGroup(of id: NodeID) -> FakeQuotaGroup? {
        guard let node = nodes[id], let fileSystem = fileSystems[node.device], fileSystem.quotas.enforcement > .none
        else { return nil }
        switch fileSystem.quotaMechanism {
        case .project: return node.project == 0 ? nil : FakeQuotaGroup(device: node.device, id: UInt64(node.project))
        case .subvolume:
            return subvolumeRoot(of: id).flatMap { nodes[$0]?.subvolume }.map {
                FakeQuotaGroup(device: node.device, id: $0.id)
            }
        case nil: return nil
        }
    }

    /// The nodes that a group counts.
    private func members(of group: FakeQuotaGroup) -> [FakeNode] {
        linkedNodes(on: group.device).filter { quotaGroup(of: $0.id) == group }
    }

    func limits(of group: FakeQuotaGroup) -> QuotaLimits {
        fileSystems[group.device]?.quotas.limits[group.id] ?? .unlimited
    }

    /// Fails as a full quota does when a directory's group has no room for one more node of this size, or for so many more
    /// bytes in nodes that are there.
    func requireQuota(for bytes: Int64, inodes: Int64, in owner: NodeID, _ call: FakeCall) throws(HostError) {
        guard let group = quotaGroup(of: owner), fileSystems[group.device]?.quotas.enforcement == .enforcing else {
            return
        }
        let limits = limits(of: group)
        guard limits != .unlimited else { return }
        let members = members(of: group)
        let used = members.reduce(0) { $0 + $1.usedBytes }
        if let limit = limits.bytes, bytes > 0, bytes > limit - used { throw call.failure(.diskQuotaExceeded) }
        if let limit = limits.inodes, inodes > limit - Int64(members.count) { throw call.failure(.diskQuotaExceeded) }
    }

    /// What a directory's node counts; nil for one that no limit can belong to.
    func quota(of id: NodeID) -> TreeQuota? {
        guard let group = quotaGroup(of: id), let node = nodes[id], node.kind == .directory else { return nil }
        let isProject = fileSystems[group.device]?.quotaMechanism == .project
        guard isProject || node.subvolume != nil else { return nil }
        let members = members(of: group)
        return TreeQuota(
            id: group.id, limits: limits(of: group), usedBytes: members.reduce(0) { $0 + $1.usedBytes },
            usedInodes: isProject ? Int64(members.count) : nil)
    }

    func freeProject(
        in range: ClosedRange<UInt32>, from start: UInt32, at position: FakePosition, _ call: FakeCall
    ) throws(HostError) -> UInt32 {
        guard let device = nodes[position.node]?.device, let fileSystem = fileSystems[device],
            fileSystem.quotaMechanism == .project, fileSystem.quotas.enforcement > .none
        else { throw QuotaRule.noQuotas(.findProject, at: call.path) }
        var taken = Set(linkedNodes(on: device).map(\.project))
        taken.formUnion(fileSystem.quotas.limits.keys.map { UInt32(truncatingIfNeeded: $0) })
        let first = max(1, range.lowerBound)
        let start = range.contains(start) && start >= first ? start : first
        for candidate in [start...range.upperBound, first...start].joined() where !taken.contains(candidate) {
            return candidate
        }
        throw QuotaRule.noFreeProject(range, at: call.path)
    }

    mutating func setProject(
        _ project: UInt32, of path: FilePath, from start: FakePosition, _ call: FakeCall
    ) throws(HostError) {
        let position = try walk(path, from: start, call)
        try requireDirectory(position, call)
        guard let device = nodes[position.node]?.device, fileSystems[device]?.quotaMechanism == .project,
            fileSystems[device]?.quotas.enforcement != FakeQuotas().enforcement
        else { throw QuotaRule.noQuotas(.setProject, at: call.path) }
        try requireWritable(position, call)
        for id in subtree(of: position.node) {
            guard let kind = nodes[id]?.kind, kind == .directory || kind == .regular else { continue }
            nodes[id]?.project = project
            nodes[id]?.handsProjectOn = kind == .directory
        }
    }

    mutating func setQuota(
        _ limits: QuotaLimits, of path: FilePath, from start: FakePosition, _ call: FakeCall
    ) throws(HostError) {
        let position = try walk(path, from: start, call)
        try requireDirectory(position, call)
        guard let node = nodes[position.node], let fileSystem = fileSystems[node.device],
            let mechanism = fileSystem.quotaMechanism
        else { throw QuotaRule.noQuotas(.setQuota, at: call.path) }
        try QuotaRule.check(limits, by: mechanism, at: call.path)
        let isCounted = mechanism == .project ? node.project != 0 : node.subvolume != nil
        guard isCounted else { throw QuotaRule.notCounted(mechanism, at: call.path) }
        guard let group = quotaGroup(of: position.node) else { throw QuotaRule.noQuotas(.setQuota, at: call.path) }
        fileSystems[node.device]?.quotas.limits[group.id] = limits == .unlimited ? nil : limits
    }

    /// Every limit with the top of its tree, without the number of a subvolume, which differs from run to run.
    var quotaLines: [String] {
        fileSystems.values.flatMap { (fileSystem) -> [String] in
            let nodes = linkedNodes(on: fileSystem.device)
            return fileSystem.quotas.limits.map { (id, limits) in
                let group = FakeQuotaGroup(device: fileSystem.device, id: id)
                let top = nodes.first { quotaGroup(of: $0.id) == group }.flatMap { pathInFileSystem($0.id) }
                let name = fileSystem.quotaMechanism == .project ? "project \(id)" : "subvolume"
                return "quota of \(top?.string ?? "nowhere") by \(name): \(limits)"
            }
        }
    }

    /// Forgets the limits of trees that a power failure took: both are in one journal, and the tree came first.
    mutating func dropLimitsOfLostTrees() {
        for fileSystem in fileSystems.values where !fileSystem.quotas.limits.isEmpty {
            let groups = Set(linkedNodes(on: fileSystem.device).compactMap { quotaGroup(of: $0.id)?.id })
            fileSystems[fileSystem.device]?.quotas.limits = fileSystem.quotas.limits.filter { groups.contains($0.key) }
        }
    }

    /// Forgets the limits of subvolumes that go.
    mutating func dropQuotas(of doomed: [NodeID]) {
        for node in doomed.compactMap({ nodes[$0] }) {
            guard let subvolume = node.subvolume else { continue }
            fileSystems[node.device]?.quotas.limits[subvolume.id] = nil
        }
    }

    /// What a new node gets from the directory that it is made in.
    mutating func inheritProject(_ id: NodeID, from parent: NodeID) {
        guard let directory = nodes[parent], directory.handsProjectOn else { return }
        nodes[id]?.project = directory.project
        let isDirectory = nodes[id]?.kind == .directory
        nodes[id]?.handsProjectOn = isDirectory
    }

    /// The size of a directory's tree, as ext4 and XFS show it in place of the file system's where a project is limited.
    func projectCapacity(of id: NodeID, within whole: FileSystemCapacity) -> FileSystemCapacity {
        guard let node = nodes[id], node.handsProjectOn, let quota = quota(of: id),
            fileSystems[node.device]?.quotas.enforcement == .enforcing
        else { return whole }
        var capacity = whole
        if let bytes = quota.limits.bytes {
            capacity.totalBytes = min(whole.totalBytes, bytes)
            capacity.usedBytes = min(quota.usedBytes, capacity.totalBytes)
            capacity.availableBytes = min(whole.availableBytes, capacity.totalBytes - capacity.usedBytes)
        }
        if let inodes = quota.limits.inodes, let used = quota.usedInodes {
            capacity.totalInodes = min(whole.totalInodes, inodes)
            capacity.usedInodes = min(used, capacity.totalInodes)
            capacity.availableInodes = min(whole.availableInodes, capacity.totalInodes - capacity.usedInodes)
        }
        return capacity
    }
}
