/// One field as the emitters need it.
struct FieldModel {
    enum Shape {
        /// Left out when it has its default value.
        case singular
        /// Tells absence from the default; every singular message is.
        case optional
        /// As `optional`, on the heap because the types recur.
        case boxed
        case repeated(packable: Bool, packed: Bool)
        case map(key: String, value: String)
        case secrets
        case oneof(String, indirect: Bool)
    }

    let descriptor: FieldDescriptor
    let shape: Shape
    let property: String
    /// The Swift type of one value.
    let valueType: String
    let codec: String
    let wireType: UInt32
    /// The type as the schema names it.
    let schemaType: String

    var number: UInt32 { descriptor.number }
    var tag: UInt32 { number << 3 | wireType }
    var packedTag: UInt32 { number << 3 | 2 }

    init(
        _ field: FieldDescriptor, in message: MessageDescriptor, named fullName: String, index: TypeIndex
    ) throws(SchemaError) {
        let place = "\(fullName.dropFirst()).\(field.name)"
        descriptor = field
        property = Naming.property(field.name)
        if let entry = index.mapEntry(field) {
            let key = try Self.element(entry, number: 1, place: place, index: index)
            let value = try Self.element(entry, number: 2, place: place, index: index)
            valueType = "ProtoMap<\(key.type), \(value.type)>"
            codec = ""
            wireType = 2
            schemaType = "map<\(key.schema),\(value.schema)>"
            shape = field.options.isSecret ? .secrets : .map(key: key.codec, value: value.codec)
            if field.options.isSecret, schemaType != "map<string,string>" { throw Self.misplacedSecret(place) }
            return
        }
        if field.options.isSecret { throw Self.misplacedSecret(place) }
        let element = try Self.element(field, place: place, index: index)
        valueType = element.type
        codec = element.codec
        wireType = element.wireType
        schemaType = element.schema
        let recurs = field.kind == .message && index.recurs(field.typeName, in: fullName)
        if field.isRepeated {
            let packable = element.wireType != 2
            shape = .repeated(packable: packable, packed: packable && field.options.packed != false)
        } else if let oneof = field.oneofIndex, !field.isProto3Optional {
            guard message.oneofs.indices.contains(oneof) else { throw SchemaError("\(place): no such oneof") }
            shape = .oneof(message.oneofs[oneof].name, indirect: recurs)
        } else if field.kind == .message {
            shape = recurs ? .boxed : .optional
        } else {
            shape = field.isProto3Optional ? .optional : .singular
        }
    }

    private static func misplacedSecret(_ place: String) -> SchemaError {
        SchemaError("\(place): csi_secret is supported on fields of type map<string, string> only")
    }

    private static func element(
        _ entry: MessageDescriptor, number: UInt32, place: String, index: TypeIndex
    ) throws(SchemaError) -> Element {
        guard let field = entry.fields.first(where: { $0.number == number }) else {
            throw SchemaError("\(place): the map lacks its key or value")
        }
        return try element(field, place: place, index: index)
    }

    private struct Element {
        let type: String
        let codec: String
        let wireType: UInt32
        let schema: String
    }

    private static func element(
        _ field: FieldDescriptor, place: String, index: TypeIndex
    ) throws(SchemaError) -> Element {
        func scalar(_ type: String, _ codec: String, _ wireType: UInt32, _ schema: String) -> Element {
            Element(type: type, codec: codec + ".self", wireType: wireType, schema: schema)
        }
        switch field.kind {
        case .double: return scalar("Double", "WireDouble", 1, "double")
        case .float: return scalar("Float", "WireFloat", 5, "float")
        case .int64: return scalar("Int64", "WireInt64", 0, "int64")
        case .uint64: return scalar("UInt64", "WireUInt64", 0, "uint64")
        case .int32: return scalar("Int32", "WireInt32", 0, "int32")
        case .fixed64: return scalar("UInt64", "WireFixed64", 1, "fixed64")
        case .fixed32: return scalar("UInt32", "WireFixed32", 5, "fixed32")
        case .bool: return scalar("Bool", "WireBool", 0, "bool")
        case .string: return scalar("String", "WireString", 2, "string")
        case .bytes: return scalar("[UInt8]", "WireBytes", 2, "bytes")
        case .uint32: return scalar("UInt32", "WireUInt32", 0, "uint32")
        case .sfixed32: return scalar("Int32", "WireSFixed32", 5, "sfixed32")
        case .sfixed64: return scalar("Int64", "WireSFixed64", 1, "sfixed64")
        case .sint32: return scalar("Int32", "WireSInt32", 0, "sint32")
        case .sint64: return scalar("Int64", "WireSInt64", 0, "sint64")
        case .enum:
            let name = try index.swiftName(field.typeName)
            return scalar(name, "WireEnum<\(name)>", 0, String(field.typeName.dropFirst()))
        case .message:
            let name = try index.swiftName(field.typeName)
            return scalar(name, "WireMessage<\(name)>", 2, String(field.typeName.dropFirst()))
        case .group: throw SchemaError("\(place): groups are not part of proto3")
        case nil: throw SchemaError("\(place): the field's type is not known")
        }
    }

    /// The type of the stored property.
    var propertyType: String {
        switch shape {
        case .singular, .map: valueType
        case .optional, .boxed, .oneof: valueType + "?"
        case .repeated: "[\(valueType)]"
        case .secrets: "Secrets"
        }
    }

    /// The value of a new message's property, which is also the default argument of the initialiser.
    var initialValue: String {
        switch shape {
        case .optional, .boxed, .oneof: return "nil"
        case .repeated: return "[]"
        case .map: return "[:]"
        case .secrets: return "Secrets()"
        case .singular: break
        }
        switch descriptor.kind {
        case .bool: return "false"
        case .string: return "\"\""
        case .bytes: return "[]"
        case .enum: return "\(valueType)(rawValue: 0)"
        default: return "0"
        }
    }
}
