/// One schema file: what it declares, and its descriptor for reflection.
public struct ProtoFile: Sendable {
    /// The name by which others import it, for example `csi/v1/node.proto`.
    public let name: String

    /// The files it imports.
    public let dependencies: [String]

    /// The full names of the messages, enums and services it declares, nested ones too.
    public let symbols: [String]

    private let base64: StaticString

    /// Creates a file whose serialised `FileDescriptorProto` is `base64`.
    public init(name: String, dependencies: [String], symbols: [String], base64: StaticString) {
        self.name = name
        self.dependencies = dependencies
        self.symbols = symbols
        self.base64 = base64
    }

    /// The serialised `google.protobuf.FileDescriptorProto`, without comments.
    public var descriptor: [UInt8] {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        bytes.reserveCapacity(base64.utf8CodeUnitCount / 4 * 3)
        base64.withUTF8Buffer { text in
            for character in text {
                guard let value = Self.sextet(character) else { continue }
                bits = bits << 6 | value
                count += 6
                if count >= 8 {
                    count -= 8
                    bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
                }
            }
        }
        return bytes
    }

    private static func sextet(_ character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
