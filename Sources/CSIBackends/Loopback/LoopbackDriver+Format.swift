import CSICore
import CSIHost
import CSIPool
import Logging
import SystemPackage

/// The one place that makes file systems.
extension LoopbackDriver {
    /// How long mkfs and a check may take.
    private static let toolLimit = Duration.seconds(600)

    /// The device with the volume's file system on it, checked, ready to be mounted, and held until it is.
    ///
    /// A file system is made only when the volume's notes say that there never was one and the device reads as blank, or
    /// when they say that making one was interrupted and nothing has been mounted since. Everything else is refused.
    func prepared(
        _ device: LoopDevice, _ record: VolumeRecord, _ traits: VolumeTraits, _ options: FileSystemMountOptions
    ) async throws(CSIError) -> (device: LoopDevice, hold: any HeldDevice) {
        let state = try await pool.formatState(of: record.id)
        var device = device
        if case .started = state {
            try requireWritable(options, record)
            device = try await erased(device, record)
        }
        let held = try await hold(device)
        do throws(CSIError) {
            try await fill(device, state, record, traits, options)
        } catch {
            held.release()
            throw error
        }
        return (device, held)
    }

    /// Keeps the number of a device from showing another file.
    func hold(_ device: LoopDevice) async throws(CSIError) -> any HeldDevice {
        try await withHostErrors { () async throws(HostError) in try await host.loops.hold(device) }
    }

    private func fill(
        _ device: LoopDevice, _ state: FormatState?, _ record: VolumeRecord, _ traits: VolumeTraits,
        _ options: FileSystemMountOptions
    ) async throws(CSIError) {
        let kind = options.kind
        switch state {
        case .done(let type, let uuid):
            try await require(type, uuid, on: device, record, kind)
            try await check(device, record, kind)
            try await growUnmounted(device, kind, options)
        case nil:
            try requireWritable(options, record)
            let found = try await probe(device)
            guard found.isBlank else {
                throw .preconditionFailed(
                    "volume \"\(record.id)\" was never formatted by this driver, and its device is not blank: \(found); it "
                        + "is left alone")
            }
            try await pool.setFormatState(.started(type: kind.rawValue), of: record.id)
            try await format(device, record, traits, kind, isFirst: true)
        case .started:
            try await pool.setFormatState(.started(type: kind.rawValue), of: record.id)
            try await format(device, record, traits, kind, isFirst: false)
        }
    }

    /// The device of an image in which nothing is anybody's, with the image erased.
    ///
    /// The caller has seen that the device is not mounted. It is detached for it, so that no cache survives.
    private func erased(_ device: LoopDevice, _ record: VolumeRecord) async throws(CSIError) -> LoopDevice {
        try await detach(device)
        try await pool.eraseImage(of: record.id, isThick: record.isThick)
        return try await attach(record.id, isReadOnly: false)
    }

    /// Grows a mounted file system to its device; what has that size already is left alone.
    func grow(
        _ traits: VolumeTraits, _ device: LoopDevice, mountedAt path: FilePath, _ options: FileSystemMountOptions
    ) async throws(CSIError) {
        guard let kind = traits.fileSystem, options.access == .readWrite else { return }
        _ = try await withHostErrors { () async throws(HostError) in
            try await host.fileSystems.grow(kind, on: device.path, mountedAt: path, within: Self.toolLimit)
        }
    }

    private func format(
        _ device: LoopDevice, _ record: VolumeRecord, _ traits: VolumeTraits, _ kind: FileSystemKind, isFirst: Bool
    ) async throws(CSIError) {
        let options: MakeOptions
        do throws(UnsupportedOption) {
            options = try MakeOptions(kind, parsing: traits.makeOptions)
        } catch {
            throw .preconditionFailed("the mkfs options of volume \"\(record.id)\" cannot be used any more: \(error)")
        }
        let made: DeviceContent
        do throws(HostError) {
            made = try await host.fileSystems.make(kind, on: device.path, options: options, within: Self.toolLimit)
        } catch {
            // Somebody wrote to the device since it was probed: what is there is not ours to erase.
            if error.kind == .notBlank, isFirst { try await pool.setFormatState(nil, of: record.id) }
            throw CSIError(error)
        }
        guard let uuid = made.uuid else { throw .fault("the new \(kind) on \(device.path) has no UUID") }
        try await pool.setFormatState(.done(type: made.type, uuid: uuid), of: record.id)
    }

    private func probe(_ device: LoopDevice) async throws(CSIError) -> ProbeResult {
        try await withHostErrors { () async throws(HostError) in try await host.fileSystems.probe(device.path) }
    }

    private func requireWritable(_ options: FileSystemMountOptions, _ record: VolumeRecord) throws(CSIError) {
        guard options.access != .readWrite else { return }
        throw .preconditionFailed("volume \"\(record.id)\" has no file system yet, and none is made for reading only")
    }

    private func require(
        _ type: String, _ uuid: String, on device: LoopDevice, _ record: VolumeRecord, _ kind: FileSystemKind
    ) async throws(CSIError) {
        let found = try await probe(device)
        guard let content = found.content, content.type == type, content.uuid == uuid, type == kind.rawValue else {
            throw .preconditionFailed(
                "volume \"\(record.id)\" must hold \(type) with uuid \(uuid), and its device holds \(found); it is neither "
                    + "mounted nor formatted")
        }
    }

    private func check(
        _ device: LoopDevice, _ record: VolumeRecord, _ kind: FileSystemKind
    ) async throws(CSIError) {
        let outcome = try await withHostErrors { () async throws(HostError) in
            try await host.fileSystems.check(kind, on: device.path, depth: .beforeMount, within: Self.toolLimit)
        }
        switch outcome {
        case .repaired(let what):
            logger.notice(
                "a file system was repaired before it was mounted",
                metadata: ["volume": "\(record.id)", "detail": "\(what)"])
        case .damaged(let what):
            throw .preconditionFailed(
                "the file system of volume \"\(record.id)\" on \(device.path) is damaged and is not mounted: \(what)")
        case .clean, .leftToTheKernel: break
        }
    }

    /// Ext4 needs no privilege to grow before it is mounted; the others can grow only mounted.
    private func growUnmounted(
        _ device: LoopDevice, _ kind: FileSystemKind, _ options: FileSystemMountOptions
    ) async throws(CSIError) {
        guard kind == .ext4, options.access == .readWrite else { return }
        _ = try await withHostErrors { () async throws(HostError) in
            try await host.fileSystems.grow(kind, on: device.path, mountedAt: nil, within: Self.toolLimit)
        }
    }
}
