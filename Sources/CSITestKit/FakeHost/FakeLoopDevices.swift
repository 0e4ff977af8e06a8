import CSIHost
import Synchronization
import SystemPackage

/// The loop devices of a fake host.
struct FakeLoopDevices: LoopDevices {
    let host: FakeHost

    func attach(
        _ file: FilePath, in tree: any DirectoryTree, options: LoopOptions
    ) async throws(HostError) -> LoopDevice {
        guard let tree = tree as? FakeDirectoryTree, tree.host === host else {
            throw LoopRule.foreignTree(tree, file)
        }
        let (file, call) = try tree.place(file, .attachLoop)
        return try await host.perform(call, by: tree.process) { [position = tree.position] (world) throws(HostError) in
            switch world.machine.closedDevices[LoopRule.control] {
            case nil: break
            case HostError.Kind.notFound?: throw LoopRule.noLoopDevices(call.path)
            case let kind?: throw call.failure(kind: kind, detail: "\(LoopRule.control) cannot be opened")
            }
            return try world.attachLoop(try world.walk(file, from: position, call), options, locks: true, call)
        }
    }

    func attached(to file: FileIdentity) async throws(HostError) -> [LoopDevice] {
        try await list().filter { $0.backing == file }
    }

    func device(_ number: Int) async throws(HostError) -> LoopDevice? {
        let call = FakeCall(operation: .listLoops, path: FilePath("/dev/loop\(number)"))
        return try await host.perform(call) { (world) throws(HostError) in
            world.loopDevices.first { $0.number == number }
        }
    }

    func list() async throws(HostError) -> [LoopDevice] {
        try await host.perform(FakeCall(operation: .listLoops, path: "/sys/block")) { (world) throws(HostError) in
            world.loopDevices
        }
    }

    func hold(_ device: LoopDevice) async throws(HostError) -> any HeldDevice {
        let call = FakeCall(operation: .holdLoop, path: device.path)
        try await host.perform(call) { (world) throws(HostError) in
            guard world.current(device) != nil else { throw LoopRule.replaced(device, .holdLoop) }
            world.devices[device.device]?.handles += 1
        }
        return FakeHeldDevice(host: host, device: device.device)
    }

    func refreshSize(of device: LoopDevice) async throws(HostError) -> LoopDevice {
        let call = FakeCall(operation: .refreshLoop, path: device.path)
        return try await host.perform(call) { (world) throws(HostError) in try world.refreshLoop(device) }
    }

    func setDirectIO(_ isDirect: Bool, of device: LoopDevice) async throws(HostError) -> LoopDevice {
        let call = FakeCall(operation: .setLoopDirectIO, path: device.path)
        return try await host.perform(call) { (world) throws(HostError) in
            try world.setDirectIO(isDirect, of: device)
        }
    }

    func detach(_ device: LoopDevice, within duration: Duration) async throws(HostError) -> Bool {
        let call = FakeCall(operation: .detachLoop, path: device.path)
        do throws(HostError) {
            return try await host.perform(call) { (world) throws(HostError) in try world.detachLoop(device) }
        } catch  where error.kind == .busy {
            host.manualClock.advance(by: duration)
            throw error
        }
    }
}

/// A device of a fake host, held open.
final class FakeHeldDevice: HeldDevice {
    private let host: FakeHost
    private let device: DeviceNumber
    private let process: Int
    private let isHeld = Atomic(true)

    init(host: FakeHost, device: DeviceNumber) {
        self.host = host
        self.device = device
        process = (try? host.inspect { (state) throws(HostError) in state.process }) ?? 0
    }

    func release() {
        guard isHeld.exchange(false, ordering: .sequentiallyConsistent) else { return }
        try? host.inspect { [process, device] (state) throws(HostError) in
            guard state.process == process, let handles = state.world.devices[device]?.handles else { return }
            state.world.devices[device]?.handles = max(0, handles - 1)
        }
    }

    deinit {
        release()
    }
}
