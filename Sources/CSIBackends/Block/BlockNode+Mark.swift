import CSICore
import CSIHost
import CSIPool

/// What goes with a disk that nobody keeps a note about: whether mkfs has begun on it.
extension BlockNode {
    /// What is where a disk's mark is.
    enum MarkFinding {
        /// The disk has no place for one.
        case noPlace
        /// Nothing.
        case absent
        /// This volume's.
        case own
        /// Something else.
        case other
    }

    private static let window = Int64(DeviceImage.window)

    func mark(on device: VolumeDevice, of id: VolumeID) async throws(CSIError) -> MarkFinding {
        guard formats == nil, FormatMark.fits(device.size, besides: Self.window) else { return .noPlace }
        switch try await read(device, at: FormatMark.offset, count: FormatMark.count) {
        case FormatMark.none: return .absent
        case FormatMark(of: id).bytes: return .own
        default: return .other
        }
    }

    /// Puts the mark on a disk that has none.
    func setMark(on device: VolumeDevice, of id: VolumeID) async throws(CSIError) {
        try await replace(FormatMark.none, with: FormatMark(of: id).bytes, at: FormatMark.offset, of: device)
    }

    /// Takes the mark from a disk that has one, before anybody writes to the disk whose bytes must never be erased.
    func removeMark(from device: VolumeDevice, of id: VolumeID) async throws(CSIError) {
        guard case .own = try await mark(on: device, of: id) else { return }
        try await replace(FormatMark(of: id).bytes, with: FormatMark.none, at: FormatMark.offset, of: device)
    }

    /// Makes a disk with the mark blank again as far as a probe can tell, which is all that mkfs asks for.
    /// - Throws: FAILED_PRECONDITION when there is anything on it that is known.
    func eraseInterrupted(_ device: VolumeDevice, of id: VolumeID) async throws(CSIError) {
        let places = [0, device.size - Self.window]
        var ends: [(offset: Int64, bytes: [UInt8])] = []
        for place in places { ends.append((place, try await read(device, at: place, count: DeviceImage.window))) }
        // Looked at after they were read, so that what is erased is what was looked at.
        let found = try await withHostErrors { () async throws(HostError) in
            try await host.fileSystems.probe(device.path)
        }
        if let content = found.content {
            throw .preconditionFailed(
                "the device \(device.path) of volume \"\(id)\" holds \(content) by now; it is not erased")
        }
        for (offset, bytes) in ends where bytes.contains(where: { $0 != 0 }) {
            try await replace(bytes, with: [UInt8](repeating: 0, count: bytes.count), at: offset, of: device)
        }
    }

    private func read(_ device: VolumeDevice, at offset: Int64, count: Int) async throws(CSIError) -> [UInt8] {
        try await withHostErrors { () async throws(HostError) in
            try await host.devices.read(from: device.path, at: offset, count: count)
        }
    }

    private func replace(
        _ expected: [UInt8], with bytes: [UInt8], at offset: Int64, of device: VolumeDevice
    ) async throws(CSIError) {
        try await withHostErrors { () async throws(HostError) in
            guard let found = try await host.devices.device(device.number), found.sequence == device.sequence else {
                throw HostError(.replaceBytes, at: device.path, kind: .notFound, detail: "the disk has gone")
            }
            try await host.devices.replace(expected, with: bytes, at: offset, of: found)
        }
    }
}
