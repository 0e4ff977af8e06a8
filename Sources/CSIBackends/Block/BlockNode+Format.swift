import CSICore
import CSIHost
import CSIPool
import Logging
import SystemPackage

/// The one place that makes file systems.
extension BlockNode {
    /// Makes the file system of a volume in its image, before that is attached, where there never was one.
    ///
    /// Through a loop device each of mkfs's small writes goes to the disk alone; in the file they go together. The rules are those of
    /// a device: see ``prepared(_:_:_:isNew:)``.
    ///
    /// - Returns: whether it did; what is in the image is the volume's own then, has the size of its device, and needs no check.
    func formatImage(_ volume: BlockVolume, _ options: FileSystemMountOptions) async throws(CSIError) -> Bool {
        // A thick volume keeps its room on a device that takes no discards; in a file, some mkfs zero blocks by punching holes.
        guard let formats, volume.origin == .empty, !volume.isThick else { return false }
        var words = try makeOptions(volume, options.kind)
        // Which sizes fit the device, mkfs finds out there.
        guard !words.setsBlockSize else { return false }
        let state = try await formats.formatState(of: volume.id)
        if case .done = state { return false }
        guard let image = try await devices.unattachedImage(of: volume.id) else { return false }
        try requireWritable(options, volume)
        if case .started = state { try await devices.eraseUnattachedImage(of: volume.id) }
        words.sectorSize = image.sectorSize
        try await make(
            options.kind, on: image.path, words, volume, Self.toolLimit(volume.capacity), isFirst: state == nil)
        return true
    }

    /// The device with the volume's file system on it, checked, ready to be mounted, and held until it is.
    ///
    /// A file system is made only when the volume's notes (or, without any, its origin) say that there never was one and the
    /// device reads as blank, or when the notes say that making one was interrupted and nothing has been mounted since.
    /// Everything else is refused.
    ///
    /// - Parameter isNew: whether ``formatImage(_:_:)`` has made it just now.
    func prepared(
        _ device: VolumeDevice, _ volume: BlockVolume, _ options: FileSystemMountOptions, isNew: Bool
    ) async throws(CSIError) -> (device: VolumeDevice, hold: (any HeldDevice)?) {
        guard !isNew else { return (device, try await devices.hold(device)) }
        let state = try await formats?.formatState(of: volume.id)
        var device = device
        if case .started = state {
            try requireWritable(options, volume)
            device = try await devices.erased(device, of: volume)
        }
        let held = try await devices.hold(device)
        do throws(CSIError) {
            if formats == nil {
                try await fillWithoutNotes(device, volume, options)
            } else {
                try await fill(device, state, volume, options)
            }
        } catch {
            held?.release()
            throw error
        }
        return (device, held)
    }

    private func fill(
        _ device: VolumeDevice, _ state: FormatState?, _ volume: BlockVolume, _ options: FileSystemMountOptions
    ) async throws(CSIError) {
        let kind = options.kind
        switch state {
        case .done(let type, let uuid):
            try await require(type, uuid, on: device, volume, kind)
            try await check(device, volume, kind)
            try await growUnmounted(device, volume, kind, options)
        case nil:
            try requireWritable(options, volume)
            try await format(device, volume, kind, isFirst: true)
        case .started:
            try await format(device, volume, kind, isFirst: false)
        }
    }

