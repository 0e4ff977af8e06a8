/// Emits one message with everything nested in it.
struct MessageEmitter {
    private let message: MessageDescriptor
    private let fullName: String
    private let path: [Int32]
    private let context: FileContext
    private let fields: [FieldModel]

    init(
        _ message: MessageDescriptor, scope: String, path: [Int32], context: FileContext
    ) throws(SchemaError) {
        self.message = message
        self.fullName = scope + "." + message.name
        self.path = path
        self.context = context
        guard !message.hasExtensionRanges else {
            throw SchemaError("\(fullName.dropFirst()): extension ranges are not part of proto3")
        }
        var fields: [FieldModel] = []
        for field in message.fields {
            fields.append(try FieldModel(field, in: message, named: fullName, index: context.index))
        }
        self.fields = fields
        try checkNames()
    }

    private var protoName: String { String(fullName.dropFirst()) }
    private var typeName: String { Naming.type(message.name, suffix: "Message") }
    private var ordered: [FieldModel] { fields.sorted { $0.number < $1.number } }

    /// Two fields must not end up as one property.
    private func checkNames() throws(SchemaError) {
        var seen: [String: String] = [:]
        for field in fields {
            var name = field.property
            var origin = field.descriptor.name
            if case .oneof(let oneof, _) = field.shape {
                name = Naming.property(oneof)
                origin = "oneof " + oneof
            }
            if let other = seen[name], other != origin {
                throw SchemaError("\(protoName): \(other) and \(origin) both become `\(name)` in Swift")
            }
            seen[name] = origin
        }
    }

    func emit(to out: inout SourceWriter) throws(SchemaError) {
        out.documentation(context.file.comments[path] ?? ["The message `\(protoName)`."])
        try out.block("public struct \(Naming.escaped(typeName)): ProtoMessage") { out throws(SchemaError) in
            out.line("/// The full protobuf name.")
            out.line("public static let protoName = \"\(protoName)\"")
            emitTable(to: &out)
            out.line("/// What the encoder learns about the size of these messages.")
            out.line("public static let sizeHint = WireSizeHint()")
            out.line()
            for property in properties { emit(property, to: &out) }
            out.line("/// Fields that the schema does not know.")
            out.line("public var unknownFields = UnknownFields()")
            out.line()
            emitInitializers(to: &out)
            out.line()
            emitMerge(to: &out)
            out.line()
            emitWrite(to: &out)
            out.line()
            emitDescribe(to: &out)
            try emitNested(to: &out)
        }
    }

    private func emitTable(to out: inout SourceWriter) {
        out.line("/// The fields of the schema.")
        guard !fields.isEmpty else {
            out.line("public static let fields: [ProtoField] = []")
            return
        }
        out.line("public static let fields: [ProtoField] = [")
        out.indented(fields.map(row))
        out.line("]")
    }

    private func row(_ field: FieldModel) -> String {
        var row = "ProtoField(\(field.number), \"\(field.descriptor.name)\", \"\(field.schemaType)\""
        switch field.shape {
        case .singular: break
        case .optional, .boxed: row += field.descriptor.kind == .message ? "" : ", .optional"
        case .repeated: row += ", .repeated"
        case .map: row += ", .map"
        case .secrets: row += ", .map, isSecret: true"
        case .oneof(let name, _): row += ", oneof: \"\(name)\""
        }
        return row + "),"
    }
}

// MARK: - Properties

extension MessageEmitter {
    /// A field, or a oneof in the place of its first field.
    private enum Property {
        case field(FieldModel, position: Int)
        case oneof(String, [FieldModel])

        var name: String {
            switch self {
            case .field(let field, _): field.property
            case .oneof(let name, _): Naming.property(name)
            }
        }

        var type: String {
            switch self {
            case .field(let field, _): field.propertyType
            case .oneof(let name, _): Naming.oneof(name) + "?"
            }
        }

        var initialValue: String {
            switch self {
            case .field(let field, _): field.initialValue
            case .oneof: "nil"
            }
        }
    }

    private var properties: [Property] {
        var result: [Property] = []
        var seen: Set<String> = []
        for (position, field) in fields.enumerated() {
            guard case .oneof(let name, _) = field.shape else {
                result.append(.field(field, position: position))
                continue
            }
            if seen.insert(name).inserted { result.append(.oneof(name, members(of: name))) }
        }
        return result
    }

