import CSIHost
import SystemPackage

/// Mounts with a span around each operation.
struct TracedMounts: MountControl {
    let base: any MountControl
    let tracing: HostTracing

    func mountTable() async throws(HostError) -> MountTable {
        try await tracing.span(.mountTable) { () async throws(HostError) in try await base.mountTable() }
    }

    func mountTable(of selection: MountSelection) async throws(HostError) -> MountTable {
        try await tracing.span(.mountTable) { () async throws(HostError) in try await base.mountTable(of: selection) }
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
}
