import CSIProto

// The part of google.protobuf's descriptors that the generator needs, read with the codec it generates for. Written by
// hand, so that generating needs nothing generated.

/// Something that reads itself field by field.
protocol DescriptorMessage {
    init()
    mutating func read(_ tag: UInt32, from reader: inout WireReader) throws(WireError)
}

extension DescriptorMessage {
    static func read(from reader: inout WireReader) throws(WireError) -> Self {
        var result = Self()
        while let tag = try reader.nextTag() { try result.read(tag, from: &reader) }
        return result
    }

    static func nested(in reader: inout WireReader) throws(WireError) -> Self {
        let outer = try reader.enter()
        let result = try read(from: &reader)
        reader.leave(outer)
        return result
    }
}

/// `google.protobuf.compiler.CodeGeneratorRequest`.
struct GeneratorRequest: DescriptorMessage {
    var filesToGenerate: [String] = []
    var parameter = ""
    var files: [FileDescriptor] = []

    mutating func read(_ tag: UInt32, from reader: inout WireReader) throws(WireError) {
        switch tag {
        case 10: filesToGenerate.append(try reader.string())
        case 18: parameter = try reader.string()
        case 122: files.append(try FileDescriptor(bytes: try reader.byteArray()))
        default: try reader.skip(tag)
        }
    }
}

struct FileDescriptor: DescriptorMessage {
    var name = ""
    var package = ""
    var dependencies: [String] = []
    var messages: [MessageDescriptor] = []
    var enums: [EnumDescriptor] = []
    var services: [ServiceDescriptor] = []
    var syntax = "proto2"
    var comments = Comments()
    /// The descriptor as it came, without the comments.
    var serialized: [UInt8] = []

    init() {}

    init(bytes: [UInt8]) throws(WireError) {
        var reader = try WireReader(bytes.span, limits: .standard)
        self = try Self.read(from: &reader)
        serialized = try Self.strippingComments(bytes)
    }

    mutating func read(_ tag: UInt32, from reader: inout WireReader) throws(WireError) {
        switch tag {
        case 10: name = try reader.string()
        case 18: package = try reader.string()
        case 26: dependencies.append(try reader.string())
        case 34: messages.append(try .nested(in: &reader))
        case 42: enums.append(try .nested(in: &reader))
        case 50: services.append(try .nested(in: &reader))
        case 74: comments = try .nested(in: &reader)
        case 98: syntax = try reader.string()
        default: try reader.skip(tag)
        }
    }

    private static func strippingComments(_ bytes: [UInt8]) throws(WireError) -> [UInt8] {
        var reader = try WireReader(bytes.span, limits: .standard)
        var kept = UnknownFields()
        while let tag = try reader.nextTag() {
            if tag == 74 { try reader.skip(tag) } else { try reader.skip(tag, keepingIn: &kept) }
        }
        return kept.bytes
    }
}

struct MessageDescriptor: DescriptorMessage {
    var name = ""
    var fields: [FieldDescriptor] = []
    var messages: [MessageDescriptor] = []
    var enums: [EnumDescriptor] = []
    var oneofs: [OneofDescriptor] = []
    var hasExtensionRanges = false
    var options = MessageOptions()

    mutating func read(_ tag: UInt32, from reader: inout WireReader) throws(WireError) {
        switch tag {
        case 10: name = try reader.string()
        case 18: fields.append(try .nested(in: &reader))
        case 26: messages.append(try .nested(in: &reader))
        case 34: enums.append(try .nested(in: &reader))
        case 42:
            hasExtensionRanges = true
            try reader.skip(tag)
        case 58: options = try .nested(in: &reader)
        case 66: oneofs.append(try .nested(in: &reader))
        default: try reader.skip(tag)
        }
    }
}

struct MessageOptions: DescriptorMessage {
    var isMapEntry = false

    mutating func read(_ tag: UInt32, from reader: inout WireReader) throws(WireError) {
        switch tag {
        case 56: isMapEntry = try reader.varint() != 0
        default: try reader.skip(tag)
        }
    }
}

struct OneofDescriptor: DescriptorMessage {
    var name = ""

    mutating func read(_ tag: UInt32, from reader: inout WireReader) throws(WireError) {
        switch tag {
        case 10: name = try reader.string()
        default: try reader.skip(tag)
        }
    }
}

struct FieldDescriptor: DescriptorMessage {
    /// `google.protobuf.FieldDescriptorProto.Type`.
    enum Kind: UInt64 {
        case double = 1
        case float, int64, uint64, int32, fixed64, fixed32, bool, string, group, message, bytes, uint32, `enum`
        case sfixed32, sfixed64, sint32, sint64
    }

    var name = ""
    var number: UInt32 = 0
    var isRepeated = false
    var kind: Kind?
    /// The full name of the message or enum, with a leading dot.
    var typeName = ""
    var oneofIndex: Int?
    var isProto3Optional = false
    var options = FieldOptions()

    mutating func read(_ tag: UInt32, from reader: inout WireReader) throws(WireError) {
        switch tag {
        case 10: name = try reader.string()
        case 24: number = UInt32(truncatingIfNeeded: try reader.varint())
        case 32: isRepeated = try reader.varint() == 3
        case 40: kind = Kind(rawValue: try reader.varint())
        case 50: typeName = try reader.string()
        case 66: options = try .nested(in: &reader)
        case 72: oneofIndex = Int(truncatingIfNeeded: try reader.varint())
        case 136: isProto3Optional = try reader.varint() != 0
        default: try reader.skip(tag)
        }
    }
}

struct FieldOptions: DescriptorMessage {
    var packed: Bool?
    /// The option `csi_secret`, extension 1059.
    var isSecret = false

    mutating func read(_ tag: UInt32, from reader: inout WireReader) throws(WireError) {
        switch tag {
        case 16: packed = try reader.varint() != 0
        case 1059 << 3: isSecret = try reader.varint() != 0
        default: try reader.skip(tag)
        }
    }
}

struct EnumDescriptor: DescriptorMessage {
    var name = ""
    var values: [EnumValueDescriptor] = []

    mutating func read(_ tag: UInt32, from reader: inout WireReader) throws(WireError) {
        switch tag {
        case 10: name = try reader.string()
        case 18: values.append(try .nested(in: &reader))
        default: try reader.skip(tag)
        }
    }
}

struct EnumValueDescriptor: DescriptorMessage {
    var name = ""
    var number: Int32 = 0

    mutating func read(_ tag: UInt32, from reader: inout WireReader) throws(WireError) {
        switch tag {
        case 10: name = try reader.string()
        case 16: number = Int32(truncatingIfNeeded: try reader.varint())
        default: try reader.skip(tag)
        }
    }
}

struct ServiceDescriptor: DescriptorMessage {
    var name = ""
    var methods: [MethodDescriptor] = []

    mutating func read(_ tag: UInt32, from reader: inout WireReader) throws(WireError) {
        switch tag {
        case 10: name = try reader.string()
        case 18: methods.append(try .nested(in: &reader))
        default: try reader.skip(tag)
        }
    }
}

struct MethodDescriptor: DescriptorMessage {
    var name = ""
    var input = ""
    var output = ""
    var requestStreaming = false
    var responseStreaming = false

    mutating func read(_ tag: UInt32, from reader: inout WireReader) throws(WireError) {
        switch tag {
        case 10: name = try reader.string()
        case 18: input = try reader.string()
        case 26: output = try reader.string()
        case 40: requestStreaming = try reader.varint() != 0
        case 48: responseStreaming = try reader.varint() != 0
        default: try reader.skip(tag)
        }
    }
}
