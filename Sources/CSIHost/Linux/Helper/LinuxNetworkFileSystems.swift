import SystemPackage

/// Network file systems on Linux, by helper processes.
struct LinuxNetworkFileSystems: NetworkFileSystems {
    private let pool: HelperPool

    private var settings: NetworkFileSystemSettings { pool.settings }

    init(_ settings: NetworkFileSystemSettings) {
        pool = HelperPool(settings)
    }

    func openExport(
        _ location: NFSLocation, options: NFSMountOptions, for work: String
    ) async throws(HostError) -> any DirectoryTree {
        let site = CallSite(.openExport, at: FilePath(location.description))
        let export = "\(location) \(options.flags) \(options.text)"
        let need = HelperPool.Need(export: export, server: location.server, work: work)
        let lease = try await pool.lease(need, site)
        if !lease.hasExport {
            let request = HelperRequest.openExport(location, options, settings.mountHelper)
            _ = try await lease.ask(request, patience: settings.patience, site)
            lease.nowHasExport()
        }
        let origin = HelperRequest.Origin(location: location, options: options, use: settings.mountHelper)
        return RemoteDirectoryTree(lease, path: site.path, origin: origin, settings)
    }

    func openDirectory(
        _ path: FilePath, for work: String, patience: Duration?
    ) async throws(HostError) -> any DirectoryTree {
        let path = try PathRule.absolute(path, .openDirectory)
        let site = CallSite(.openDirectory, at: path)
        let lease = try await pool.lease(try need(path, work), site)
        var settings = settings
        if let patience { settings.patience = patience }
        _ = try await lease.ask(.openDirectory(path), patience: settings.patience, site)
        return RemoteDirectoryTree(lease, path: path, settings)
    }

    func mount(
        _ location: NFSLocation, at target: FilePath, options: NFSMountOptions
    ) async throws(HostError) -> MountEntry {
        let target = try PathRule.absoluteBelowRoot(target, .mount)
        let site = CallSite(.mount, at: target)
        let lease = try await pool.lease(HelperPool.Need(server: location.server, work: target.string), site)
        let request = HelperRequest.mount(location, target, options, settings.mountHelper)
        return try entry(try await lease.ask(request, patience: settings.patience, site), site)
    }

    func bindMount(
        source: FilePath, at target: FilePath, options: BindOptions
    ) async throws(HostError) -> MountEntry {
        let source = try PathRule.absolute(source, .bindMount)
        let target = try PathRule.absoluteBelowRoot(target, .bindMount)
        let site = CallSite(.bindMount, at: target)
        let lease = try await pool.lease(try need(source, target.string), site)
        let request = HelperRequest.bindMount(source, target, options)
        return try entry(try await lease.ask(request, patience: settings.patience, site), site)
    }

    func unmount(_ target: FilePath, policy: UnmountPolicy) async throws(HostError) -> UnmountOutcome {
        let target = try PathRule.absoluteBelowRoot(target, .unmount)
        let site = CallSite(.unmount, at: target)
        let lease = try await pool.lease(try need(target, target.string), site)
        // The unmount has a deadline of its own, and waits in a child of the helper.
        var reader = try await lease.ask(.unmount(target, policy), patience: policy.deadline + .seconds(30), site)
        do throws(HelperReader.Malformed) {
            let removed = Int(clamping: try reader.number())
            return UnmountOutcome(removed: removed, detached: try reader.bool())
        } catch {
            throw site.failure(kind: .inputOutput, detail: "the helper process gave an answer that makes no sense")
        }
    }

    func stuckWork() async -> [String] { pool.lingeringWork }

    /// The need of work at a path: its server is read from the mount table, which waits for nobody.
    private func need(_ path: FilePath, _ work: String) throws(HostError) -> HelperPool.Need {
        let entry = try MountTableReader.current().mountPoint(containing: path)
        let isNetwork = entry?.filesystemType.hasPrefix("nfs") == true
        return HelperPool.Need(server: isNetwork ? entry?.server ?? "" : "", work: work)
    }

    /// The mount whose number a helper answered.
    private func entry(_ answer: HelperReader, _ site: CallSite) throws(HostError) -> MountEntry {
        var reader = answer
        let number = try? reader.number()
        guard let entry = try MountTableReader.current().entries.first(where: { Int64($0.mountID) == number }) else {
            throw site.failure(kind: .notVerified, detail: "the new mount is not in the mount table")
        }
        return entry
    }
}

extension MountEntry {
    /// The server of a network file system: what is before the path in its source.
    fileprivate var server: String {
        if source.hasPrefix("["), let end = source.firstIndex(of: "]") {
            return String(source[source.index(after: source.startIndex)..<end])
        }
        return String(source.prefix { $0 != ":" })
    }
}
