public import SystemPackage

// What hosts answer until they implement devices and images. To be removed with the last of them.

extension DirectoryTree {
    public func createFile(
        _ path: FilePath, size: Int64, allocation: FileAllocation, permissions: FilePermissions
    ) async throws(HostError) { throw HostError(.createFile, at: path, kind: .notSupported) }

    public func setFileSize(_ path: FilePath, to size: Int64, allocation: FileAllocation) async throws(HostError) {
        throw HostError(.setFileSize, at: path, kind: .notSupported)
    }

    public func copyFile(
        from source: FilePath, to destination: FilePath, options: CopyOptions
    ) async throws(HostError) -> CopyOutcome { throw HostError(.copyFile, at: source, kind: .notSupported) }

    public func punchHole(in path: FilePath, at offset: Int64, length: Int64) async throws(HostError) {
        throw HostError(.punchHole, at: path, kind: .notSupported)
    }
}

extension LoopDevices {
    public func attach(
        _ file: FilePath, in tree: any DirectoryTree, options: LoopOptions
    ) async throws(HostError) -> LoopDevice { throw HostError(.attachLoop, at: file, kind: .notSupported) }

    public func attached(to file: FileIdentity) async throws(HostError) -> [LoopDevice] { try await list() }

    public func list() async throws(HostError) -> [LoopDevice] {
        throw HostError(.listLoops, at: nil, kind: .notSupported)
    }

    public func refreshSize(of device: LoopDevice) async throws(HostError) -> LoopDevice {
        throw HostError(.refreshLoop, at: device.path, kind: .notSupported)
    }

    public func detach(_ device: LoopDevice, within duration: Duration) async throws(HostError) -> Bool {
        throw HostError(.detachLoop, at: device.path, kind: .notSupported)
    }
}

extension BlockDevices {
    public func device(at path: FilePath) async throws(HostError) -> BlockDevice? {
        throw HostError(.inspectDevice, at: path, kind: .notSupported)
    }

    public func device(_ number: DeviceNumber) async throws(HostError) -> BlockDevice? {
        throw HostError(.inspectDevice, at: nil, kind: .notSupported)
    }

    public func list() async throws(HostError) -> [BlockDevice] {
        throw HostError(.listDevices, at: nil, kind: .notSupported)
    }

    public func wait(for selector: BlockDeviceSelector, within duration: Duration) async throws(HostError)
        -> BlockDevice
    {
        throw HostError(.waitForDevice, at: nil, kind: .notSupported)
    }

    public func read(from device: FilePath, at offset: Int64, count: Int) async throws(HostError) -> [UInt8] {
        throw HostError(.readDevice, at: device, kind: .notSupported)
    }

    public func isInUse(_ device: FilePath) async throws(HostError) -> Bool {
        throw HostError(.inspectDevice, at: device, kind: .notSupported)
    }

    public func users(of device: DeviceNumber) async throws(HostError) -> [BlockDeviceUser] {
        throw HostError(.deviceUsers, at: nil, kind: .notSupported)
    }
}
