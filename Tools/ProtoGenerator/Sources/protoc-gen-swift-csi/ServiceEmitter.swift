/// Emits one service as a namespace of its methods.
struct ServiceEmitter {
    private let service: ServiceDescriptor
    private let protoName: String
    private let path: [Int32]
    private let context: FileContext

    init(_ service: ServiceDescriptor, scope: String, path: [Int32], context: FileContext) {
        self.service = service
        self.protoName = String((scope + "." + service.name).dropFirst())
        self.path = path
        self.context = context
    }

    func emit(to out: inout SourceWriter) throws(SchemaError) {
        out.documentation(context.file.comments[path] ?? ["The service `\(protoName)`."])
        let name = Naming.escaped(Naming.type(service.name, suffix: "Service"))
        try out.block("public enum \(name)") { out throws(SchemaError) in
            out.line("/// The full protobuf name.")
            out.line("public static let protoName = \"\(protoName)\"")
            for (position, method) in service.methods.enumerated() {
                out.line()
                let comment = context.file.comments[path + [2, Int32(position)]]
                out.documentation(comment ?? ["The method `\(method.name)`."])
                let input = try context.index.swiftName(method.input)
                let output = try context.index.swiftName(method.output)
                out.line("public static let \(memberName(method)) = RPCMethod<\(input), \(output)>(")
                var arguments = "service: \"\(protoName)\", name: \"\(method.name)\""
                if method.requestStreaming { arguments += ", requestStreaming: true" }
                if method.responseStreaming { arguments += ", responseStreaming: true" }
                out.indented([arguments + ")"])
            }
            out.line()
            out.line("/// What the schema says about every method.")
            out.line("public static let signatures: [RPCSignature] = [")
            out.indented(service.methods.map { memberName($0) + ".signature," })
            out.line("]")
            out.line("/// The path of every method.")
            out.line("public static let methods: [String] = signatures.map { signature in signature.path }")
        }
    }

    private func memberName(_ method: MethodDescriptor) -> String {
        let name = Naming.method(method.name)
        return Naming.escaped(["methods", "signatures", "protoName"].contains(name) ? name + "_" : name)
    }
}
