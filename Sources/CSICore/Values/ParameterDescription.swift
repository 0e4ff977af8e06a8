/// What one key of a class means to a backend, for reference pages.
public struct ParameterDescription: Sendable, Hashable {
    /// Whose key it is.
    public enum Scope: String, Sendable, Hashable, CaseIterable {
        /// A StorageClass.
        case storageClass = "StorageClass"
        /// A VolumeSnapshotClass.
        case volumeSnapshotClass = "VolumeSnapshotClass"
        /// A VolumeAttributesClass: it can be changed while the volume is used.
        case volumeAttributesClass = "VolumeAttributesClass"
        /// The volume attributes of a PersistentVolume that somebody wrote, or of an inline volume.
        case volumeAttributes
    }

    /// The key.
    public let name: String

    /// Whose key it is.
    public let scope: Scope

    /// What values it takes, for example `thin, thick`.
    public let values: String

    /// What counts when it is left out.
    public let defaultValue: String

    /// What it means, in one sentence.
    public let help: String

    /// Describes a key.
    public init(
        _ name: String, _ scope: Scope = .storageClass, values: String, defaultValue: String, help: String
    ) {
        self.name = name
        self.scope = scope
        self.values = values
        self.defaultValue = defaultValue
        self.help = help
    }
}
