/// Base64 in lines, for descriptors inside string literals.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    private static let lineLength = 100

    static func lines(_ bytes: [UInt8]) -> [String] {
        var lines: [String] = []
        var line = ""
        var start = 0
        while start < bytes.count {
            let group = bytes[start..<min(start + 3, bytes.count)]
            line += quad(Array(group))
            start += 3
            if line.count >= lineLength {
                lines.append(line)
                line = ""
            }
        }
        if !line.isEmpty { lines.append(line) }
        return lines
    }

    private static func quad(_ group: [UInt8]) -> String {
        let padded = group + [UInt8](repeating: 0, count: 3 - group.count)
        let bits = padded.reduce(0) { bits, byte in bits << 8 | Int(byte) }
        let characters = [18, 12, 6, 0].map { shift in alphabet[bits >> shift & 63] }
        return String(characters.prefix(group.count + 1)) + String(repeating: "=", count: 3 - group.count)
    }
}
