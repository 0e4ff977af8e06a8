import CLinux
import SystemPackage

/// Opens the regular files of a tree that others write to, and nothing else.
///
/// Opening a device has effects: a watchdog begins to count, a tape winds back. A name that stood for a file when its directory was
/// read can stand for a device when it is opened. So it is opened with `O_PATH` first, which only looks; what was found
/// and is a regular file is then opened by its descriptor. Where the mount keeps devices from being opened, that is not needed.
final class RegularFiles {
    /// What opening came to.
    enum Outcome: ~Copyable {
        case opened(OwnedDescriptor, statx)
        case notRegular
        case refused(Errno)
    }

    /// `/proc/self/fd`; nil where the mount opens no devices.
    private var descriptors: OwnedDescriptor?

    /// - Parameters:
    ///   - directory: The top of the tree.
    ///   - refusesDevices: Whether its mount is known to open no devices; otherwise it is asked.
    init(
        in directory: borrowing OwnedDescriptor, refusesDevices: Bool = false, for site: CallSite
    ) throws(HostError) {
        var isSafe = refusesDevices
        if !isSafe { isSafe = try site.refusesDevices(directory) }
        if isSafe {
            descriptors = nil
        } else {
            let raw = try site.check(detail: "/proc is not mounted") {
                clinux_openat2(CLINUX_AT_FDCWD, "/proc/self/fd", CLINUX_O_PATH | CLINUX_O_DIRECTORY, 0, 0)
            }
            descriptors = OwnedDescriptor(adopting: CInt(truncatingIfNeeded: raw))
        }
    }

    /// Opens a name in a directory, with its status.
    ///
    /// - Parameter flags: How a regular file is opened; only what these forbid is refused with EPERM.
    func open(
        _ name: FilePath.Component, in directory: CInt, _ flags: UInt64, for site: CallSite
    ) throws(HostError) -> Outcome {
        let resolution = Resolution.beneath(directory, stayingOnMount: true)
        let path = FilePath(component: name)
        guard let place = descriptors?.raw else {
            switch resolution.openIfPossible(path, flags, for: site) {
            case .opened(let file):
                let status = try site.fullStatus(of: file.raw)
                return status.isRegular ? .opened(file, status) : .notRegular
            case .refused(let errno):
                // How devices are refused, and sockets.
                guard errno == .permissionDenied || errno == .noSuchAddressOrDevice,
                    case .opened(let found) = resolution.openIfPossible(path, Self.looking, for: site),
                    try !site.fullStatus(of: found.raw).isRegular
                else { return .refused(errno) }
                return .notRegular
            }
        }
        switch resolution.openIfPossible(path, Self.looking, for: site) {
        case .refused(let errno): return .refused(errno)
        case .opened(let found):
            let status = try site.fullStatus(of: found.raw)
            guard status.isRegular else { return .notRegular }
            let number = String(found.raw)
            switch site.result({ clinux_openat2(place, number, flags, 0, 0) }) {
            case .success(let raw): return .opened(OwnedDescriptor(adopting: CInt(truncatingIfNeeded: raw)), status)
            case .failure(.notPermitted): return .refused(.notPermitted)
            case .failure(let errno): throw site.failure(errno)
            }
        }
    }

    private static var looking: UInt64 { CLINUX_O_PATH | CLINUX_O_NOFOLLOW }
}

extension statx {
    fileprivate var isRegular: Bool { FileKind(mode: UInt32(stx_mode)) == .regular }
}

extension CallSite {
    /// Whether the mount that a file is reached through keeps devices from being opened.
    fileprivate func refusesDevices(_ file: borrowing OwnedDescriptor) throws(HostError) -> Bool {
        var status = statvfs()
        let raw = file.raw
        try check { clinux_fstatvfs(raw, &status) }
        return UInt64(status.f_flag) & CLINUX_ST_NODEV != 0
    }
}
