import CSIHost
import CSILock
import SystemPackage

/// Paths that were taken apart or put together before.
///
/// A model walks the same paths over and over, and in a debug build, which is what tests are, swift-system checks a whole path each time
/// that it is taken apart: nine tenths of the time of a crash exploration went there.
enum KnownPaths {
    private struct Known {
        let path: FilePath
        let names: [FilePath.Component]
    }

    private static let known = Guarded<[PathBytes: Known]>([:])

    /// So that what is known stays small whatever a test does.
    private static let most = 10_000

    /// The components of a path.
    static func names(of path: FilePath) -> [FilePath.Component] {
        find(PathBytes(path)) { path }.names
    }

    /// The path that has these bytes.
    static func path(of bytes: PathBytes) -> FilePath {
        find(bytes) {
            (bytes.bytes + [0]).withUnsafeBytes { text in
                text.baseAddress.map { FilePath(platformString: $0.assumingMemoryBound(to: CChar.self)) } ?? ""
            }
        }.path
    }

    /// A path with a relative one below it.
    static func path(_ base: FilePath, with relative: FilePath) -> FilePath {
        guard !relative.isEmpty else { return base }
        let above = PathBytes(base).bytes
        return path(of: PathBytes((above == [0x2f] ? [] : above) + [0x2f] + PathBytes(relative).bytes))
    }

    private static func find(_ bytes: PathBytes, _ make: () -> FilePath) -> Known {
        if let found = known.withLock({ $0[bytes] }) { return found }
        let path = make()
        let made = Known(path: path, names: Array(path.components))
        known.withLock { known in
            if known.count >= most { known = [:] }
            known[bytes] = made
        }
        return made
    }
}
