import CSIHost
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
        return try await host.perform(call, to: FilePath(location.description), within: Self.patience) {
            (world) throws(HostError) in
            try world.mountExport(location, at: target, options, call)
        }
    }

    func bindMount(
        source: FilePath, at target: FilePath, options: BindOptions
    ) async throws(HostError) -> MountEntry {
        try await host.mounts.bindMount(source: source, at: target, options: options)
    }

    func unmount(_ target: FilePath, policy: UnmountPolicy) async throws(HostError) -> UnmountOutcome {
        try await host.mounts.unmount(target, policy: policy)
    }
}
