public import CSICore
import CSIHost

extension LoopbackDriver {
    /// The keys of classes that the backend knows; any other is refused by name.
    public static let parameters = [
        ParameterDescription(
            "csi.storage.k8s.io/fstype", values: VolumeTraits.fileSystems.map(\.rawValue).joined(separator: ", "),
            defaultValue: VolumeTraits.defaultFileSystem.rawValue,
            help: "The file system of mounted volumes; that of a copy is its source's, and any other is refused."),
        ParameterDescription(
            "provisioning", values: "thin, thick", defaultValue: "thin",
            help: "Whether the room of a volume is taken when it is made."),
        ParameterDescription(
            "mkfsOptions", values: "words for mkfs", defaultValue: "none",
            help: "Options that shape the file system; nothing that forces, or names a file."),
        ParameterDescription(
            "fsFreeze", values: "true, false", defaultValue: "true",
            help:
                "Whether a mounted volume is frozen for the moment of a copy; without it the copy is as after a power failure."
        ),
    ]
}
