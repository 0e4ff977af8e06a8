/// Emits the namespace of one package with the lists of what is in it.
struct NamespaceEmitter {
    let package: String
    let files: [FileDescriptor]
    let index: TypeIndex
    let options: GeneratorOptions

    func emit() throws(SchemaError) -> GeneratedFile {
        let namespace = Naming.namespace(package)
        let title = package.isEmpty ? "schemas without a package" : "package \(package)"
        var out = FileEmitter.header(title, options: options)
        out.documentation(["What the schemas of `\(package)` declare."])
        let scope = package.isEmpty ? "" : "." + package
        var messages: [String] = []
        var enums: [String] = []
        for file in files {
            for message in file.messages { Self.collect(message, scope, &messages, &enums) }
            enums += file.enums.map { scope + "." + $0.name }
        }
        try out.block("public enum \(namespace)") { out throws(SchemaError) in
            out.documentation(["The schema files."])
            out.line("public static let files: [ProtoFile] = [")
            out.indented(files.map { FileEmitter.fileConstant($0) + "," })
            out.line("]")
            out.documentation(["Every message, nested ones too."])
            try list("messages", "any ProtoMessage.Type", messages, to: &out)
            out.documentation(["Every enum, nested ones too."])
            try list("enums", "any ProtoEnum.Type", enums, to: &out)
            out.documentation(["Every method of every service."])
            let services = files.flatMap(\.services)
            guard !services.isEmpty else {
                out.line("public static let signatures: [RPCSignature] = []")
                return
            }
            out.line("public static let signatures: [RPCSignature] = [")
            out.indented(services.map { Naming.type($0.name, suffix: "Service") + ".signatures," })
            out.line("].flatMap { signatures in signatures }")
        }
        return GeneratedFile(name: namespace + "_Namespace.pb.swift", content: out.text)
    }

    private func list(
        _ name: String, _ type: String, _ types: [String], to out: inout SourceWriter
    ) throws(SchemaError) {
        out.line("public static let \(name): [\(type)] = [")
        var lines: [String] = []
        for name in types { lines.append(try index.swiftName(name) + ".self,") }
        out.indented(lines)
        out.line("]")
    }

    private static func collect(
        _ message: MessageDescriptor, _ scope: String, _ messages: inout [String], _ enums: inout [String]
    ) {
        guard !message.options.isMapEntry else { return }
        let name = scope + "." + message.name
        messages.append(name)
        for nested in message.messages { collect(nested, name, &messages, &enums) }
        enums += message.enums.map { name + "." + $0.name }
    }
}
