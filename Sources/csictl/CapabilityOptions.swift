import ArgumentParser
import CSIProto

/// How a volume is to be used.
struct CapabilityOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The access mode: \(Self.modeNames.joined(separator: ", ")).", valueName: "mode"),
        completion: .list(Self.modeNames))
    var accessMode = "single-node-writer"

    @Flag(help: "Use the volume as a raw block device instead of mounting it.")
    var block = false

    @Option(help: ArgumentHelp("The file system, where the driver offers a choice.", valueName: "type"))
    var fsType: String?

    @Option(
        name: .customLong("mount-flag"),
        help: ArgumentHelp("A mount option, for example noexec; repeat for more.", valueName: "flag"))
    var mountFlags: [String] = []

    func validate() throws {
        guard mode != nil else {
            throw ValidationError(
                "--access-mode must be one of \(Self.modeNames.joined(separator: ", ")), and is \"\(accessMode)\"")
        }
        guard !block || (fsType == nil && mountFlags.isEmpty) else {
            throw ValidationError("--block cannot be combined with --fs-type or --mount-flag")
        }
    }

    var capability: CSIv1.VolumeCapability {
        let access: CSIv1.VolumeCapability.AccessTypeOneOf =
            block ? .block(.init()) : .mount(.init(fsType: fsType ?? "", mountFlags: mountFlags))
        return .init(accessType: access, accessMode: .init(mode: mode ?? .unknown))
    }

    private var mode: CSIv1.VolumeCapability.AccessMode.Mode? {
        let wanted = Self.normalized(accessMode)
        return Self.modes.first { Self.normalized($0.name ?? "") == wanted }
    }

    private static let modes = CSIv1.VolumeCapability.AccessMode.Mode.allKnown.filter { $0 != .unknown }
    private static let modeNames = modes.compactMap(\.name).map(normalized)

    private static func normalized(_ name: String) -> String {
        String(name.lowercased().map { $0 == "_" ? "-" : $0 })
    }
}
