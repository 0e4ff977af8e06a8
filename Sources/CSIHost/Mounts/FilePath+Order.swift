import Glibc
import SystemPackage

extension FilePath {
    /// Whether the path is `other` or lies below it, by text.
    ///
    /// A node has thousands of mounts, and each question about a path compares it with all of them: bytes, no components.
    func isAtOrBelow(_ other: FilePath) -> Bool {
        withPlatformString { path in
            other.withPlatformString { prefix in
                let length = strlen(prefix)
                guard strncmp(path, prefix, length) == 0 else { return false }
                // The prefix ends where a component does: at its own slash (the root), at the end, or before a slash.
                return length == 0 || prefix[length - 1] == 0x2f || path[length] == 0 || path[length] == 0x2f
            }
        }
    }
}
