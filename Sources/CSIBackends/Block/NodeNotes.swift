public import CSICore
public import CSIHost
public import CSIPool
public import SystemPackage

/// What a node writes down of the volumes that are staged on it, where no pool keeps it: one directory, which may be empty after
/// a reboot, as the staging paths are then.
///
/// Nothing of what is on a device is noted here: volumes come and go, and the note of a node would be wrong when one comes back.
public struct NodeNotes: StagingNotes {
    private static let noteLimit = 64 << 10
    private static let permissions = FilePermissions(rawValue: 0o700)

    private let path: FilePath
    private let host: any Host

    /// Names the directory, such as `/run/csi-example`; it is made when something is to be noted, its parent must be there.
    /// - Parameters:
    ///   - path: Absolute, without symbolic links; of this driver alone.
    ///   - host: The machine.
    public init(path: FilePath, host: any Host) {
        self.path = path
        self.host = host
    }

    /// How the raw block volume is staged; nil when it is not.
    public func stagedBlock(of id: VolumeID) async throws(CSIError) -> StagedBlock? {
        try await read(id, "staged").flatMap { StagedBlock(parsing: $0) }
    }

    /// Keeps how the raw block volume is staged; nil for not at all.
    public func setStagedBlock(_ staged: StagedBlock?, of id: VolumeID) async throws(CSIError) {
        try await write(staged?.bytes, id, "staged")
    }

    /// What the device of a volume is recognised by; nil when that is not known.
    func selector(of id: VolumeID) async throws(CSIError) -> BlockDeviceSelector? {
        guard let bytes = try await read(id, "device") else { return nil }
        guard let selector = BlockDeviceSelector(note: bytes) else {
            throw .preconditionFailed(
                "the note \"\(path)/\(id).device\" cannot be used; remove it when volume \"\(id)\" is not mounted here")
        }
        return selector
    }

    func setSelector(_ selector: BlockDeviceSelector?, of id: VolumeID) async throws(CSIError) {
        guard try await read(id, "device") != selector?.note else { return }
        try await write(selector?.note, id, "device")
    }

    private func read(_ id: VolumeID, _ kind: String) async throws(CSIError) -> [UInt8]? {
        guard let component = id.pathComponent else { return nil }
        do throws(HostError) {
            return try await host.files.openDirectory(path).readFile(
                FilePath("\(component).\(kind)"), limit: Self.noteLimit)
        } catch {
            if error.kind == .notFound { return nil }
            throw CSIError(error)
        }
    }

    private func write(_ bytes: [UInt8]?, _ id: VolumeID, _ kind: String) async throws(CSIError) {
        guard let component = id.pathComponent else {
            guard bytes == nil else { throw .notFound(.volume(id), "its id cannot be the name of a note") }
            return
        }
        let file = FilePath("\(component).\(kind)")
        do throws(HostError) {
            if let bytes {
                try await host.files.createMountPoint(path, kind: .directory, permissions: Self.permissions)
                try await host.files.openDirectory(path).writeFileDurably(file, bytes)
            } else {
                _ = try await host.files.openDirectory(path).removeFile(file)
            }
        } catch {
            if bytes == nil, error.kind == .notFound { return }
            throw CSIError(error)
        }
    }
}

extension BlockDeviceSelector {
    /// One line: the kind, and the rest as it is.
    fileprivate var note: [UInt8] {
        switch self {
        case .path(let path): Array("path \(path.string)\n".utf8)
        case .number(let number): Array("number \(number.major) \(number.minor)\n".utf8)
        case .serial(let serial): Array("serial \(serial)\n".utf8)
        case .worldWideID(let id): Array("wwid \(id)\n".utf8)
        }
    }

    fileprivate init?(note bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.utf8.last == UInt8(ascii: "\n") else { return nil }
        let words = text.dropLast().split(separator: " ", maxSplits: 1).map(String.init)
        guard let kind = words.first, words.count == 2, let value = words.last, !value.isEmpty else { return nil }
        switch kind {
        case "path": self = .path(FilePath(value))
        case "serial": self = .serial(value)
        case "wwid": self = .worldWideID(value)
        case "number":
            let numbers = value.split(separator: " ").compactMap { UInt32($0) }
            guard let major = numbers.first, let minor = numbers.last, numbers.count == 2 else { return nil }
            self = .number(DeviceNumber(major: major, minor: minor))
        default: return nil
        }
    }
}
