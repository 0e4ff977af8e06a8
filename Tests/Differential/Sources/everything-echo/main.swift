import CSIProto
import Everything
import Glibc

// Decodes each message on standard input and writes it encoded to standard output. Both ways a message is four bytes of
// length, least significant first, and so many bytes; the length 0xffffffff stands for a message that is refused.

func readExactly(_ count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
        let result = bytes.withUnsafeMutableBytes { buffer in
            read(STDIN_FILENO, buffer.baseAddress?.advanced(by: filled), count - filled)
        }
        guard result > 0 else { return nil }
        filled += result
    }
    return bytes
}

func writeAll(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { buffer in write(STDOUT_FILENO, buffer.baseAddress, buffer.count) }
        guard count > 0 else { exit(EXIT_FAILURE) }
        rest = rest.dropFirst(count)
    }
}

func length(_ count: UInt32) -> [UInt8] {
    (0..<4).map { index in UInt8(truncatingIfNeeded: count >> (8 * UInt32(index))) }
}

while let prefix = readExactly(4) {
    let count = prefix.reversed().reduce(0) { count, byte in count << 8 | Int(byte) }
    guard let input = readExactly(count) else { exit(EXIT_FAILURE) }
    do throws(WireError) {
        let message = try SwiftCsiTest.Everything(decoding: input)
        let output = message.encoded()
        // Rendering is part of what must never fail.
        guard !message.description.isEmpty else { exit(EXIT_FAILURE) }
        writeAll(length(UInt32(output.count)) + output)
    } catch {
        writeAll(length(UInt32.max))
    }
}
