/// Base64 as gRPC's `-bin` fields use it: sent without padding, accepted with or without.
enum Base64 {
    private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    /// Appends the encoding of `source` to `bytes`.
    static func append(_ source: [UInt8], to bytes: inout [UInt8]) {
        var pending: UInt32 = 0
        var bits = 0
        for byte in source {
            pending = pending << 8 | UInt32(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                bytes.append(alphabet.utf8Start[Int(pending >> UInt32(bits) & 63)])
            }
            pending &= 0xFF
        }
        if bits > 0 { bytes.append(alphabet.utf8Start[Int(pending << UInt32(6 - bits) & 63)]) }
    }

    /// The bytes that `text` encodes; nil when it is not base64.
    static func decode(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> [UInt8]? {
        var text = text
        var padding = 0
        while text.last == UInt8(ascii: "=") && padding < 2 {
            text.removeLast()
            padding += 1
        }
        if text.count % 4 == 1 || (padding > 0 && (text.count + padding) % 4 != 0) { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count * 3 / 4)
        var pending: UInt32 = 0
        var bits = 0
        for character in text {
            guard let value = value(of: character) else { return nil }
            pending = (pending << 6 | UInt32(value)) & 0xFFFF
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: pending >> UInt32(bits)))
            }
        }
        return bytes
    }

    private static func value(of character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
