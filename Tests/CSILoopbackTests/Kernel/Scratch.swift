import CSIHost
import Glibc
import SystemPackage
import Testing

/// Disks in memory and where they are mounted, for tests in a kernel of their own, which takes everything with it when it ends.
final class Scratch {
    private let host = LinuxHost()
    let root: String
    private static let target = "csi-log"
    private static let mark = "call-"

    /// The file with the recorded writes.
    var log: String { root + "/log" }

    private var disk: String { root + "/disk" }
    private var mountPoint: String { root + "/mnt" }

    init() throws {
        var template = Array("/tmp/csi-kernel.XXXXXX".utf8CString)
        root = try #require(mkdtemp(&template).map { String(cString: $0) })
        try #require(mkdir(root + "/mnt", 0o755) == 0)
    }

    func remove() {
        for name in ["log", "disk", "before", "copy"] { unlink("\(root)/\(name)") }
        for name in ["staging", "target"] { rmdir("\(root)/\(name)") }
        rmdir(mountPoint)
        rmdir(root)
    }

    /// Makes a disk with a file system and the folders of a rig, and answers the path of a copy of it.
    func makeDisk(_ type: String, bytes: Int64) async throws -> String {
        try makeFile(disk, bytes: bytes)
        try makeFile(log, bytes: 1 << 30)
        try await run("mkfs.\(type)", ["-q", disk])
        let device = try await attach("disk")
        try mountDisk(device.path.string, type)
        for name in ["pool", "staging", "pods"] { try #require(mkdir("\(mountPoint)/\(name)", 0o755) == 0) }
        try unmountDisk()
        try await detach(device)
        try await copy(disk, to: root + "/before")
        return root + "/before"
    }

    /// Runs `body` with the disk mounted, and everything that is written to it recorded.
    func recording(
        _ type: String, _ body: (FilePath, (Int) async throws -> Void) async throws -> Void
    ) async throws {
        try await run("modprobe", ["dm-log-writes"])
        let device = try await attach("disk")
        let record = try await attach("log")
        let sectors = device.size / 512
        let table = "0 \(sectors) log-writes \(device.path) \(record.path)"
        try await run("dmsetup", ["create", Self.target, "--noudevsync", "--table", table])
        // Without udev nobody makes the name; the kernel is ours, so the first device is the only one.
        // What nobody syncs is to be on the way for as long as the test lasts; by itself ext4 writes every five seconds.
        try mountDisk("/dev/dm-0", type, type == "ext4" ? "commit=600" : nil)
        try await body(FilePath(mountPoint)) { index in
            try await self.run("dmsetup", ["message", Self.target, "0", "mark", "\(Self.mark)\(index)"])
        }
        try unmountDisk()
        try await run("dmsetup", ["remove", "--noudevsync", Self.target])
        try await detach(record)
        try await detach(device)
    }

    /// Lets the power fail after every write that the disk promised to keep, and after every call: runs `body` with the disk
    /// as it would be then, and with the number of calls that had returned.
    func replaying(
        onto path: String, _ type: String, _ body: (FilePath, Int) async throws -> Void
    ) async throws {
        let disk = open(path, O_RDWR | O_CLOEXEC)
        try #require(disk >= 0)
        defer { close(disk) }
        var calls = 0
        for entry in try WriteLog(path: log).entries {
            // The kernel marks the end of its log, too.
            let isCall = entry.mark?.hasPrefix(Self.mark) ?? false
            if isCall { calls += 1 }
            try WriteLog.apply(entry, to: disk)
            guard isCall || entry.isDurable else { continue }
            try await mounting(copyOf: path, type) { mountPoint in try await body(mountPoint, calls) }
        }
    }

    /// Runs `body` with a throw-away copy of a disk mounted.
    private func mounting(copyOf path: String, _ type: String, _ body: (FilePath) async throws -> Void) async throws {
        try await copy(path, to: root + "/copy")
        let device = try await attach("copy")
        try mountDisk(device.path.string, type)
        do {
            try await body(FilePath(mountPoint))
        } catch {
            Issue.record(error)
        }
        try unmountDisk()
        try await detach(device)
    }

    /// Runs `body` with the disk mounted behind a switch: the second argument makes every access to the disk fail from then on.
    func failing(_ type: String, _ body: (FilePath, () async throws -> Void) async throws -> Void) async throws {
        try await mapped(type) { sectors in
            try await body(FilePath(mountPoint)) {
                try await suspend()
                try await self.run("dmsetup", ["load", Self.target, "--table", "0 \(sectors) error"])
                try await resume()
            }
        }
    }

    /// Runs `body` with the disk mounted, and a way to have its reads and writes wait while something is done.
    func hanging(
        _ type: String, _ body: (FilePath, (() async throws -> Void) async throws -> Void) async throws -> Void
    ) async throws {
        try await mapped(type) { _ in
            try await body(FilePath(mountPoint)) { whileHung in
                try await suspend()
                let outcome: Result<Void, any Error>
                do { outcome = .success(try await whileHung()) } catch { outcome = .failure(error) }
                // Whatever happened: nothing on this machine ends while it waits for a disk.
                try await resume()
                try outcome.get()
            }
        }
    }

    private func suspend() async throws {
        try await run("dmsetup", ["suspend", "--noflush", "--nolockfs", Self.target])
    }

    private func resume() async throws {
        try await run("dmsetup", ["resume", "--noudevsync", Self.target])
    }

    /// Runs `body` with the disk mounted through the device mapper, which can change what becomes of reads and writes.
    private func mapped(_ type: String, _ body: (Int64) async throws -> Void) async throws {
        try await run("modprobe", ["dm-mod"])
        let device = try await attach("disk")
        let sectors = device.size / 512
        let works = "0 \(sectors) linear \(device.path) 0"
        try await run("dmsetup", ["create", Self.target, "--noudevsync", "--table", works])
        try mountDisk("/dev/dm-0", type)
        try await body(sectors)
        try unmountDisk()
        try await run("dmsetup", ["remove", "--noudevsync", Self.target])
        try await detach(device)
    }

    /// Runs `body` with a blank disk of which this many bytes at its end cannot be read.
    func unreadable(_ bytes: Int64, of size: Int64, _ body: (FilePath) async throws -> Void) async throws {
        try await run("modprobe", ["dm-mod"])
        try makeFile(disk, bytes: size)
        let device = try await attach("disk")
        let (good, bad) = ((size - bytes) / 512, bytes / 512)
        let works = good > 0 ? ",0 \(good) linear \(device.path) 0" : ""
        try await run(
            "dmsetup",
            [
                "create", "--noudevsync", "--concise", "\(Self.target),,,rw\(works),\(good) \(bad) error",
            ])
        try await body("/dev/dm-0")
        try await run("dmsetup", ["remove", "--noudevsync", Self.target])
        try await detach(device)
    }

    /// Runs `body` with the disk itself mounted.
    func mounting(_ type: String, _ body: (FilePath) async throws -> Void) async throws {
        let device = try await attach("disk")
        try mountDisk(device.path.string, type)
        try await body(FilePath(mountPoint))
        try unmountDisk()
        try await detach(device)
    }

    private func makeFile(_ path: String, bytes: Int64) throws {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        try #require(file >= 0)
        defer { close(file) }
        try #require(ftruncate(file, Int(bytes)) == 0)
    }

    private func attach(_ name: String) async throws -> LoopDevice {
        let tree = try await host.files.openDirectory(FilePath(root))
        return try await host.loops.attach(
            FilePath(name), in: tree, options: LoopOptions(name: name, sectorSize: .bytes512))
    }

    private func detach(_ device: LoopDevice) async throws {
        _ = try await host.loops.detach(device, within: .seconds(60))
    }

    private func mountDisk(_ device: String, _ type: String, _ options: String? = nil) throws {
        let result = mount(device, mountPoint, type, 0, options)
        try #require(result == 0, "mount \(device): \(errno)")
    }

    private func unmountDisk() throws {
        let result = umount2(mountPoint, 0)
        try #require(result == 0, "umount: \(errno)")
    }

    private func copy(_ source: String, to destination: String) async throws {
        try await run("cp", ["--sparse=always", source, destination])
    }

    func run(_ name: String, _ arguments: [String]) async throws {
        try await host.programs.require(Program(name, arguments), within: .seconds(60))
    }
}