    private func members(of oneof: String) -> [FieldModel] {
        fields.filter { field in
            if case .oneof(oneof, _) = field.shape { true } else { false }
        }
    }

    private func comment(_ field: FieldModel) -> [String] {
        guard let position = fields.firstIndex(where: { $0.number == field.number }),
            let comment = context.file.comments[path + [2, Int32(position)]]
        else { return ["The field `\(field.descriptor.name)`."] }
        return comment
    }

    private func emit(_ property: Property, to out: inout SourceWriter) {
        let name = Naming.escaped(property.name)
        switch property {
        case .field(let field, _):
            out.documentation(comment(field))
            if case .boxed = field.shape {
                out.block("public var \(name): \(property.type)") { out in
                    out.line("get { boxed_\(property.name)?.value }")
                    out.line("set { boxed_\(property.name) = newValue.map { ProtoBox($0) } }")
                }
                out.line("private var boxed_\(property.name): ProtoBox<\(field.valueType)>?")
            } else {
                out.line("public var \(name): \(property.type) = \(property.initialValue)")
            }
        case .oneof(let oneof, let members):
            let position = message.oneofs.firstIndex { $0.name == oneof } ?? 0
            let comment = context.file.comments[path + [8, Int32(position)]]
            out.documentation(comment ?? ["Which field of the oneof `\(oneof)` is set, if any."])
            out.line("public var \(name): \(property.type) = nil")
            out.line()
            out.documentation(["The fields of the oneof `\(oneof)`."])
            out.block("public enum \(Naming.oneof(oneof)): Sendable, Hashable") { out in
                for member in members {
                    out.documentation(self.comment(member))
                    var indirect = ""
                    if case .oneof(_, indirect: true) = member.shape { indirect = "indirect " }
                    out.line("\(indirect)case \(Naming.escaped(member.property))(\(member.valueType))")
                }
            }
        }
        out.line()
    }

    private func emitInitializers(to out: inout SourceWriter) {
        out.line("/// Creates a message with every field at its default.")
        out.line("public init() {}")
        guard !properties.isEmpty else { return }
        out.line()
        out.line("/// Creates a message; what is left out has its default.")
        out.line("public init(")
        let last = properties.count - 1
        out.indented(
            properties.enumerated().map { position, property in
                let comma = position == last ? "" : ","
                return "\(Naming.escaped(property.name)): \(property.type) = \(property.initialValue)\(comma)"
            })
        out.block(")") { out in
            for property in properties {
                out.line("self.\(Naming.escaped(property.name)) = \(Naming.escaped(property.name))")
            }
        }
    }
}

// MARK: - Wire format

extension MessageEmitter {
    private func emitMerge(to out: inout SourceWriter) {
        out.line("/// Reads fields up to the end of `reader`.")
        out.block("public mutating func merge(from reader: inout WireReader) throws(WireError)") { out in
            out.block("while let tag = try reader.nextTag()") { out in
                guard !fields.isEmpty else {
                    out.line("try reader.skip(tag, keepingIn: &self.unknownFields)")
                    return
                }
                out.line("switch tag {")
                for field in ordered { emitMergeCase(field, to: &out) }
                out.line("default: try reader.skip(tag, keepingIn: &self.unknownFields)")
                out.line("}")
            }
        }
    }

    private func emitMergeCase(_ field: FieldModel, to out: inout SourceWriter) {
        let target = "&self.\(Naming.escaped(field.property))"
        switch field.shape {
        case .singular:
            out.line("case \(field.tag): try reader.singular(\(target), as: \(field.codec))")
        case .optional:
            if field.descriptor.kind == .message {
                out.line("case \(field.tag): try reader.message(\(target))")
            } else {
                out.line("case \(field.tag): try reader.optional(\(target), as: \(field.codec))")
            }
        case .boxed:
            out.line("case \(field.tag): try reader.boxed(&self.boxed_\(field.property))")
        case .repeated(let packable, _):
            if field.descriptor.kind == .message {
                out.line("case \(field.tag): try reader.messages(\(target))")
            } else {
                out.line("case \(field.tag): try reader.repeated(\(target), as: \(field.codec))")
            }
            if packable {
                out.line("case \(field.packedTag): try reader.packed(\(target), as: \(field.codec))")
            }
        case .map(let key, let value):
            out.line("case \(field.tag): try reader.map(\(target), key: \(key), value: \(value))")
        case .secrets:
            out.line("case \(field.tag): try reader.secrets(\(target))")
        case .oneof(let oneof, _):
            let property = "self.\(Naming.escaped(Naming.property(oneof)))"
            let enumCase = "." + Naming.escaped(field.property)
            out.line("case \(field.tag):")
            if field.descriptor.kind == .message {
                out.indented([
                    "var value = \(field.valueType)()",
                    "if case \(enumCase)(let current)? = \(property) { value = current }",
                    "\(property) = nil",
                    "try reader.message(&value)",
                    "\(property) = \(enumCase)(value)",
                ])
            } else {
                let codec = field.codec.dropLast(".self".count)
                out.indented(["\(property) = \(enumCase)(try \(codec).read(from: &reader))"])
            }
        }
    }

