import CLinux
import Glibc
import SystemPackage

/// What Linux offers to this process.
struct LinuxSystem: SystemInspection {
    func support(for feature: KernelFeature) async throws(HostError) -> FeatureSupport {
        let site = CallSite(.inspectSystem, at: "/")
        // Arguments that no call can do anything with: the kernel tells whether it has the call before it looks at them.
        let result = site.result {
            switch feature {
            case .openat2: clinux_openat2(-1, "relative", CLINUX_O_PATH, 0, 0)
            case .openTree: clinux_open_tree(-1, "relative", 0)
            case .moveMount: clinux_move_mount(-1, "", -1, "", CLINUX_MOVE_MOUNT_EMPTY_PATHS)
            case .mountSetAttributes:
                clinux_mount_setattr(-1, "", UInt32(CLINUX_AT_EMPTY_PATH), UInt64(MOUNT_ATTR_RDONLY), 0, 0)
            case .fsmount: clinux_fsmount(-1, 0)
            }
        }
        switch result {
        case .failure(.noFunction): return .missing
        case .failure(.notPermitted): return .forbidden
        case .failure: return .available
        case .success(let descriptor):
            // Not reached on any kernel; a descriptor must not stay open all the same.
            if descriptor > 2 { _ = clinux_close(CInt(truncatingIfNeeded: descriptor)) }
            return .available
        }
    }

    func capabilities() async throws(HostError) -> Set<ProcessCapability> {
        let path: FilePath = "/proc/self/status"
        let line = SystemAttribute.read(path)?.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
        guard let digits = line?.split(whereSeparator: { $0 == "\t" || $0 == " " }).last,
            let mask = UInt64(digits, radix: 16)
        else { throw HostError(.inspectSystem, at: path, kind: .notFound, detail: "is /proc mounted?") }
        return Set(ProcessCapability.allCases.filter { mask & (1 << UInt64($0.rawValue)) != 0 })
    }

    func hasProgram(_ name: String) async throws(HostError) -> Bool {
        Program.searchPath.contains { access("\($0)/\(name)", X_OK) == 0 }
    }

    func fileSystemTypes() async throws(HostError) -> Set<String> {
        let path: FilePath = "/proc/filesystems"
        guard let text = SystemAttribute.read(path) else {
            throw HostError(.inspectSystem, at: path, kind: .notFound, detail: "is /proc mounted?")
        }
        return Set(text.split(separator: "\n").compactMap { $0.split(separator: "\t").last.map(String.init) })
    }

    func requireDevice(_ path: FilePath) async throws(HostError) {
        let site = CallSite(.inspectSystem, at: path)
        let raw = try site.check {
            path.withPlatformString { clinux_openat2(CLINUX_AT_FDCWD, $0, CLINUX_O_READ_WRITE, 0, 0) }
        }
        _ = clinux_close(CInt(truncatingIfNeeded: raw))
    }
}
