/// From protobuf names to Swift names.
enum Naming {
    /// Words that Swift reads as something else unless in backticks.
    private static let keywords: Set<String> = [
        "Any", "Protocol", "Self", "Type", "actor", "as", "associatedtype", "async", "await", "borrowing", "break",
        "case", "catch", "class", "consuming", "continue", "default", "defer", "deinit", "do", "dynamic", "else",
        "enum",
        "extension", "fallthrough", "false", "fileprivate", "for", "func", "guard", "if", "import", "in", "indirect",
        "infix", "init", "inout", "internal", "is", "lazy", "let", "mutating", "nil", "nonmutating", "open", "operator",
        "optional", "override", "package", "postfix", "precedencegroup", "prefix", "private", "protocol", "public",
        "repeat", "required", "rethrows", "return", "self", "set", "static", "struct", "subscript", "super", "switch",
        "throw", "throws", "true", "try", "typealias", "unowned", "var", "weak", "where", "while", "willSet",
    ]

    /// Members that every message has.
    private static let takenMembers: Set<String> = [
        "debugDescription", "describe", "described", "description", "encoded", "encodedFrame", "encodedMessage", "hash",
        "hashValue", "init", "merge", "self", "unknownFields", "write",
    ]

    /// Static members that every enum has.
    private static let takenValues: Set<String> = ["allKnown", "init", "protoName", "self"]

    /// Types that generated code refers to by their short name.
    private static let takenTypes: Set<String> = [
        "Any", "Array", "Bool", "Double", "Float", "Hashable", "Hasher", "Int", "Int32", "Int64", "Never", "Optional",
        "ProtoBox", "ProtoEnum", "ProtoField", "ProtoFile", "ProtoMap", "ProtoMessage", "Protocol", "RPCMethod",
        "RPCSignature", "Secrets", "Self", "Sendable", "String", "Type", "UInt32", "UInt64", "UInt8", "UnknownFields",
        "WireBool", "WireBytes", "WireDouble", "WireEnum", "WireError", "WireFixed32", "WireFixed64", "WireFloat",
        "WireInt32", "WireInt64", "WireMessage", "WireReader", "WireSFixed32", "WireSFixed64", "WireSInt32",
        "WireSInt64", "WireSizeHint", "WireString", "WireUInt32", "WireUInt64", "WireWriter", "MessageRenderer",
    ]

    /// The property of a field or oneof.
    static func property(_ name: String) -> String {
        let camel = lowerCamel(name)
        return takenMembers.contains(camel) ? camel + "_" : camel
    }

    /// The static member of an enum value.
    static func value(_ name: String) -> String {
        let camel = lowerCamel(lowercased(name))
        return takenValues.contains(camel) ? camel + "_" : camel
    }

    /// The type of a message or enum.
    static func type(_ name: String, suffix: String) -> String {
        let upper = upperFirst(name)
        return takenTypes.contains(upper) ? upper + suffix : upper
    }

    /// The static member of a method.
    static func method(_ name: String) -> String {
        let first = name.prefix { $0.isUppercase }
        // A leading abbreviation is lowered as a whole, up to the word that follows it.
        let count = first.count > 1 && first.count < name.count ? first.count - 1 : max(first.count, 1)
        return lowercased(String(name.prefix(count))) + name.dropFirst(count)
    }

    /// The enum of a oneof.
    static func oneof(_ name: String) -> String {
        upperFirst(lowerCamel(name)) + "OneOf"
    }

    /// The namespace of a package.
    static func namespace(_ package: String) -> String {
        switch package {
        case "csi.v1": "CSIv1"
        case "google.protobuf": "GoogleProtobuf"
        case "pluginregistration": "PluginRegistrationV1"
        case "grpc.health.v1": "GRPCHealthV1"
        case "grpc.reflection.v1": "GRPCReflectionV1"
        case "": "Proto"
        default: package.split(separator: ".").map { upperFirst(lowerCamel(String($0))) }.joined()
        }
    }

    /// `name` as it must be written where Swift would read it as a keyword.
    static func escaped(_ name: String) -> String {
        keywords.contains(name) || name.first?.isNumber == true ? "`\(name)`" : name
    }

    private static func lowerCamel(_ name: String) -> String {
        var words = name.split(separator: "_").map(String.init)
        guard !words.isEmpty else { return "_" }
        for index in words.indices {
            words[index] = index == 0 ? lowerFirst(words[index]) : upperFirst(words[index])
        }
        if words.count > 1, let last = words.last, let abbreviation = ["Id": "ID", "Ids": "IDs", "Url": "URL"][last] {
            words[words.count - 1] = abbreviation
        }
        return words.joined()
    }

    private static func upperFirst(_ name: String) -> String {
        name.prefix(1).uppercased() + name.dropFirst()
    }

    private static func lowerFirst(_ name: String) -> String {
        name.prefix(1).lowercased() + name.dropFirst()
    }

    private static func lowercased(_ name: String) -> String { name.lowercased() }
}
