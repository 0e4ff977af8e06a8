public import CSICore
import CSIHost
import CSIPool

/// What can be changed of a device while it is used.
extension ImageDevices {
    /// How a device is set, as the kernel shows it.
    public func settings(
        of device: VolumeDevice
    ) async throws(CSIError) -> (readAhead: Int64, directIO: Bool) {
        let bytes = try await withHostErrors { () async throws(HostError) in
            try await host.devices.readAhead(of: device.path)
        }
        return (bytes, device.loop?.isDirectIO ?? false)
    }

    /// The device as the volume asks for it.
    /// - Throws: FAILED_PRECONDITION where the file system of the pool cannot do direct I/O.
    public func configured(_ device: VolumeDevice, for volume: BlockVolume) async throws(CSIError) -> VolumeDevice {
        guard var loop = device.loop else { return device }
        if let isDirect = volume.directIO, loop.isDirectIO != isDirect {
            do throws(HostError) {
                loop = try await host.loops.setDirectIO(isDirect, of: loop)
            } catch {
                throw error.kind == .notSupported ? cannotBypassCache(volume.id) : CSIError(error)
            }
        }
        if let bytes = volume.readAhead, try await settings(of: device).readAhead != bytes {
            try await withHostErrors { () async throws(HostError) in
                try await host.devices.setReadAhead(bytes, of: device.path)
            }
        }
        return VolumeDevice(loop)
    }

    func cannotBypassCache(_ id: VolumeID) -> CSIError {
        .preconditionFailed(
            "volume \"\(id)\" asks for direct I/O, which the file system of the pool \(pool.path) cannot do; set directIO to "
                + "false")
    }
}

extension LoopOptions.DirectIO {
    /// What a volume asks for; nothing takes it where the file system can.
    init(_ wanted: Bool?) {
        switch wanted {
        case nil: self = .preferred
        case true?: self = .required
        case false?: self = .off
        }
    }
}
