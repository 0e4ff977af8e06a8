import CSIHost
import SystemPackage

/// Loop devices with a span around each operation.
struct TracedLoopDevices: LoopDevices {
    let base: any LoopDevices
    let tracing: HostTracing

    func attach(
        _ file: FilePath, in tree: any DirectoryTree, options: LoopOptions
    ) async throws(HostError) -> LoopDevice {
        try await tracing.span(.attachLoop, tree.path.pushing(file)) { () async throws(HostError) in
            // The host below knows only trees of its own.
            let tree = (tree as? TracedDirectoryTree)?.base ?? tree
            return try await base.attach(file, in: tree, options: options)
        }
    }

    func attached(to file: FileIdentity) async throws(HostError) -> [LoopDevice] {
        try await tracing.span(.listLoops) { () async throws(HostError) in try await base.attached(to: file) }
    }

    func device(_ number: Int) async throws(HostError) -> LoopDevice? {
        try await tracing.span(.listLoops, FilePath("/dev/loop\(number)")) { () async throws(HostError) in
            try await base.device(number)
        }
    }

    func list() async throws(HostError) -> [LoopDevice] {
        try await tracing.span(.listLoops) { () async throws(HostError) in try await base.list() }
    }

    func hold(_ device: LoopDevice) async throws(HostError) -> any HeldDevice {
        try await tracing.span(.holdLoop, device.path) { () async throws(HostError) in try await base.hold(device) }
    }

    func refreshSize(of device: LoopDevice) async throws(HostError) -> LoopDevice {
        try await tracing.span(.refreshLoop, device.path) { () async throws(HostError) in
            try await base.refreshSize(of: device)
        }
    }

    func setDirectIO(_ isDirect: Bool, of device: LoopDevice) async throws(HostError) -> LoopDevice {
        try await tracing.span(.setLoopDirectIO, device.path) { () async throws(HostError) in
            try await base.setDirectIO(isDirect, of: device)
        }
    }

    func detach(_ device: LoopDevice, within duration: Duration) async throws(HostError) -> Bool {
        try await tracing.span(.detachLoop, device.path) { () async throws(HostError) in
            try await base.detach(device, within: duration)
        }
    }
}
