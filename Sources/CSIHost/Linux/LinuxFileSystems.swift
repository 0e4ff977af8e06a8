import SystemPackage

/// File systems on Linux.
struct LinuxFileSystems: FileSystems {
    let programs: LinuxPrograms

    func probe(_ device: FilePath) async throws(HostError) -> ProbeResult {
        throw HostError(.probe, at: device, kind: .notSupported)
    }

    func make(
        _ kind: FileSystemKind, on device: FilePath, options: MakeOptions, within limit: Duration
    ) async throws(HostError) -> DeviceContent {
        throw HostError(.makeFileSystem, at: device, kind: .notSupported)
    }

    func check(
        _ kind: FileSystemKind, on device: FilePath, depth: CheckDepth, within limit: Duration
    ) async throws(HostError) -> CheckOutcome {
        throw HostError(.checkFileSystem, at: device, kind: .notSupported)
    }

    func mount(
        _ device: FilePath, at target: FilePath, options: FileSystemMountOptions, within limit: Duration
    ) async throws(HostError) -> MountEntry {
        throw HostError(.mount, at: target, kind: .notSupported)
    }

    func size(
        of kind: FileSystemKind, on device: FilePath, mountedAt mountPoint: FilePath?
    ) async throws(HostError) -> Int64 {
        throw HostError(.fileSystemSize, at: device, kind: .notSupported)
    }

    func grow(
        _ kind: FileSystemKind, on device: FilePath, mountedAt mountPoint: FilePath?, within limit: Duration
    ) async throws(HostError) -> GrowOutcome {
        throw HostError(.growFileSystem, at: device, kind: .notSupported)
    }

    func freeze(_ mountPoint: FilePath, atMost limit: Duration) async throws(HostError) -> any FrozenFileSystem {
        throw HostError(.freeze, at: mountPoint, kind: .notSupported)
    }

    func thaw(_ mountPoint: FilePath) async throws(HostError) -> Bool {
        throw HostError(.thaw, at: mountPoint, kind: .notSupported)
    }

    func trim(_ mountPoint: FilePath) async throws(HostError) -> Int64 {
        throw HostError(.trim, at: mountPoint, kind: .notSupported)
    }
}
