import CSIProto
import Testing

@testable import protoc_gen_swift_csi

/// Requests as protoc makes them, put together by hand.
private enum Request {
    static func text(_ tag: UInt32, _ value: String) -> [UInt8] { bytes(tag, Array(value.utf8)) }

    static func bytes(_ tag: UInt32, _ content: [UInt8]) -> [UInt8] {
        var writer = WireWriter(capacity: content.count + 16)
        writer.byteArray(content)
        writer.tag(tag)
        return writer.finish().array
    }

    static func number(_ tag: UInt32, _ value: UInt64) -> [UInt8] {
        var writer = WireWriter(capacity: 16)
        writer.varint(value)
        writer.tag(tag)
        return writer.finish().array
    }

    /// A field of a message: name, number, label and type as in `FieldDescriptorProto`.
    static func field(
        _ name: String, _ number: UInt64, type: UInt64, label: UInt64 = 1, options: [UInt8] = [], typeName: String = ""
    ) -> [UInt8] {
        let head = text(10, name) + Request.number(24, number) + Request.number(32, label) + Request.number(40, type)
        return bytes(18, head + text(50, typeName) + bytes(66, options))
    }

    /// A request for one file of `package` with one message `Sample`.
    static func file(syntax: String = "proto3", fields: [UInt8], parameter: String = "") -> [UInt8] {
        let message = text(10, "Sample") + fields
        let file = text(10, "sample.proto") + text(18, "sample") + bytes(34, message) + text(98, syntax)
        return text(10, "sample.proto") + text(18, parameter) + bytes(122, file)
    }
}

/// What `Generator` answers: an error, or files by name.
private struct Response {
    var error: String?
    var files: [String: String] = [:]

    init(_ bytes: [UInt8]) throws {
        var reader = try WireReader(bytes.span)
        while let tag = try reader.nextTag() {
            switch tag {
            case 10: error = try reader.string()
            case 122:
                let outer = try reader.enter()
                var name = ""
                while let inner = try reader.nextTag() {
                    switch inner {
                    case 10: name = try reader.string()
                    case 122: files[name] = try reader.string()
                    default: try reader.skip(inner)
                    }
                }
                reader.leave(outer)
            default: try reader.skip(tag)
            }
        }
    }
}

@Suite("Generator")
struct GeneratorTests {
    private static let secret = Request.number(1059 << 3, 1)

    static let refusals: [(String, [UInt8], String)] = [
        ("proto2", Request.file(syntax: "proto2", fields: []), "only proto3 is supported"),
        ("editions", Request.file(syntax: "editions", fields: []), "only proto3 is supported"),
        ("group", Request.file(fields: Request.field("g", 1, type: 10)), "sample.Sample.g: groups"),
        ("unknown type", Request.file(fields: Request.field("x", 1, type: 11, typeName: ".no.Such")), ".no.Such"),
        ("secret string", Request.file(fields: Request.field("s", 1, type: 9, options: secret)), "csi_secret"),
        ("extension range", Request.file(fields: Request.bytes(42, [])), "extension ranges"),
        (
            "names that meet",
            Request.file(
                fields: Request.field("volume_id", 1, type: 9) + Request.field("volumeID", 2, type: 9)),
            "both become `volumeID`"
        ),
        ("option", Request.file(fields: [], parameter: "colour=red"), "unknown option colour=red"),
        ("not a request", [0xff], "cannot be read"),
    ]

    @Test(arguments: refusals)
    func refuses(name: String, request: [UInt8], message: String) throws {
        let response = try Response(Generator.respond(to: request))
        #expect(response.error?.contains(message) == true, "\(name): \(response.error ?? "accepted")")
        #expect(response.files.isEmpty)
    }

    @Test func generatesAFileAndItsNamespace() throws {
        let request = Request.file(fields: Request.field("default", 3, type: 9))
        let response = try Response(Generator.respond(to: request))
        #expect(response.error == nil)
        #expect(response.files.keys.sorted() == ["Sample_Namespace.pb.swift", "sample.pb.swift"])
        let code = try #require(response.files["sample.pb.swift"])
        #expect(code.contains("public import CSIProto"))
        #expect(code.contains("public var `default`: String = \"\""))
        #expect(code.contains("case 26: try reader.singular(&self.`default`, as: WireString.self)"))
    }

    static let names: [(String, String)] = [
        ("volume_id", "volumeID"), ("published_node_ids", "publishedNodeIDs"), ("id", "id"), ("fs_type", "fsType"),
        ("image_url", "imageURL"), ("id_token", "idToken"), ("description", "description_"), ("a__b", "aB"),
    ]

    @Test(arguments: names)
    func properties(schema: String, swift: String) {
        #expect(Naming.property(schema) == swift)
    }

    @Test func methodsAndValues() {
        #expect(Naming.method("GetPluginInfo") == "getPluginInfo")
        #expect(Naming.method("HTTPChat") == "httpChat")
        #expect(Naming.method("List") == "list")
        #expect(Naming.value("SINGLE_NODE_WRITER") == "singleNodeWriter")
        #expect(Naming.type("Type", suffix: "Enum") == "TypeEnum")
        #expect(Naming.namespace("acme.storage.v2") == "AcmeStorageV2")
    }
}
