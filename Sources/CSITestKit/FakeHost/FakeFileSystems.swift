import CSIHost
import SystemPackage

/// The file systems of a fake host.
struct FakeFileSystems: FileSystems {
    let host: FakeHost

    func probe(_ device: FilePath) async throws(HostError) -> ProbeResult {
        let path = try PathRule.absolute(device, .probe)
        let call = FakeCall(operation: .probe, path: path)
        return try await host.perform(call) { (world) throws(HostError) in try world.probe(path, call) }
    }

    func content(of kind: FileSystemKind, on device: FilePath) async throws(HostError) -> DeviceContent? {
        let path = try PathRule.absolute(device, .probe)
        let call = FakeCall(operation: .probe, path: path)
        return try await host.perform(call) { (world) throws(HostError) in
            SuperblockProbe.content(of: kind, in: try world.image(on: path, call))
        }
    }

    func make(
        _ kind: FileSystemKind, on device: FilePath, options: MakeOptions, within limit: Duration,
        whenBlank: () async throws(HostError) -> Void
    ) async throws(HostError) -> DeviceContent {
        let path = try PathRule.absolute(device, .makeFileSystem)
        let call = FakeCall(operation: .makeFileSystem, path: path)
        let program = MakeCommand.program(kind, path, options)
        // Two effects, between which a test can crash, and change the device.
        try await host.perform(FakeCall(operation: .probe, path: path)) { (world) throws(HostError) in
            try world.requireBlank(path, call)
        }
        try await whenBlank()
        return try await host.perform(
            call, within: limit, interrupted: { $0.makeHalf(on: path, call) },
            { (world) throws(HostError) in
                try world.requireBlank(path, call)
                let outcome = try run(program, in: &world, within: limit, call)
                if let outcome, !outcome.succeeded {
                    throw HostError(program, outcome, for: .makeFileSystem, at: path)
                }
                return try world.makeFileSystem(kind, on: path, options, call)
            })
    }

    func check(
        _ kind: FileSystemKind, on device: FilePath, depth: CheckDepth, within limit: Duration
    ) async throws(HostError) -> CheckOutcome {
        let path = try PathRule.absolute(device, .checkFileSystem)
        let call = FakeCall(operation: .checkFileSystem, path: path)
        return try await host.perform(call, within: limit) { (world) throws(HostError) in
            _ = try world.unusedDevice(path, call)
            guard let program = CheckCommand.program(kind, path, depth) else { return .leftToTheKernel }
            guard let outcome = try run(program, in: &world, within: limit, call) else {
                // The program finds nothing to check where there is no such file system.
                guard SuperblockProbe.content(of: kind, in: try world.image(on: path, call)) != nil else {
                    throw call.failure(kind: .programFailed, detail: "\(program): there is no \(kind)")
                }
                return .clean
            }
            guard let found = CheckCommand.outcome(kind, outcome) else {
                throw HostError(program, outcome, for: .checkFileSystem, at: path)
            }
            return found
        }
    }

    func mount(
        _ device: FilePath, at target: FilePath, options: FileSystemMountOptions, within limit: Duration
    ) async throws(HostError) -> MountEntry {
        let device = try PathRule.absolute(device, .mount)
        let target = try PathRule.absoluteBelowRoot(target, .mount)
        let call = FakeCall(operation: .mount, path: device)
        return try await host.perform(call, to: target, within: limit) { (world) throws(HostError) in
            try world.mountDevice(device, at: target, options)
        }
    }

    func size(
        of kind: FileSystemKind, on device: FilePath, mountedAt mountPoint: FilePath?
    ) async throws(HostError) -> Int64 {
        let path = try PathRule.absolute(device, .fileSystemSize)
        let call = FakeCall(operation: .fileSystemSize, path: path)
        return try await host.perform(call) { (world) throws(HostError) in
            try world.fileSystemSize(kind, path, mountPoint, call)
        }
    }

    func grow(
        _ kind: FileSystemKind, on device: FilePath, mountedAt mountPoint: FilePath?, within limit: Duration
    ) async throws(HostError) -> GrowOutcome {
        let path = try PathRule.absolute(device, .growFileSystem)
        let call = FakeCall(operation: .growFileSystem, path: path)
        return try await host.perform(call, within: limit) { (world) throws(HostError) in
            if let program = GrowCommand.program(kind, path, mountedAt: mountPoint),
                let outcome = try run(program, in: &world, within: limit, call), !outcome.succeeded
            {
                throw HostError(program, outcome, for: .growFileSystem, at: path)
            }
            return try world.growFileSystem(kind, path, mountPoint, call)
        }
    }

    func freeze(_ mountPoint: FilePath, atMost limit: Duration) async throws(HostError) -> any FrozenFileSystem {
        let path = try PathRule.absolute(mountPoint, .freeze)
        let call = FakeCall(operation: .freeze, path: path)
        let deadline = host.manualClock.now + limit
        try await host.perform(call, within: limit) { (world) throws(HostError) in
            try world.freeze(path, until: deadline, call)
        }
        return FakeFrozenFileSystem(host: host, path: path, deadline: deadline)
    }

    func thaw(_ mountPoint: FilePath) async throws(HostError) -> Bool {
        let path = try PathRule.absolute(mountPoint, .thaw)
        let call = FakeCall(operation: .thaw, path: path)
        return try await host.perform(call) { (world) throws(HostError) in
            try world.thaw(path, call) != nil
        }
    }

    func trim(_ mountPoint: FilePath) async throws(HostError) -> Int64 {
        let path = try PathRule.absolute(mountPoint, .trim)
        let call = FakeCall(operation: .trim, path: path)
        return try await host.perform(call) { (world) throws(HostError) in
            let (fileSystem, _) = try world.mountedFileSystem(at: path, call)
            let loop = fileSystem.blockDevice.flatMap { world.devices[$0]?.loop }
            guard loop?.takesDiscards != false else { throw call.failure(.notSupported) }
            return world.capacity(of: fileSystem.device).availableBytes
        }
    }

    /// What the script of a program says; nil where there is none and the program does its work.
    private func run(
        _ program: Program, in world: inout FakeWorld, within limit: Duration, _ call: FakeCall
    ) throws(HostError) -> ProgramOutcome? {
        guard let script = world.scripts.take(program.name) else { return nil }
        guard script.duration <= limit else {
            throw call.failure(kind: .timedOut, detail: "\(program) took longer than \(limit) and was killed")
        }
        return script.outcome
    }
}

/// A frozen file system of a fake host.
final class FakeFrozenFileSystem: FrozenFileSystem {
    private let host: FakeHost
    private let path: FilePath
    private let deadline: Duration

    init(host: FakeHost, path: FilePath, deadline: Duration) {
        self.host = host
        self.path = path
        self.deadline = deadline
    }

    func thaw() async throws(HostError) {
        let call = FakeCall(operation: .thaw, path: path)
        let wasFrozen = try await host.perform(call) { [path] (world) throws(HostError) in
            try world.thaw(path, call)
        }
        guard wasFrozen == deadline else {
            throw call.failure(kind: .timedOut, detail: "it thawed before it was told to")
        }
    }

    deinit {
        try? host.inspect { [path, deadline] (state) throws(HostError) in
            let call = FakeCall(operation: .thaw, path: path)
            guard let (fileSystem, _) = try? state.world.mountedFileSystem(at: path, call),
                fileSystem.frozenUntil == deadline
            else { return }
            _ = try state.world.thaw(path, call)
        }
    }
}
