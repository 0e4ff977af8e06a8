package import SystemPackage

/// The bytes of a path, for comparing one path with the mount points of a whole table.
///
/// A node has thousands of mounts, and each question about a path compares it with all of them; going through the
/// components of each would cost more than reading the table.
package struct PathBytes: Sendable, Hashable {
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package init(_ path: FilePath) {
        bytes = path.withPlatformString { text in
            Array(UnsafeRawBufferPointer(start: text, count: path.length))
        }
    }

    var count: Int { bytes.count }

    /// Whether the path is `other` or lies below it, by text.
    package func isAtOrBelow(_ other: PathBytes) -> Bool {
        let prefix = other.bytes
        guard bytes.count >= prefix.count, bytes.starts(with: prefix) else { return false }
        // The prefix ends where a component does: at its own slash (the root), at the end, or before a slash.
        return prefix.count == bytes.count || prefix.last == 0x2f || prefix.isEmpty || bytes[prefix.count] == 0x2f
    }
}