    /// Where no note goes with the volume, the device itself must say that it has a file system, that it never had one, or that
    /// making one was interrupted.
    private func fillWithoutNotes(
        _ device: VolumeDevice, _ volume: BlockVolume, _ options: FileSystemMountOptions
    ) async throws(CSIError) {
        let kind = options.kind
        let found = try await probe(device)
        if let content = found.content {
            guard content.type == kind.rawValue else { throw foreign(found, on: device, volume, kind) }
            if options.access == .readWrite { try await removeMark(from: device, of: volume.id) }
            try await check(device, volume, kind)
            return try await growUnmounted(device, volume, kind, options)
        }
        let mark = try await mark(on: device, of: volume.id)
        if !found.isBlank {
            // Of a volume that was made empty, whatever is unclear and has the mark was left by mkfs.
            guard case .own = mark, volume.origin == .empty else { throw foreign(found, on: device, volume, kind) }
            try requireWritable(options, volume)
            logger.notice(
                "mkfs was interrupted, and nothing was mounted since: it begins anew",
                metadata: ["volume": "\(volume.id)", "device": "\(device.path)", "found": "\(found)"])
            try await eraseInterrupted(device, of: volume.id)
        }
        try requireMadeEmpty(volume, device)
        try requireWritable(options, volume)
        switch mark {
        case .noPlace, .own: break
        case .absent: try await setMark(on: device, of: volume.id)
        case .other:
            throw .preconditionFailed(
                "the device \(device.path) of volume \"\(volume.id)\" reads as blank at both ends and has bytes at offset "
                    + "\(FormatMark.offset) that are not this driver's; it is not formatted")
        }
        try await format(device, volume, kind, isFirst: true)
        try await removeMark(from: device, of: volume.id)
    }

    private func foreign(
        _ found: ProbeResult, on device: VolumeDevice, _ volume: BlockVolume, _ kind: FileSystemKind
    ) -> CSIError {
        .preconditionFailed(
            "volume \"\(volume.id)\" is to be mounted as \(kind), and its device \(device.path) holds \(found); it is "
                + "neither mounted nor formatted")
    }

    private func requireMadeEmpty(_ volume: BlockVolume, _ device: VolumeDevice) throws(CSIError) {
        switch volume.origin {
        case .empty: return
        case .copy:
            throw .preconditionFailed(
                "volume \"\(volume.id)\" was made from a snapshot or another volume and must hold a file system, and its "
                    + "device \(device.path) reads as blank; it is not formatted")
        case .unknown:
            throw .preconditionFailed(
                "the device \(device.path) of volume \"\(volume.id)\" reads as blank, and nothing says that the volume was "
                    + "made empty; it is not formatted")
        }
    }

    /// Grows a mounted file system to its device; what has that size already is left alone.
    func grow(
        _ device: VolumeDevice, mountedAt path: FilePath, _ options: FileSystemMountOptions
    ) async throws(CSIError) {
        guard options.access == .readWrite else { return }
        do throws(HostError) {
            try await host.fileSystems.grow(
                options.kind, on: device.path, mountedAt: path, within: Self.toolLimit(device.size))
        } catch {
            var error = error
            error.detail =
                "its file system could be mounted at \(path), but not grown to the size of its device"
                + (error.detail.map { "; \($0)" } ?? "")
            throw CSIError(error)
        }
    }

    private func makeOptions(_ volume: BlockVolume, _ kind: FileSystemKind) throws(CSIError) -> MakeOptions {
        do throws(UnsupportedOption) {
            return try MakeOptions(kind, parsing: volume.makeOptions)
        } catch {
            throw .preconditionFailed("the mkfs options of volume \"\(volume.id)\" cannot be used any more: \(error)")
        }
    }

    private func format(
        _ device: VolumeDevice, _ volume: BlockVolume, _ kind: FileSystemKind, isFirst: Bool
    ) async throws(CSIError) {
        try await make(
            kind, on: device.path, makeOptions(volume, kind), volume, Self.toolLimit(device.size), isFirst: isFirst,
            marked: device)
    }

    /// Makes a file system and notes it, before it begins and when it is there.
    ///
    /// - Parameter marked: the device that may have a mark; nil for an image, which has notes.
    private func make(
        _ kind: FileSystemKind, on path: FilePath, _ options: MakeOptions, _ volume: BlockVolume, _ limit: Duration,
        isFirst: Bool, marked: VolumeDevice? = nil
    ) async throws(CSIError) {
        let start = FormatStart(of: kind, in: volume.id, formats)
        let made: DeviceContent
        do throws(HostError) {
            made = try await host.fileSystems.make(
                kind, on: path, options: options, within: limit, whenBlank: start.note)
        } catch {
            if let failure = start.failure { throw failure }
            // What it has taken of a full pool, others need; the note says that it is nobody's.
            if error.kind == .noSpace, start.wasNoted { try? await devices.eraseUnattachedImage(of: volume.id) }
            guard error.kind == .notBlank, isFirst else { throw Self.stageError(error, of: volume.id) }
            if formats != nil, !start.wasNoted {
                throw .preconditionFailed(
                    "volume \"\(volume.id)\" was never formatted by this driver, and its device is not blank: \(error); it "
                        + "is left alone")
            }
            // Somebody wrote to the device since it was probed: what is there is not ours to erase.
            try await formats?.setFormatState(nil, of: volume.id)
            if let marked { try await removeMark(from: marked, of: volume.id) }
            throw CSIError(error)
        }
        guard let formats else { return }
        guard let uuid = made.uuid else { throw .fault("the new \(kind) on \(path) has no UUID") }
        try await formats.setFormatState(.done(type: made.type, uuid: uuid), of: volume.id)
    }

