import CSIProto
import Testing

/// Holds the generated code against the table of CSI 1.12.
@Suite("The generated messages are those of CSI 1.12")
struct CSIWireTableTests {
    private let table: WireTable

    init() throws {
        table = try WireTable()
    }

    @Test func tableIsComplete() {
        #expect(table.rows.count == 382)
    }

    @Test func messagesAndFields() {
        let expected = Set(table.rows.filter { ["message", "field"].contains($0.kind) })
        var found: Set<WireTable.Row> = []
        for message in CSIv1.messages {
            let scope = local(message.protoName)
            found.insert(.init(kind: "message", scope: scope))
            for field in message.fields {
                var row = WireTable.Row(
                    kind: "field", scope: scope, number: String(field.number), name: field.name,
                    type: local(field.type), isSecret: field.isSecret)
                if let oneof = field.oneof { row.label = "oneof " + oneof }
                if field.label == .repeated { row.label = "repeated" }
                found.insert(row)
            }
        }
        #expect(expected.symmetricDifference(found).isEmpty)
    }

    @Test func enumsAndValues() {
        let expected = Set(table.rows.filter { ["enum", "value"].contains($0.kind) })
        var found: Set<WireTable.Row> = []
        for type in CSIv1.enums { found.formUnion(rows(of: type)) }
        #expect(expected.symmetricDifference(found).isEmpty)
    }

    private func rows<Enum: ProtoEnum>(of type: Enum.Type) -> [WireTable.Row] {
        let scope = local(type.protoName)
        let values = type.allKnown.map { value in
            WireTable.Row(kind: "value", scope: scope, number: String(value.rawValue), name: value.name ?? "")
        }
        return [.init(kind: "enum", scope: scope)] + values
    }

    @Test func servicesAndMethods() {
        let expected = Set(table.rows.filter { ["service", "rpc"].contains($0.kind) })
        var found: Set<WireTable.Row> = []
        for signature in CSIv1.signatures {
            let parts = signature.path.split(separator: "/").map(String.init)
            let service = local(parts[0])
            #expect(signature.path == "/csi.v1.\(service)/\(parts[1])")
            #expect(!signature.requestStreaming)
            found.insert(.init(kind: "service", scope: service))
            found.insert(
                .init(
                    kind: "rpc", scope: service, name: parts[1], type: local(signature.request),
                    label: (signature.responseStreaming ? "stream " : "") + local(signature.response)))
        }
        #expect(expected.symmetricDifference(found).isEmpty)
    }

    /// The description of the fields is one thing, the code that reads and writes them another: every field is sent
    /// through it.
    @Test func everyFieldIsReadAndWrittenUnderItsNumber() throws {
        for message in CSIv1.messages { try checkFields(of: message) }
    }

    private func checkFields<Message: ProtoMessage>(of type: Message.Type) throws {
        for field in type.fields {
            let bytes = sample(field)
            let message = try Message(decoding: bytes)
            let name: Comment = "\(type.protoName).\(field.name)"
            #expect(message.unknownFields.isEmpty, name)
            #expect(message != Message(), name)
            #expect(message.encoded() == bytes, name)
            #expect(message.description.hasPrefix("{\"\(field.name)\":"), name)
            #expect(message.description.contains("hunter2") == false || !field.isSecret, name)
        }
    }

    /// The field on the wire, with a value that is not its default.
    private func sample(_ field: ProtoField) -> [UInt8] {
        let number = UInt64(field.number)
        switch field.type {
        case "string": return delimited(number, Array("hunter2".utf8))
        case "bool": return varint(number << 3) + [1]
        case "int32", "int64": return varint(number << 3) + varint(UInt64(bitPattern: -2))
        case "map<string,string>":
            return delimited(number, delimited(1, Array("key".utf8)) + delimited(2, Array("hunter2".utf8)))
        default: break
        }
        if CSIv1.enums.contains(where: { $0.protoName == field.type }) { return varint(number << 3) + [1] }
        return delimited(number, [])
    }

    private func local(_ name: String) -> String {
        name.hasPrefix("csi.v1.") ? String(name.dropFirst("csi.v1.".count)) : name
    }
}
