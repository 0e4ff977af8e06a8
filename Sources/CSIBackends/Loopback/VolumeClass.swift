import CSICore
import CSIHost

/// What a class asks of its volumes, in the parameters of a StorageClass and in the capabilities.
struct VolumeClass: Sendable, Hashable {
    private enum Key {
        static let fileSystem = Parameters.kubernetesPrefix + "fstype"
        static let provisioning = "provisioning"
        static let makeOptions = "mkfsOptions"
        static let freezes = "fsFreeze"
    }

    /// The file system that is asked for by name; nil leaves the choice to the driver.
    let fileSystem: FileSystemKind?
    let isBlock: Bool
    /// Whether no capability allows to write.
    let isForReading: Bool
    let isThick: Bool
    let makeOptions: String
    let freezes: Bool

    /// Reads parameters; unknown keys are refused by name.
    init(_ parameters: Parameters, _ capabilities: [VolumeCapability]) throws(CSIError) {
        var reader = parameters.reader()
        let type = reader.take(Key.fileSystem) ?? ""
        let provisioning = reader.take(Key.provisioning)
        makeOptions = reader.take(Key.makeOptions) ?? ""
        let freezes = reader.take(Key.freezes)
        try reader.finish()
        isBlock = capabilities.first?.isBlock ?? false
        isForReading = !capabilities.isEmpty && capabilities.allSatisfy(\.mode.isReadOnly)
        isThick = try Self.choice(provisioning, Key.provisioning, ["thin": false, "thick": true]) ?? false
        self.freezes = try Self.choice(freezes, Key.freezes, ["false": false, "true": true]) ?? true
        fileSystem = try Self.fileSystem(type, capabilities)
        if isThick { try Self.checkKeepsRoom(capabilities) }
        try checkMakeOptions(for: fileSystem ?? VolumeTraits.defaultFileSystem)
    }

    /// What a new volume will be.
    /// - Parameter source: What the content comes from is; nil for an empty volume.
    func traits(from source: VolumeTraits? = nil) throws(CSIError) -> VolumeTraits {
        guard !isBlock else { return VolumeTraits(fileSystem: nil, freezes: freezes) }
        var kind = fileSystem ?? VolumeTraits.defaultFileSystem
        if let source {
            guard let content = source.fileSystem else {
                throw .invalid(
                    "volume_content_source", "is of a raw block volume, and a volume with a file system was asked for")
            }
            guard fileSystem == nil || fileSystem == content else {
                throw .invalid(
                    "volume_content_source", "holds \(content), and \(kind) was asked for; ask for \(content)")
            }
            kind = content
        } else if isForReading {
            throw .invalid(
                "volume_capabilities",
                "ask for an empty file system that nobody may write to; name a source, or a mode "
                    + "that writes")
        }
        return VolumeTraits(fileSystem: kind, makeOptions: makeOptions, freezes: freezes)
    }

    /// The smallest volume that can be made, in bytes.
    var minimumCapacity: Int64 {
        VolumeTraits(fileSystem: isBlock ? nil : fileSystem ?? VolumeTraits.defaultFileSystem).minimumCapacity
    }

    private static func checkKeepsRoom(_ capabilities: [VolumeCapability]) throws(CSIError) {
        let flags: [String] = capabilities.flatMap { (capability) -> [String] in capability.mount?.flags ?? [] }
        let words: [Substring] = flags.flatMap { (flag) -> [Substring] in flag.split(separator: ",") }
        guard let word = words.first(where: { $0 == "discard" || $0.hasPrefix("discard=") }) else { return }
        throw .invalid(
            "volume_capabilities",
            "ask for the mount flag \(word), which gives back the room that a thick volume keeps; leave it out, or ask for a "
                + "thin volume")
    }

    private func checkMakeOptions(for kind: FileSystemKind) throws(CSIError) {
        guard !makeOptions.isEmpty else { return }
        guard !isBlock else {
            throw .invalid("parameters[\"\(Key.makeOptions)\"]", "is for volumes with a file system, not for raw ones")
        }
        do throws(UnsupportedOption) {
            _ = try MakeOptions(kind, parsing: makeOptions)
        } catch {
            throw .invalid("parameters[\"\(Key.makeOptions)\"]", "cannot be used: \(error)")
        }
    }

    /// The file system that parameters and capabilities name, which must be one.
    private static func fileSystem(
        _ parameter: String, _ capabilities: [VolumeCapability]
    ) throws(CSIError) -> FileSystemKind? {
        let named = ([parameter] + capabilities.compactMap { $0.mount?.fileSystemType }).filter { !$0.isEmpty }
        guard let first = named.first else { return nil }
        if let other = named.first(where: { $0 != first }) {
            throw .invalid("volume_capabilities", "and parameters ask for two file systems, \(first) and \(other)")
        }
        guard let kind = FileSystemKind(rawValue: first), VolumeTraits.fileSystems.contains(kind) else {
            let known = VolumeTraits.fileSystems.map(\.rawValue).joined(separator: ", ")
            throw .invalid("parameters[\"\(Key.fileSystem)\"]", "is \"\(first)\"; known are \(known)")
        }
        return kind
    }

    private static func choice<Value>(
        _ text: String?, _ key: String, _ choices: [String: Value]
    ) throws(CSIError) -> Value? {
        guard let text else { return nil }
        guard let value = choices[text] else {
            let known = choices.keys.sorted().joined(separator: " or ")
            throw .invalid("parameters[\"\(key)\"]", "must be \(known), and is \"\(text)\"")
        }
        return value
    }
}
