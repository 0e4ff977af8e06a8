import CLinux
import CSIHost
import CSITestKit
import Glibc
import SystemPackage

/// What the contract of tree copies needs beyond the effects of a host.
protocol TreeRig: DeviceRig {
    func addHardLink(_ path: FilePath, to existing: FilePath) throws
    func addFIFO(_ path: FilePath) throws
    func setAttribute(_ name: String, of path: FilePath, to value: [UInt8]) throws
    func attribute(_ name: String, of path: FilePath) -> [UInt8]?
    func setModified(_ path: FilePath, to time: Int64) throws
    func target(ofLink path: FilePath) -> String?
}

/// Runs a test body against a fresh host of a kind, and cleans up whatever the body does.
func withTrees(_ kind: HostKind, _ body: (any TreeRig) async throws -> Void) async throws {
    let rig: any TreeRig =
        switch kind {
        case .fake: FakeRig()
        case .linux: try LinuxRig()
        }
    defer { rig.cleanUp() }
    try await body(rig)
}

extension FakeRig: TreeRig {
    func addHardLink(_ path: FilePath, to existing: FilePath) { fake.addHardLink(path, to: existing) }

    func addFIFO(_ path: FilePath) { fake.addFIFO(path, permissions: [.ownerReadWrite]) }

    func setAttribute(_ name: String, of path: FilePath, to value: [UInt8]) {
        fake.setAttribute(name, of: path, to: value)
    }

    func attribute(_ name: String, of path: FilePath) -> [UInt8]? { fake.attribute(name, of: path) }

    func setModified(_ path: FilePath, to time: Int64) { fake.setModified(path, to: time) }

    func target(ofLink path: FilePath) -> String? { fake.target(ofLink: path)?.string }
}

extension LinuxRig: TreeRig {
    func addHardLink(_ path: FilePath, to existing: FilePath) throws {
        guard link(existing.string, path.string) == 0 else { throw Self.failed("link \(path)") }
    }

    func addFIFO(_ path: FilePath) throws {
        guard mkfifo(path.string, 0o600) == 0 else { throw Self.failed("mkfifo \(path)") }
    }

    func setAttribute(_ name: String, of path: FilePath, to value: [UInt8]) throws {
        guard clinux_lsetxattr(path.string, name, value, value.count) == 0 else { throw Self.failed("set \(name)") }
    }

    func attribute(_ name: String, of path: FilePath) -> [UInt8]? {
        var value = [UInt8](repeating: 0, count: 1 << 16)
        let count = clinux_lgetxattr(path.string, name, &value, value.count)
        return count < 0 ? nil : Array(value.prefix(count))
    }

    func setModified(_ path: FilePath, to time: Int64) throws {
        let times = [timespec(tv_sec: 1, tv_nsec: 2), timespec(tv_sec: Int(time), tv_nsec: 123_456_789)]
        guard utimensat(AT_FDCWD, path.string, times, AT_SYMLINK_NOFOLLOW) == 0 else {
            throw Self.failed("set the times of \(path)")
        }
    }

    func target(ofLink path: FilePath) -> String? {
        var text = [CChar](repeating: 0, count: 4097)
        return readlink(path.string, &text, 4096) < 0 ? nil : FilePath(platformString: text).string
    }
}
