/// What the schema says about one field of a message.
public struct ProtoField: Sendable, Hashable {
    /// How often a field occurs.
    public enum Label: Sendable, Hashable {
        /// Once; absent when it has its default value.
        case singular
        /// Once or not at all.
        case optional
        /// Any number of times.
        case repeated
        /// As a map's pairs.
        case map
    }

    /// The number on the wire.
    public let number: Int

    /// The name in the schema, for example `volume_id`.
    public let name: String

    /// The type in the schema: `string`, `map<string,string>`, or the full name of a message or enum.
    public let type: String

    /// How often the field occurs.
    public let label: Label

    /// The name of the oneof that the field belongs to.
    public let oneof: String?

    /// Whether the field carries secrets.
    public let isSecret: Bool

    /// Creates the description of a field.
    public init(
        _ number: Int, _ name: String, _ type: String, _ label: Label = .singular, oneof: String? = nil,
        isSecret: Bool = false
    ) {
        self.number = number
        self.name = name
        self.type = type
        self.label = label
        self.oneof = oneof
        self.isSecret = isSecret
    }
}
