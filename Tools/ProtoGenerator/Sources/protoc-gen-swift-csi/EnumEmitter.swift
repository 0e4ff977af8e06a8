/// Emits one enum as an open set of numbers.
struct EnumEmitter {
    private let type: EnumDescriptor
    private let protoName: String
    private let path: [Int32]
    private let context: FileContext

    init(_ type: EnumDescriptor, scope: String, path: [Int32], context: FileContext) {
        self.type = type
        self.protoName = String((scope + "." + type.name).dropFirst())
        self.path = path
        self.context = context
    }

    func emit(to out: inout SourceWriter) throws(SchemaError) {
        var seen: [String: String] = [:]
        for value in type.values {
            let name = Naming.value(value.name)
            if let other = seen.updateValue(value.name, forKey: name) {
                throw SchemaError("\(protoName): \(other) and \(value.name) both become `\(name)` in Swift")
            }
        }
        let typeName = Naming.type(type.name, suffix: "Enum")
        out.documentation(context.file.comments[path] ?? ["The enum `\(protoName)`."])
        out.block("public struct \(Naming.escaped(typeName)): ProtoEnum") { out in
            for (position, value) in type.values.enumerated() {
                let comment = context.file.comments[path + [2, Int32(position)]]
                out.documentation(comment ?? ["The value `\(value.name)`."])
                let name = Naming.escaped(Naming.value(value.name))
                out.line("public static let \(name) = \(typeName)(rawValue: \(value.number))")
            }
            out.line()
            emitMembers(typeName, to: &out)
        }
    }

    private func emitMembers(_ typeName: String, to out: inout SourceWriter) {
        // An alias has the number of an earlier value, whose name stands for both.
        var numbers: Set<Int32> = []
        let distinct = type.values.filter { numbers.insert($0.number).inserted }
        out.line("/// The full protobuf name.")
        out.line("public static let protoName = \"\(protoName)\"")
        out.line("/// The values of the schema, in its order.")
        out.line("public static let allKnown: [\(typeName)] = [")
        out.indented(distinct.map { ".\(Naming.escaped(Naming.value($0.name)))," })
        out.line("]")
        out.line("/// The number on the wire.")
        out.line("public let rawValue: Int32")
        out.line()
        out.line("/// The value with this number, named or not.")
        out.block("public init(rawValue: Int32)") { out in
            out.line("self.rawValue = rawValue")
        }
        out.line()
        out.line("/// The name in the schema, or nil for a number that it does not list.")
        out.block("public var name: String?") { out in
            out.line("switch rawValue {")
            for value in distinct { out.line("case \(value.number): \"\(value.name)\"") }
            out.line("default: nil")
            out.line("}")
        }
    }
}
