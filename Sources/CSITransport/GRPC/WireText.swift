import Glibc

/// A view of header bytes, valid only inside the callback that gave it.
typealias WireText = UnsafeBufferPointer<UInt8>

extension UnsafeBufferPointer<UInt8> {
    /// Whether the bytes are exactly those of `text`.
    func equals(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount, let baseAddress else { return count == text.utf8CodeUnitCount }
        return memcmp(baseAddress, text.utf8Start, count) == 0
    }

    /// Whether the bytes begin with those of `text`.
    func begins(with text: StaticString) -> Bool {
        guard count >= text.utf8CodeUnitCount, let baseAddress else { return text.utf8CodeUnitCount == 0 }
        return memcmp(baseAddress, text.utf8Start, text.utf8CodeUnitCount) == 0
    }

    /// Whether the bytes end with those of `text`.
    func ends(with text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard count >= length, let baseAddress else { return length == 0 }
        return memcmp(baseAddress + (count - length), text.utf8Start, length) == 0
    }

    /// Whether the bytes are exactly `bytes`.
    func equals(_ bytes: [UInt8]) -> Bool {
        guard count == bytes.count else { return false }
        guard let baseAddress, count > 0 else { return true }
        return bytes.withUnsafeBytes { other in
            guard let start = other.baseAddress else { return false }
            return memcmp(baseAddress, start, count) == 0
        }
    }

    /// The bytes as text; bad UTF-8 is repaired.
    var text: String { String(decoding: self, as: UTF8.self) }

    /// The bytes as text for a log or a message: cut, and with everything but printable ASCII replaced.
    func excerpt(_ limit: Int = 100) -> String {
        let shown = prefix(limit).map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }
        return String(decoding: shown, as: UTF8.self) + (count > limit ? "..." : "")
    }
}
