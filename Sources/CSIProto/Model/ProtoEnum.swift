/// An open protobuf enum: any number is a value, some have names.
public protocol ProtoEnum: RawRepresentable, Sendable, Hashable, CustomStringConvertible where RawValue == Int32 {
    /// The full protobuf name, for example `csi.v1.VolumeUsage.Unit`.
    static var protoName: String { get }

    /// The values of the schema, in its order, without aliases.
    static var allKnown: [Self] { get }

    /// The value with this number, named or not.
    init(rawValue: Int32)

    /// The name in the schema, or nil for a number that it does not list.
    var name: String? { get }
}

extension ProtoEnum {
    /// The name in the schema, or the number.
    public var description: String { name ?? String(rawValue) }
}
