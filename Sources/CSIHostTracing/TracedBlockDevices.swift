import CSIHost
import SystemPackage

/// Block devices with a span around each operation.
struct TracedBlockDevices: BlockDevices {
    let base: any BlockDevices
    let tracing: HostTracing

    func device(at path: FilePath) async throws(HostError) -> BlockDevice? {
        try await tracing.span(.inspectDevice, path) { () async throws(HostError) in try await base.device(at: path) }
    }

    func device(_ number: DeviceNumber) async throws(HostError) -> BlockDevice? {
        try await tracing.span(.inspectDevice) { () async throws(HostError) in try await base.device(number) }
    }

    func list() async throws(HostError) -> [BlockDevice] {
        try await tracing.span(.listDevices) { () async throws(HostError) in try await base.list() }
    }

    func wait(
        for selector: BlockDeviceSelector, within duration: Duration
    ) async throws(HostError) -> BlockDevice {
        try await tracing.span(.waitForDevice) { () async throws(HostError) in
            try await base.wait(for: selector, within: duration)
        }
    }

    func read(from device: FilePath, at offset: Int64, count: Int) async throws(HostError) -> [UInt8] {
        try await tracing.span(.readDevice, device) { () async throws(HostError) in
            try await base.read(from: device, at: offset, count: count)
        }
    }

    func checkReadable(_ device: FilePath, at offset: Int64, within limit: Duration) async throws(HostError) {
        try await tracing.span(.readDevice, device) { () async throws(HostError) in
            try await base.checkReadable(device, at: offset, within: limit)
        }
    }

    func flush(_ device: FilePath) async throws(HostError) {
        try await tracing.span(.flushDevice, device) { () async throws(HostError) in try await base.flush(device) }
    }

    func replace(
        _ expected: [UInt8], with bytes: [UInt8], at offset: Int64, of device: BlockDevice
    ) async throws(HostError) {
        try await tracing.span(.replaceBytes, device.path) { () async throws(HostError) in
            try await base.replace(expected, with: bytes, at: offset, of: device)
        }
    }

    func setReadOnly(_ isReadOnly: Bool, _ device: FilePath) async throws(HostError) {
        try await tracing.span(.setDeviceReadOnly, device) { () async throws(HostError) in
            try await base.setReadOnly(isReadOnly, device)
        }
    }

    func readAhead(of device: FilePath) async throws(HostError) -> Int64 {
        try await tracing.span(.inspectDevice, device) { () async throws(HostError) in
            try await base.readAhead(of: device)
        }
    }

    func setReadAhead(_ bytes: Int64, of device: FilePath) async throws(HostError) {
        try await tracing.span(.setReadAhead, device) { () async throws(HostError) in
            try await base.setReadAhead(bytes, of: device)
        }
    }

    func isInUse(_ device: FilePath) async throws(HostError) -> Bool {
        try await tracing.span(.inspectDevice, device) { () async throws(HostError) in
            try await base.isInUse(device)
        }
    }

    func users(of device: DeviceNumber) async throws(HostError) -> [BlockDeviceUser] {
        try await tracing.span(.deviceUsers) { () async throws(HostError) in try await base.users(of: device) }
    }
}