    private func probe(_ device: VolumeDevice) async throws(CSIError) -> ProbeResult {
        try await withHostErrors { () async throws(HostError) in try await host.fileSystems.probe(device.path) }
    }

    private func requireWritable(_ options: FileSystemMountOptions, _ volume: BlockVolume) throws(CSIError) {
        guard options.access != .readWrite else { return }
        throw .preconditionFailed("volume \"\(volume.id)\" has no file system yet, and none is made for reading only")
    }

    private func require(
        _ type: String, _ uuid: String, on device: VolumeDevice, _ volume: BlockVolume, _ kind: FileSystemKind
    ) async throws(CSIError) {
        // What was noted is what is looked for: what users write can look like something else at the ends of the device.
        let content = try await withHostErrors { () async throws(HostError) in
            try await host.fileSystems.content(of: kind, on: device.path)
        }
        guard let content, content.type == type, content.uuid == uuid else {
            let found = try await probe(device)
            throw .preconditionFailed(
                "volume \"\(volume.id)\" must hold \(type) with uuid \(uuid), and its device holds \(found); it is neither "
                    + "mounted nor formatted")
        }
    }

    /// What a stage answers for an error of its device.
    ///
    /// One that is held, though no mount of it is seen, is ABORTED, which callers repeat and for which they unstage: a driver that was
    /// killed can have left a mount that is not done yet, and it may still succeed.
    static func stageError(_ error: HostError, of id: VolumeID) -> CSIError {
        guard error.kind == .busy else { return CSIError(error) }
        return .pendingElsewhere(
            "the device of volume \"\(id)\" is held by another program, or by what a driver that was killed has left: \(error)"
        )
    }

    private func check(
        _ device: VolumeDevice, _ volume: BlockVolume, _ kind: FileSystemKind
    ) async throws(CSIError) {
        let outcome: CheckOutcome
        do throws(HostError) {
            outcome = try await host.fileSystems.check(
                kind, on: device.path, depth: .beforeMount, within: Self.toolLimit(device.size))
        } catch {
            throw Self.stageError(error, of: volume.id)
        }
        switch outcome {
        case .repaired(let what):
            logger.notice(
                "a file system was repaired before it was mounted",
                metadata: ["volume": "\(volume.id)", "detail": "\(what)"])
        case .damaged(let what):
            throw .preconditionFailed(
                "the file system of volume \"\(volume.id)\" on \(device.path) is damaged and is not mounted: \(what)")
        case .clean, .leftToTheKernel: break
        }
    }

    /// Grows an ext4 before it is mounted where the kernel would not let this process grow it afterwards.
    ///
    /// The kernel's way is in the journal and needs no check. This one reads all metadata first, which takes long on a large device,
    /// and a crash in the middle of it can damage the file system.
    private func growUnmounted(
        _ device: VolumeDevice, _ volume: BlockVolume, _ kind: FileSystemKind, _ options: FileSystemMountOptions
    ) async throws(CSIError) {
        guard kind == .ext4 || kind == .ext3, options.access == .readWrite else { return }
        do throws(HostError) {
            guard try await !host.system.capabilities().contains(.systemResource) else { return }
            _ = try await host.fileSystems.grow(
                kind, on: device.path, mountedAt: nil, within: Self.toolLimit(device.size))
        } catch {
            throw Self.stageError(error, of: volume.id)
        }
    }
}
