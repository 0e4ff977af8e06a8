import CSIHost
import SystemPackage

/// The block devices of a fake host.
struct FakeBlockDevices: BlockDevices {
    let host: FakeHost

    func device(at path: FilePath) async throws(HostError) -> BlockDevice? {
        let path = try PathRule.absolute(path, .inspectDevice)
        let call = FakeCall(operation: .inspectDevice, path: path)
        return try await perform(call) { (world) throws(HostError) in
            try world.deviceNumber(at: path, call).flatMap { world.devices[$0]?.shown }
        }
    }

    func device(_ number: DeviceNumber) async throws(HostError) -> BlockDevice? {
        let call = FakeCall(operation: .inspectDevice, path: FilePath("/sys/dev/block/\(number)"))
        return try await perform(call) { (world) throws(HostError) in world.devices[number]?.shown }
    }

    func list() async throws(HostError) -> [BlockDevice] {
        try await perform(FakeCall(operation: .listDevices, path: "/sys/block")) { (world) throws(HostError) in
            world.devices.values.map(\.shown).sorted { $0.name < $1.name }
        }
    }

    func wait(
        for selector: BlockDeviceSelector, within duration: Duration
    ) async throws(HostError) -> BlockDevice {
        let call = FakeCall(operation: .waitForDevice, path: selector.place)
        let deadline = host.manualClock.now + max(.zero, duration)
        while true {
            let (device, next) = try await perform(call) { (world) throws(HostError) -> (BlockDevice?, Duration?) in
                let found = world.devices(matching: selector)
                guard found.count <= 1 else { throw selector.isAmbiguous(found.map(\.shown)) }
                return (found.first?.shown, world.arrivals.map(\.time).min())
            }
            if let device { return device }
            if Task.isCancelled { throw call.failure(kind: .cancelled) }
            guard let next, next <= deadline else { break }
            host.manualClock.advance(by: next - host.manualClock.now)
        }
        host.manualClock.advance(by: deadline - host.manualClock.now)
        throw selector.isAbsent(after: duration)
    }

    func read(from device: FilePath, at offset: Int64, count: Int) async throws(HostError) -> [UInt8] {
        let path = try PathRule.absolute(device, .readDevice)
        try DeviceReadRule.check(path, at: offset, count: count)
        let call = FakeCall(operation: .readDevice, path: path)
        return try await perform(call) { (world) throws(HostError) in
            try world.readDevice(try world.device(at: path, call), at: offset, count: count, call)
        }
    }

    func checkReadable(_ device: FilePath, at offset: Int64, within limit: Duration) async throws(HostError) {
        let path = try PathRule.absolute(device, .readDevice)
        try DeviceReadRule.check(path, at: offset)
        let call = FakeCall(operation: .readDevice, path: path)
        _ = try await perform(call) { (world) throws(HostError) in
            try world.readDevice(try world.device(at: path, call), at: offset, count: 4096, call)
        }
    }

    func flush(_ device: FilePath) async throws(HostError) {
        let path = try PathRule.absolute(device, .flushDevice)
        let call = FakeCall(operation: .flushDevice, path: path)
        try await perform(call) { (world) throws(HostError) in
            world.syncDevice(try world.device(at: path, call).shown.number)
        }
    }

    func replace(
        _ expected: [UInt8], with bytes: [UInt8], at offset: Int64, of device: BlockDevice
    ) async throws(HostError) {
        let path = try PathRule.absolute(device.path, .replaceBytes)
        try DeviceReadRule.check(device, at: offset, replacing: expected, with: bytes)
        let call = FakeCall(operation: .replaceBytes, path: path)
        // A sector is written as a whole or not at all; of several the first may be.
        let sector = max(512, device.logicalSectorSize)
        let torn = Array(bytes.prefix(bytes.count / 2 / sector * sector))
        try await host.perform(
            call,
            interrupted: { (world) in
                guard let number = try? world.device(at: path, call).shown.number else { return }
                try? world.writeDevice(number, at: offset, torn, call)
            },
            { (world) throws(HostError) in
                let found = try world.device(at: path, call)
                let number = found.shown.number
                guard !world.isExclusivelyUsed(number) else {
                    throw call.failure(
                        .resourceBusy, detail: "it is mounted, part of another device, or held by a program")
                }
                try DeviceReadRule.check(found.shown, is: device)
                let before = try world.readDevice(found, at: offset, count: expected.count, call)
                try DeviceReadRule.check(before, are: expected, on: device)
                try world.writeDevice(number, at: offset, bytes, call)
                world.syncDevice(number)
            })
    }

    func setReadOnly(_ isReadOnly: Bool, _ device: FilePath) async throws(HostError) {
        let path = try PathRule.absolute(device, .setDeviceReadOnly)
        let call = FakeCall(operation: .setDeviceReadOnly, path: path)
        try await perform(call) { (world) throws(HostError) in
            let number = try world.device(at: path, call).shown.number
            world.devices[number]?.shown.isReadOnly = isReadOnly
        }
    }

    func readAhead(of device: FilePath) async throws(HostError) -> Int64 {
        let path = try PathRule.absolute(device, .inspectDevice)
        let call = FakeCall(operation: .inspectDevice, path: path)
        return try await perform(call) { (world) throws(HostError) in try world.device(at: path, call).readAhead }
    }

    func setReadAhead(_ bytes: Int64, of device: FilePath) async throws(HostError) {
        let path = try PathRule.absolute(device, .setReadAhead)
        try DeviceReadRule.check(readAhead: bytes, path)
        let call = FakeCall(operation: .setReadAhead, path: path)
        try await perform(call) { (world) throws(HostError) in
            world.devices[try world.device(at: path, call).shown.number]?.readAhead = bytes
        }
    }

    func isInUse(_ device: FilePath) async throws(HostError) -> Bool {
        let path = try PathRule.absolute(device, .inspectDevice)
        let call = FakeCall(operation: .inspectDevice, path: path)
        return try await perform(call) { (world) throws(HostError) in
            world.isExclusivelyUsed(try world.device(at: path, call).shown.number)
        }
    }

    func users(of device: DeviceNumber) async throws(HostError) -> [BlockDeviceUser] {
        let call = FakeCall(operation: .deviceUsers, path: FilePath("/sys/dev/block/\(device)"))
        return try await perform(call) { (world) throws(HostError) in world.users(of: device) }
    }

    /// Runs an effect after the devices have come that are due.
    private func perform<T: Sendable>(
        _ call: FakeCall, _ body: @Sendable (inout FakeWorld) throws(HostError) -> T
    ) async throws(HostError) -> T {
        let now = host.manualClock.now
        return try await host.perform(call) { (world) throws(HostError) in
            world.admitArrivals(by: now)
            return try body(&world)
        }
    }
}
