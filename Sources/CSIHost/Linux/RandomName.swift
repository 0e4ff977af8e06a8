import CLinux
import Glibc

/// Names from the kernel's random source.
enum RandomName {
    /// The prefix and 16 hexadecimal digits.
    static func make(prefix: String) -> String {
        var number: UInt64 = 0
        let count = withUnsafeMutableBytes(of: &number) { bytes in
            var count = 0
            repeat { count = clinux_getrandom(bytes.baseAddress, bytes.count) } while count == -Int(EINTR)
            return count
        }
        // Requests this small are answered whole; where a sandbox forbids the call, Swift's own source serves.
        if count != MemoryLayout<UInt64>.size { number = .random(in: 0...UInt64.max) }
        let digits = String(number, radix: 16)
        return prefix + String(repeating: "0", count: 16 - digits.count) + digits
    }
}
