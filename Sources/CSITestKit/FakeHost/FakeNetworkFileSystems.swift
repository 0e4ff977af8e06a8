import CSIHost
import CSILock
import SystemPackage

/// The network file systems of a fake host.
struct FakeNetworkFileSystems: NetworkFileSystems {
    private static let patience = NetworkFileSystemSettings().patience

    let host: FakeHost

    func openExport(
        _ location: NFSLocation, options: NFSMountOptions, for work: String
    ) async throws(HostError) -> any DirectoryTree {
        let path = FilePath(location.description)
        let call = FakeCall(operation: .openExport, path: path)
        try host.stuck.refuse(work, call)
        let position = try await host.perform(call, within: Self.patience) { (world) throws(HostError) in
            try world.exported(location, options, call).position
        }
        return FakeDirectoryTree(host: host, position: position, path: path)
    }

    func openDirectory(
        _ path: FilePath, for work: String, patience: Duration?
    ) async throws(HostError) -> any DirectoryTree {
        let path = try PathRule.absolute(path, .openDirectory)
        let call = FakeCall(operation: .openDirectory, path: path)
        try host.stuck.refuse(work, call)
        let position = try await host.perform(call, within: patience ?? Self.patience) {
            (world) throws(HostError) -> FakePosition in
            let position = try world.walk(path, call)
            try world.requireDirectory(position, call)
            return position
        }
        return FakeDirectoryTree(host: host, position: position, path: path)
    }

    func mount(
        _ location: NFSLocation, at target: FilePath, options: NFSMountOptions
    ) async throws(HostError) -> MountEntry {
        let target = try PathRule.absoluteBelowRoot(target, .mount)
        let call = FakeCall(operation: .mount, path: target)
        try host.stuck.refuse(target.string, call)
        return try await host.perform(call, to: FilePath(location.description), within: Self.patience) {
            (world) throws(HostError) in
            try world.mountExport(location, at: target, options, call)
        }
    }

    func bindMount(
        source: FilePath, at target: FilePath, options: BindOptions
    ) async throws(HostError) -> MountEntry {
        try host.stuck.refuse(target.string, FakeCall(operation: .bindMount, path: target))
        return try await host.mounts.bindMount(source: source, at: target, options: options)
    }

    func unmount(_ target: FilePath, policy: UnmountPolicy) async throws(HostError) -> UnmountOutcome {
        try host.stuck.refuse(target.string, FakeCall(operation: .unmount, path: target))
        return try await host.mounts.unmount(target, policy: policy)
    }

    func stuckWork() async -> [String] { host.stuck.all }
}

/// Work whose helpers hang although they were killed.
final class FakeStuckWork: Sendable {
    private let work = Guarded<[String]>([])

    var all: [String] { work.withLock { $0 } }

    func set(_ work: [String]) { self.work.withLock { $0 = work } }

    func refuse(_ name: String, _ call: FakeCall) throws(HostError) {
        guard all.contains(name) else { return }
        throw call.failure(kind: .lockHeld, detail: "a helper that was killed hangs in the kernel")
    }
}

extension FakeHost {
    /// Makes network file systems refuse work with kind `lockHeld`, as they do while a helper of an earlier call hangs
    /// although it was killed; nothing is left of what was set before.
    ///
    /// - Parameter work: what calls name as their work: the text that an export or a directory is opened for, or the target of
    ///   a mount.
    public func setStuckWork(_ work: [String]) { stuck.set(work) }
}
