/// Turns the last entry of a page into an opaque `next_token` and back.
///
/// A token stays good when entries come and go: the next page begins after the place where the last one ended.
public enum PageToken {
    /// The token of a page that ended with `last`.
    public static func encoded(after last: String) -> String {
        let digits = Array("0123456789abcdef".unicodeScalars)
        var token = String.UnicodeScalarView()
        token.append("a")
        for byte in Array(last.utf8) + [checksum(last)] {
            token.append(digits[Int(byte >> 4)])
            token.append(digits[Int(byte & 15)])
        }
        return String(token)
    }

    /// Where the page that `token` asks for begins.
    /// - Throws: ABORTED when the token is not one of ``encoded(after:)``.
    public static func decoded(_ token: String) throws(CSIError) -> String {
        let nibbles = token.utf8.dropFirst().map(nibble)
        guard token.utf8.first == 0x61, nibbles.count >= 4, nibbles.count % 2 == 0, !nibbles.contains(nil) else {
            throw .badStartingToken()
        }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: nibbles.count, by: 2) {
            bytes.append((nibbles[index] ?? 0) << 4 | (nibbles[index + 1] ?? 0))
        }
        let sum = bytes.removeLast()
        guard let last = String(validating: bytes, as: UTF8.self), checksum(last) == sum else {
            throw .badStartingToken()
        }
        return last
    }

    private static func nibble(_ character: UInt8) -> UInt8? {
        switch character {
        case 0x30...0x39: character - 0x30
        case 0x61...0x66: character - 0x61 + 10
        default: nil
        }
    }

    /// Tells a token of ours from any other hexadecimal text; it protects nothing.
    private static func checksum(_ text: String) -> UInt8 {
        text.utf8.reduce(0x5C) { ($0 &* 31) ^ $1 }
    }
}
