import CSIHost
import SystemPackage

/// Network file systems with a span around each operation.
struct TracedNetworkFileSystems: NetworkFileSystems {
    let base: any NetworkFileSystems
    let tracing: HostTracing

    func openExport(
        _ location: NFSLocation, options: NFSMountOptions, for work: String
    ) async throws(HostError) -> any DirectoryTree {
        try await tracing.span(.openExport, FilePath(location.description)) { () async throws(HostError) in
            TracedDirectoryTree(
                base: try await base.openExport(location, options: options, for: work), tracing: tracing)
        }
    }

    func openDirectory(
        _ path: FilePath, for work: String, patience: Duration?
    ) async throws(HostError) -> any DirectoryTree {
        try await tracing.span(.openDirectory, path) { () async throws(HostError) in
            TracedDirectoryTree(
                base: try await base.openDirectory(path, for: work, patience: patience), tracing: tracing)
        }
    }

    func mount(
        _ location: NFSLocation, at target: FilePath, options: NFSMountOptions
    ) async throws(HostError) -> MountEntry {
        try await tracing.span(.mount, target) { () async throws(HostError) in
            try await base.mount(location, at: target, options: options)
        }
    }

    func bindMount(
        source: FilePath, at target: FilePath, options: BindOptions
    ) async throws(HostError) -> MountEntry {
        try await tracing.span(.bindMount, target) { () async throws(HostError) in
            try await base.bindMount(source: source, at: target, options: options)
        }
    }

    func unmount(_ target: FilePath, policy: UnmountPolicy) async throws(HostError) -> UnmountOutcome {
        try await tracing.span(.unmount, target) { () async throws(HostError) in
            try await base.unmount(target, policy: policy)
        }
    }

    func stuckWork() async -> [String] { await base.stuckWork() }
}
