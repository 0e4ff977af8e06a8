import CLinux
import SystemPackage

/// Opens paths in one step of the kernel, never through a symbolic link.
struct Resolution {
    private let base: CInt
    private let rules: UInt64

    /// Resolution of absolute paths.
    static var absolute: Resolution {
        Resolution(base: CLINUX_AT_FDCWD, rules: UInt64(RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS))
    }

    /// Resolution of relative paths that cannot leave a directory.
    ///
    /// - Parameters:
    ///   - directory: the number of an open descriptor, which must stay open while the resolution is used.
    ///   - stayingOnMount: whether a path that leads into another mount is refused with EXDEV.
    static func beneath(_ directory: CInt, stayingOnMount: Bool = false) -> Resolution {
        let mounts = stayingOnMount ? RESOLVE_NO_XDEV : 0
        return Resolution(
            base: directory,
            rules: UInt64(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | mounts))
    }

    /// The same resolution as far as the kernel's cache goes: it asks no file system, and is refused with EAGAIN instead.
    var cached: Resolution { Resolution(base: base, rules: rules | UInt64(RESOLVE_CACHED)) }

    /// Opens a path; the empty one is the base itself.
    func open(
        _ path: FilePath, _ flags: UInt64, permissions: FilePermissions = [], for site: CallSite
    ) throws(HostError) -> OwnedDescriptor {
        switch openIfPossible(path, flags, permissions: permissions, for: site) {
        case .opened(let descriptor): return descriptor
        case .refused(.tooManySymbolicLinkLevels):
            throw site.failure(.tooManySymbolicLinkLevels, detail: symbolicLink(on: path))
        case .refused(.improperLink):
            throw site.failure(.improperLink, detail: "the path leads out of its directory or mount")
        case .refused(.noFunction):
            throw site.failure(.noFunction, detail: "openat2 needs Linux 5.6 or later")
        case .refused(let errno): throw site.failure(errno)
        }
    }

    /// What opening came to.
    enum Outcome: ~Copyable {
        case opened(OwnedDescriptor)
        case refused(Errno)
    }

    /// Opens a path for a caller that tells error numbers apart.
    func openIfPossible(
        _ path: FilePath, _ flags: UInt64, permissions: FilePermissions = [], for site: CallSite
    ) -> Outcome {
        let mode = UInt64(permissions.rawValue)
        let result = (path.isEmpty ? "." : path).withPlatformString { text in
            site.result { clinux_openat2(base, text, flags, mode, rules) }
        }
        switch result {
        case .success(let descriptor): return .opened(OwnedDescriptor(adopting: CInt(truncatingIfNeeded: descriptor)))
        case .failure(let errno): return .refused(errno)
        }
    }

    /// Opens the directory that holds the last component of a path.
    func openParent(of path: FilePath, _ flags: UInt64, for site: CallSite) throws(HostError) -> OwnedDescriptor {
        try open(path.removingLastComponent(), flags, for: site)
    }

    /// Says which component of a path is a symbolic link, for a human: it may have changed since.
    private func symbolicLink(on path: FilePath) -> String? {
        var prefix = FilePath(root: path.root, [])
        for component in path.components {
            prefix.append(component)
            var target = [CChar](repeating: 0, count: 256)
            let length = prefix.withPlatformString { clinux_readlinkat(base, $0, &target, target.count - 1) }
            if length > 0 {
                return "\"\(prefix)\" is a symbolic link to \"\(FilePath(platformString: target))\":"
                    + " use the path without links"
            }
        }
        return nil
    }
}

extension FilePath {
    /// The relative path that is just one name.
    init(component: FilePath.Component) {
        self.init(root: nil, [component])
    }
}