    private func emitWrite(to out: inout SourceWriter) {
        out.line("/// Writes the fields, the last one first.")
        out.block("public func write(to writer: inout WireWriter)") { out in
            out.line("writer.unknown(self.unknownFields)")
            for field in ordered.reversed() { emitWriteField(field, to: &out) }
        }
    }

    private func emitWriteField(_ field: FieldModel, to out: inout SourceWriter) {
        let source = "self.\(Naming.escaped(field.property))"
        switch field.shape {
        case .singular:
            out.line("writer.singular(\(field.tag), \(source), as: \(field.codec))")
        case .optional:
            if field.descriptor.kind == .message {
                out.line("writer.message(\(field.tag), \(source))")
            } else {
                out.line("writer.optional(\(field.tag), \(source), as: \(field.codec))")
            }
        case .boxed:
            out.line("writer.boxed(\(field.tag), self.boxed_\(field.property))")
        case .repeated where field.descriptor.kind == .message:
            out.line("writer.messages(\(field.tag), \(source))")
        case .repeated(_, let packed):
            let tag = packed ? field.packedTag : field.tag
            out.line("writer.\(packed ? "packed" : "repeated")(\(tag), \(source), as: \(field.codec))")
        case .map(let key, let value):
            out.line("writer.map(\(field.tag), \(source), key: \(key), value: \(value))")
        case .secrets:
            out.line("writer.secrets(\(field.tag), \(source))")
        case .oneof(let oneof, _):
            let property = "self.\(Naming.escaped(Naming.property(oneof)))"
            out.block("if case .\(Naming.escaped(field.property))(let value)? = \(property)") { out in
                out.line("writer.present(\(field.tag), value, as: \(field.codec))")
            }
        }
    }

    private func emitDescribe(to out: inout SourceWriter) {
        out.line("/// Renders the fields that are set.")
        out.block("public func describe(to renderer: inout MessageRenderer)") { out in
            for field in fields { emitDescribeField(field, to: &out) }
        }
    }

    private func emitDescribeField(_ field: FieldModel, to out: inout SourceWriter) {
        let name = "\"\(field.descriptor.name)\""
        let source = "self.\(Naming.escaped(field.property))"
        switch field.shape {
        case .singular:
            out.line("renderer.singular(\(name), \(source), as: \(field.codec))")
        case .optional, .boxed:
            out.line("renderer.optional(\(name), \(source), as: \(field.codec))")
        case .repeated:
            out.line("renderer.repeated(\(name), \(source), as: \(field.codec))")
        case .map(let key, let value):
            out.line("renderer.map(\(name), \(source), key: \(key), value: \(value))")
        case .secrets:
            out.line("renderer.secrets(\(name), \(source))")
        case .oneof(let oneof, _):
            let property = "self.\(Naming.escaped(Naming.property(oneof)))"
            out.block("if case .\(Naming.escaped(field.property))(let value)? = \(property)") { out in
                out.line("renderer.optional(\(name), value, as: \(field.codec))")
            }
        }
    }

    private func emitNested(to out: inout SourceWriter) throws(SchemaError) {
        for (position, nested) in message.messages.enumerated() where !nested.options.isMapEntry {
            out.line()
            try MessageEmitter(nested, scope: fullName, path: path + [3, Int32(position)], context: context)
                .emit(to: &out)
        }
        for (position, type) in message.enums.enumerated() {
            out.line()
            try EnumEmitter(type, scope: fullName, path: path + [4, Int32(position)], context: context).emit(to: &out)
        }
    }
}
