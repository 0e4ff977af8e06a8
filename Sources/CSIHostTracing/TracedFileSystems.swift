import CSIHost
import SystemPackage

/// File systems with a span around each operation.
struct TracedFileSystems: FileSystems {
    let base: any FileSystems
    let tracing: HostTracing

    func probe(_ device: FilePath) async throws(HostError) -> ProbeResult {
        try await tracing.span(.probe, device) { () async throws(HostError) in
            try await base.probe(device)
        }
    }

    func content(of kind: FileSystemKind, on device: FilePath) async throws(HostError) -> DeviceContent? {
        try await tracing.span(.probe, device) { () async throws(HostError) in
            try await base.content(of: kind, on: device)
        }
    }

    func make(
        _ kind: FileSystemKind, on device: FilePath, options: MakeOptions, within limit: Duration,
        whenBlank: () async throws(HostError) -> Void
    ) async throws(HostError) -> DeviceContent {
        try await tracing.span(.makeFileSystem, device) { () async throws(HostError) in
            try await base.make(kind, on: device, options: options, within: limit, whenBlank: whenBlank)
        }
    }

    func check(
        _ kind: FileSystemKind, on device: FilePath, depth: CheckDepth, within limit: Duration
    ) async throws(HostError) -> CheckOutcome {
        try await tracing.span(.checkFileSystem, device) { () async throws(HostError) in
            try await base.check(kind, on: device, depth: depth, within: limit)
        }
    }

    func mount(
        _ device: FilePath, at target: FilePath, options: FileSystemMountOptions, within limit: Duration
    ) async throws(HostError) -> MountEntry {
        try await tracing.span(.mount, target) { () async throws(HostError) in
            try await base.mount(device, at: target, options: options, within: limit)
        }
    }

    func size(
        of kind: FileSystemKind, on device: FilePath, mountedAt mountPoint: FilePath?
    ) async throws(HostError) -> Int64 {
        try await tracing.span(.fileSystemSize, device) { () async throws(HostError) in
            try await base.size(of: kind, on: device, mountedAt: mountPoint)
        }
    }

    func grow(
        _ kind: FileSystemKind, on device: FilePath, mountedAt mountPoint: FilePath?, within limit: Duration
    ) async throws(HostError) -> GrowOutcome {
        try await tracing.span(.growFileSystem, device) { () async throws(HostError) in
            try await base.grow(kind, on: device, mountedAt: mountPoint, within: limit)
        }
    }

    func freeze(_ mountPoint: FilePath, atMost limit: Duration) async throws(HostError) -> any FrozenFileSystem {
        let frozen = try await tracing.span(.freeze, mountPoint) { () async throws(HostError) in
            try await base.freeze(mountPoint, atMost: limit)
        }
        return TracedFrozenFileSystem(base: frozen, mountPoint: mountPoint, tracing: tracing)
    }

    func thaw(_ mountPoint: FilePath) async throws(HostError) -> Bool {
        try await tracing.span(.thaw, mountPoint) { () async throws(HostError) in
            try await base.thaw(mountPoint)
        }
    }

    func trim(_ mountPoint: FilePath) async throws(HostError) -> Int64 {
        try await tracing.span(.trim, mountPoint) { () async throws(HostError) in
            try await base.trim(mountPoint)
        }
    }
}

/// A frozen file system with a span around its thaw.
final class TracedFrozenFileSystem: FrozenFileSystem {
    private let base: any FrozenFileSystem
    private let mountPoint: FilePath
    private let tracing: HostTracing

    init(base: any FrozenFileSystem, mountPoint: FilePath, tracing: HostTracing) {
        self.base = base
        self.mountPoint = mountPoint
        self.tracing = tracing
    }

    func thaw() async throws(HostError) {
        try await tracing.span(.thaw, mountPoint) { () async throws(HostError) in try await base.thaw() }
    }
}
