public import CSICore
public import CSIHost
import CSIPool
import SystemPackage

/// Volumes that a controller attaches to the machine as disks, recognised by a link that udevd makes from their serial number, or
/// by the number itself.
///
/// The requests that undo something name a volume and nothing else, so what a volume is recognised by is noted when it is
/// staged.
public struct AttachedDisks: VolumeDevices {
    private let notes: NodeNotes
    private let host: any Host
    private let limit: Duration
    private let fallback: @Sendable (VolumeID) -> BlockDeviceSelector?

    /// Creates the disks of a machine.
    /// - Parameters:
    ///   - notes: Where is noted what a staged volume is recognised by.
    ///   - host: The machine.
    ///   - limit: How long a disk may take to appear once it is attached.
    ///   - selector: What a volume without a note is recognised by, where that follows from its id.
    public init(
        notes: NodeNotes, host: any Host, within limit: Duration = .seconds(60),
        selector: @escaping @Sendable (VolumeID) -> BlockDeviceSelector? = { _ in nil }
    ) {
        self.notes = notes
        self.host = host
        self.limit = limit
        fallback = selector
    }

    /// Waits for the disk.
    public func attach(_ volume: BlockVolume, isReadOnly: Bool) async throws(CSIError) -> VolumeDevice {
        guard let selector = volume.selector ?? fallback(volume.id) else {
            throw .preconditionFailed("nothing says what the disk of volume \"\(volume.id)\" is recognised by")
        }
        let found = try await withHostErrors { () async throws(HostError) in
            try await host.devices.wait(for: selector, within: limit)
        }
        try await notes.setSelector(selector, of: volume.id)
        return VolumeDevice(found)
    }

    /// The disk, if it is there.
    public func device(of id: VolumeID) async throws(CSIError) -> VolumeDevice? {
        guard let selector = try await notes.selector(of: id) ?? fallback(id) else { return nil }
        return try await withHostErrors { () async throws(HostError) in try await find(selector) }.map {
            VolumeDevice($0)
        }
    }

    /// The disk as the kernel shows it now.
    public func refreshed(_ device: VolumeDevice, of id: VolumeID) async throws(CSIError) -> VolumeDevice {
        guard let now = try await self.device(of: id), now.isSame(as: device) else {
            throw .preconditionFailed("\(device.path), the disk of volume \"\(id)\", has gone; attach it again")
        }
        return now
    }

    /// The same disk, to which the kernel refuses or accepts writes from now on.
    public func reattached(
        _ device: VolumeDevice, of volume: BlockVolume, isReadOnly: Bool
    ) async throws(CSIError) -> VolumeDevice {
        try await withHostErrors { () async throws(HostError) in
            try await host.devices.setReadOnly(isReadOnly, device.path)
        }
        let now = try await refreshed(device, of: volume.id)
        guard now.isReadOnly == isReadOnly else {
            throw .preconditionFailed(
                "\(device.path), the disk of volume \"\(volume.id)\", is \(now.isReadOnly ? "read-only" : "writable") whatever "
                    + "this node says")
        }
        return now
    }

    /// Leaves the disk for its controller to detach, with everything written to it.
    public func detach(_ device: VolumeDevice, of id: VolumeID, within limit: Duration) async throws(CSIError) {
        do throws(HostError) {
            try await host.devices.flush(device.path)
        } catch {
            // A disk that has gone has nothing to flush.
            guard try await self.device(of: id)?.isSame(as: device) == true else { return }
            throw CSIError(error)
        }
        // Whoever publishes the raw disk next may write to it, if its controller lets him: what this node has said of the device
        // outlives even its attachment, where the kernel uses the device's number again.
        if device.isReadOnly { try? await host.devices.setReadOnly(false, device.path) }
    }

    /// Forgets what the volume is recognised by.
    public func forget(_ id: VolumeID) async throws(CSIError) {
        try await notes.setSelector(nil, of: id)
    }

    private func find(_ selector: BlockDeviceSelector) async throws(HostError) -> BlockDevice? {
        switch selector {
        case .path(let path): return try await host.devices.device(at: path)
        case .number(let number): return try await host.devices.device(number)
        case .serial(let serial): return try await sole(selector) { $0.serial == serial }
        case .worldWideID(let id): return try await sole(selector) { $0.worldWideID == id }
        }
    }

    private func sole(
        _ selector: BlockDeviceSelector, _ isMeant: (BlockDevice) -> Bool
    ) async throws(HostError) -> BlockDevice? {
        let found = try await host.devices.list().filter { !$0.isPartition && isMeant($0) }
        guard found.count <= 1 else {
            throw HostError(
                .inspectDevice, at: "/dev", kind: .notVerified,
                detail: "\(selector) is reported by more than one device: \(found.map(\.name).joined(separator: ", "))")
        }
        return found.first
    }
}
